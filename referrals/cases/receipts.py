"""What a receipt opens, from any chat: how far the case is, and the answers to the child."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from referrals import audit
from referrals.cases import lifecycle
from referrals.cases.models import Author, Case, CaseState, Referral, ReferralState
from referrals.crypto import ReceiptKeys, Sealer, open_with
from referrals.directory.models import Service


@dataclass(frozen=True)
class Question:
    """Who has the case asks whether another organisation may read it."""

    referral_id: UUID
    name: dict[str, str]


@dataclass(frozen=True)
class Status:
    """What the child is told of its case."""

    number: str
    state: str
    name: dict[str, str] | None
    answers: tuple[str, ...]
    open: bool
    question: Question | None = None
    # Who was told without the child's yes, for its safety.
    told_for_safety: tuple[dict[str, str], ...] = ()


def find_case(session: Session, receipt: ReceiptKeys) -> Case | None:
    """The case of a receipt; None for a wrong one and for one that is erased, alike."""
    return session.scalar(select(Case).where(Case.receipt == receipt.lookup))


def read_status(session: Session, case: Case, receipt: ReceiptKeys, at: datetime) -> Status:
    """How far the case is, with every answer so far."""
    answers: tuple[str, ...] = ()
    if case.reply_wrapped is not None:
        private = Sealer(receipt.key).open(case.reply_wrapped, f"reply:{case.id}")
        answers = tuple(
            open_with(private, message.to_child, lifecycle.reply_purpose(case)).decode()
            for message in case.messages
            if message.author == Author.ORGANIZATION and message.to_child is not None
        )
    last = _telling(case)
    audit.record(session, at=at, actor=audit.CHILD, action="status_read", subject=f"case:{case.number}")
    return Status(
        number=case.number,
        state=_state(case, last),
        name=_name(session, last) if last else None,
        answers=answers,
        open=case.state == CaseState.OPEN,
        question=_question(session, case),
        told_for_safety=tuple(
            _name(session, r) for r in case.referrals if r.override_id is not None and r.sent_at is not None
        ),
    )


def _name(session: Session, referral: Referral) -> dict[str, str]:
    service = session.get(Service, referral.service_id)
    return dict(service.name) if service else {}


def _question(session: Session, case: Case) -> Question | None:
    asked = next((r for r in case.referrals if r.state == ReferralState.ASKED), None)
    return Question(asked.id, _name(session, asked)) if asked else None


def _telling(case: Case) -> Referral | None:
    """The referral that says how things stand: who has the case, or had it last."""
    holder = lifecycle.holder_of(case)
    if holder is not None:
        return holder
    # Choices that were never asked have ended with the case, too.
    ended = [r for r in case.referrals if r.ended_at is not None and r.sent_at is not None]
    return max(ended, key=lambda r: (r.ended_at, r.rank), default=None)


def _state(case: Case, last: Referral | None) -> str:
    if case.state == CaseState.OPEN:
        return ReferralState(last.state).value if last else ReferralState.IN_PROGRESS.value
    if case.disposition == "withdrawn":
        return ReferralState.REVOKED.value
    return "nobody" if case.disposition == "not_reached" else ReferralState.DONE.value
