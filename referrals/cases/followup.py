"""Did it help? Asked once, a day after the end, of children who chose to be written to."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from referrals.cases.models import Case, FollowUp, Notice

ASKED_AFTER = timedelta(days=1)
QUESTIONS = ("reached", "helped", "safe")


def ask_due(session: Session, at: datetime) -> int:
    """Put the question on its way where its time has come; returns how many."""
    due = session.scalars(
        select(FollowUp)
        .join(Case, Case.id == FollowUp.case_id)
        .where(FollowUp.asked_at.is_(None), Case.closed_at <= at - ASKED_AFTER, Case.relay.is_not(None))
    ).all()
    for follow_up in due:
        follow_up.asked_at = at
        session.add(
            Notice(once=f"follow_up:{follow_up.case_id}", kind="follow_up", case_id=follow_up.case_id, next_at=at)
        )
    return len(due)


def record_answer(session: Session, case: Case, question: str, yes: bool) -> None:
    """One tap. `question` is one of QUESTIONS."""
    if question not in QUESTIONS:
        raise ValueError("no such question")
    follow_up = session.get(FollowUp, case.id) or FollowUp(case_id=case.id)
    session.add(follow_up)
    setattr(follow_up, question, yes)
