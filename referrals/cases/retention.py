"""What has outlived its purpose goes: by destroying keys and sealed bytes, whatever the age of the case."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from referrals import audit, throttle
from referrals.cases.models import AnswerLink, Case, CaseMessage, CaseState, Draft, Notice, Referral

CLOSED_KEPT = timedelta(days=90)
# So long after the end a last line and "did it help?" may still reach the chat.
RELAY_KEPT = timedelta(days=7)
NOTICES_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Swept:
    """How much went."""

    drafts: int
    cases: int


def sweep(session: Session, at: datetime, kept: timedelta = CLOSED_KEPT) -> Swept:
    """Delete drafts past their hour and cases past their time; never one that somebody has just touched.

    A case that was reopened counts from its new end. Checkpoint the log afterwards (db.checkpoint).
    """
    drafts = session.execute(delete(Draft).where(Draft.expires_at <= at)).rowcount  # type: ignore[attr-defined] # a delete has a count
    old = session.scalars(
        select(Case).where(
            Case.state == CaseState.CLOSED,
            Case.erased_at.is_(None),
            Case.closed_at <= at - kept,
            Case.touched_at <= at - kept,
        )
    ).all()
    for case in old:
        erase_case(session, case, audit.SYSTEM, at)
    session.execute(
        update(Case)
        .where(Case.state == CaseState.CLOSED, Case.relay.is_not(None), Case.closed_at <= at - RELAY_KEPT)
        .values(relay=None)
    )
    session.execute(delete(AnswerLink).where(AnswerLink.expires_at <= at))
    session.execute(delete(Notice).where(Notice.sent_at <= at - NOTICES_KEPT))
    throttle.sweep(session, at)
    return Swept(drafts, len(old))


def erase_case(session: Session, case: Case, actor: str, at: datetime) -> None:
    """Everything of a case goes, save the codes that it is counted by."""
    session.execute(delete(CaseMessage).where(CaseMessage.case_id == case.id))
    ids = select(Referral.id).where(Referral.case_id == case.id)
    session.execute(delete(AnswerLink).where(AnswerLink.referral_id.in_(ids)))
    session.execute(delete(Notice).where(Notice.case_id == case.id))
    session.execute(update(Referral).where(Referral.case_id == case.id).values(sealed=None))
    case.profile = case.receipt = case.reply_key = case.reply_wrapped = case.relay = None
    case.erased_at = at
    session.flush()
    session.expire(case)
    audit.record(session, at=at, actor=actor, action="case_erased", subject=f"case:{case.number}")


def forget_profile(session: Session, profile: bytes) -> None:
    """The chat is cut from its cases: only the receipt leads to them now, and nothing leads back."""
    session.execute(delete(Draft).where(Draft.profile == profile))
    session.execute(update(Case).where(Case.profile == profile).values(profile=None, relay=None))
