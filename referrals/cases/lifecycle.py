"""The way of a referral: sent, accepted, rejected, done, revoked; deadlines, and on to the next choice."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from referrals import audit
from referrals.cases.models import (
    AnswerLink,
    Author,
    Case,
    CaseMessage,
    CaseState,
    Disposition,
    FollowUp,
    Notice,
    NoticeAddress,
    OrganizationKey,
    Referral,
    ReferralState,
    RejectReason,
    Urgency,
)
from referrals.crypto import referral_purpose, seal_to

DEADLINES = {
    Urgency.NOW: timedelta(minutes=15),
    Urgency.HIGH: timedelta(hours=3),
    Urgency.MEDIUM: timedelta(hours=24),
    Urgency.LOW: timedelta(days=3),
}
# In these states the organisation reads the case.
READABLE = frozenset((ReferralState.IN_PROGRESS, ReferralState.ACCEPTED))
# Sealed to an organisation that another one would hand the case on to; handing.py decides.
PENDING = frozenset((ReferralState.ASKED, ReferralState.PROPOSED))
LONGEST_MESSAGE = 4_096
# What may happen several times to one case is told each time.
_AGAIN = frozenset(("child_wrote", "child_decided", "answer", "question", "safety"))


class NotPossible(Exception):
    """A step that the referral's state does not allow; the message says what and why."""


def start(session: Session, referral: Referral, at: datetime) -> None:
    """A choice's turn has come: its clock runs, its people are told."""
    referral.state = ReferralState.IN_PROGRESS
    referral.sent_at = at
    referral.due_at = at + DEADLINES[Urgency(referral.case.urgency)]
    notify(session, referral, "new_handover", at)


def accept(session: Session, referral: Referral, actor: str, at: datetime) -> None:
    expect(referral, ReferralState.IN_PROGRESS)
    referral.state, referral.accepted_at, referral.due_at = ReferralState.ACCEPTED, at, None
    _touch(session, referral, "referral_accepted", actor, at)
    tell_child(session, referral.case, "accepted", at)


def reject(session: Session, referral: Referral, reason: RejectReason, actor: str, at: datetime) -> Referral | None:
    """Refuse, with a reason from the list; the next choice, if there is one, is asked at once."""
    expect(referral, ReferralState.IN_PROGRESS, ReferralState.ACCEPTED)
    referral.reason = reason
    drop_pending(session, referral.case, at)
    end(session, referral, ReferralState.REJECTED, at)
    _touch(session, referral, "referral_rejected", actor, at, details={"reason": reason.value})
    return _next(session, referral.case, at)


def close(session: Session, referral: Referral, disposition: Disposition, actor: str, at: datetime) -> None:
    """The organisation's part is done: the case closes, its way back to the chat is cut after a last word."""
    expect(referral, ReferralState.ACCEPTED)
    end(session, referral, ReferralState.DONE, at)
    _touch(session, referral, "referral_done", actor, at, details={"disposition": disposition.value})
    _close_case(session, referral.case, disposition, at)


def revoke(session: Session, case: Case, actor: str, at: datetime, *, certain: bool = True) -> None:
    """The child takes the hand-over back; `certain` is false when it may not be the child who writes.

    Nothing is deleted that the organisation may need to keep a child safe: it loses access, and is
    told to check by a safe way when a doubt remains.
    """
    if case.state != CaseState.OPEN:
        return
    if not certain:
        case.check_safely = True
        for referral in case.referrals:
            if ReferralState(referral.state) in READABLE:
                notify(session, referral, "check_safely", at)
        audit.record(session, at=at, actor=actor, action="withdrawal_doubted", subject=f"case:{case.number}")
        return
    for referral in case.referrals:
        if ReferralState(referral.state) in READABLE:
            end(session, referral, ReferralState.REVOKED, at)
            notify(session, referral, "revoked", at)
    audit.record(session, at=at, actor=actor, action="handover_revoked", subject=f"case:{case.number}")
    _close_case(session, case, Disposition.WITHDRAWN, at)


def escalate(session: Session, at: datetime) -> int:
    """What nobody looked at in time: told once to all, and after as long again handed to the next choice.

    Safe to run as often as one likes, by several processes: the state says what has been done.
    Returns how many steps were taken.
    """
    overdue = session.scalars(
        select(Referral)
        .where(Referral.state == ReferralState.IN_PROGRESS, Referral.due_at <= at)
        .order_by(Referral.due_at)
        .with_for_update(skip_locked=True)
    ).all()
    for referral in overdue:
        if referral.escalated_at is None:
            _first_reminder(session, referral, at)
        else:
            _pass_on(session, referral, at)
    return len(overdue)


def _first_reminder(session: Session, referral: Referral, at: datetime) -> None:
    assert referral.due_at is not None  # it was found by its deadline
    referral.escalated_at = at
    # As long again, counted from the deadline itself: a late sweep takes nobody's time.
    referral.due_at = max(referral.due_at + DEADLINES[Urgency(referral.case.urgency)], at + timedelta(minutes=1))
    notify(session, referral, "overdue", at)
    audit.record(session, at=at, actor=audit.SYSTEM, action="referral_overdue", subject=f"case:{referral.case.number}")


def _pass_on(session: Session, referral: Referral, at: datetime) -> None:
    if any(r.state == ReferralState.WAITING for r in referral.case.referrals):
        reject(session, referral, RejectReason.NO_ANSWER, audit.SYSTEM, at)
        return
    # Nobody else can be asked: it stays with the last one, and the coordinators hear of it once.
    referral.due_at = None
    notify(session, referral, "unanswered", at)
    tell_child(session, referral.case, "waiting", at)
    audit.record(
        session, at=at, actor=audit.SYSTEM, action="referral_unanswered", subject=f"case:{referral.case.number}"
    )


def _next(session: Session, case: Case, at: datetime) -> Referral | None:
    waiting = next((r for r in case.referrals if r.state == ReferralState.WAITING), None)
    if waiting is not None:
        start(session, waiting, at)
        audit.record(session, at=at, actor=audit.SYSTEM, action="referral_passed_on", subject=f"case:{case.number}")
        return waiting
    if not any(ReferralState(r.state) in READABLE for r in case.referrals):
        tell_child(session, case, "nobody", at)
        _close_case(session, case, Disposition.NOT_REACHED, at)
    return None


def drop_pending(session: Session, case: Case, at: datetime) -> None:
    """Nobody is asked any more whether the case may go on: the copy that waited for the answer goes.

    An organisation that the child itself had chosen for later waits again, as the child wanted.
    """
    for referral in case.referrals:
        if ReferralState(referral.state) not in PENDING:
            continue
        referral.asked_by = referral.asked_at = None
        if referral.consent:
            referral.state = ReferralState.WAITING
        else:
            forget_copy(session, referral, at)


def forget_copy(session: Session, referral: Referral, at: datetime) -> None:
    """An organisation that was never asked will not be: nothing stays that was sealed to it."""
    end(session, referral, ReferralState.REVOKED, at)
    session.execute(
        delete(CaseMessage).where(
            CaseMessage.case_id == referral.case_id, CaseMessage.organization_id == referral.organization_id
        )
    )
    # The rows are gone: what the session has read of them is old.
    session.expire(referral.case, ["messages"])


# -- words after the hand-over


def add_words(session: Session, case: Case, words: str, at: datetime) -> bool:
    """More words of the child, sealed to whoever has the case now; False when nobody has."""
    holder = holder_of(case)
    if holder is None:
        return False
    # Also to the one that the case may go on to: with the child's yes no word of it is lost.
    for reader in (holder, *(r for r in case.referrals if ReferralState(r.state) in PENDING)):
        key = session.get_one(OrganizationKey, reader.key_id)
        sealed = seal_to(key.public_key, words[:LONGEST_MESSAGE].encode(), message_purpose(case, reader))
        session.add(
            CaseMessage(
                case_id=case.id, organization_id=reader.organization_id, author=Author.CHILD,
                to_organization=sealed, at=at,
            )
        )  # fmt: skip
    case.touched_at = at
    notify(session, holder, "child_wrote", at)
    audit.record(session, at=at, actor=audit.CHILD, action="words_added", subject=f"case:{case.number}")
    return True


def answer(session: Session, referral: Referral, words: str, actor: str, at: datetime) -> None:
    """The organisation's words to the child: opened by the child's receipt and by the organisation only."""
    expect(referral, ReferralState.ACCEPTED, ReferralState.IN_PROGRESS)
    case = referral.case
    if case.reply_key is None:
        raise NotPossible("The case is erased; it cannot be answered.")
    _store(session, referral, words, Author.ORGANIZATION, at, to_child=case.reply_key)
    _touch(session, referral, "child_answered", actor, at)
    tell_child(session, case, "answer", at)


def note(session: Session, referral: Referral, words: str, actor: str, at: datetime) -> None:
    """A note of the organisation to itself."""
    expect(referral, ReferralState.ACCEPTED, ReferralState.IN_PROGRESS)
    _store(session, referral, words, Author.NOTE, at, to_child=None)
    _touch(session, referral, "note_written", actor, at)


def _store(
    session: Session, referral: Referral, words: str, author: Author, at: datetime, to_child: bytes | None
) -> None:
    if not words.strip() or len(words) > LONGEST_MESSAGE:
        raise NotPossible(f"A message has 1 to {LONGEST_MESSAGE} characters.")
    key = session.get_one(OrganizationKey, referral.key_id)
    text, purpose = words.strip().encode(), message_purpose(referral.case, referral)
    session.add(
        CaseMessage(
            case_id=referral.case_id,
            organization_id=referral.organization_id,
            author=author,
            to_organization=seal_to(key.public_key, text, purpose),
            to_child=seal_to(to_child, text, reply_purpose(referral.case)) if to_child else None,
            at=at,
        )
    )


def message_purpose(case: Case, referral: Referral) -> str:
    return "message:" + referral_purpose(case.id, referral.organization_id)


def reply_purpose(case: Case) -> str:
    return f"answer:{case.id}"


def holder_of(case: Case) -> Referral | None:
    """The referral of the organisation that has the case now."""
    return next((r for r in case.referrals if ReferralState(r.state) in READABLE), None)


# -- telling


def notify(session: Session, referral: Referral, kind: str, at: datetime) -> None:
    """Put a notice to each of the organisation's addresses on its way, once."""
    addresses = session.scalars(
        select(NoticeAddress).where(NoticeAddress.organization_id == referral.organization_id)
    ).all()
    stamp = at.isoformat(timespec="seconds") if kind in _AGAIN else ""
    for address in addresses:
        once = f"{kind}:{referral.id}:{address.id}{stamp and ':' + stamp}"
        if session.scalar(select(Notice.id).where(Notice.once == once)) is None:
            session.add(
                Notice(
                    once=once, kind=kind, referral_id=referral.id, case_id=referral.case_id,
                    address_id=address.id, next_at=at,
                )
            )  # fmt: skip
            session.flush()


def tell_child(session: Session, case: Case, kind: str, at: datetime) -> None:
    """A neutral line to the chat, if the child chose that; when it goes out is the sender's business."""
    if case.relay is None:
        return
    once = f"child:{kind}:{case.id}:{at.isoformat(timespec='seconds') if kind in _AGAIN else ''}"
    if session.scalar(select(Notice.id).where(Notice.once == once)) is None:
        session.add(Notice(once=once, kind="look_in", case_id=case.id, next_at=at))


def _close_case(session: Session, case: Case, disposition: Disposition, at: datetime) -> None:
    for referral in case.referrals:
        if ReferralState(referral.state) in (ReferralState.WAITING, *PENDING):
            forget_copy(session, referral, at)
    case.state, case.disposition, case.closed_at, case.touched_at = CaseState.CLOSED, disposition, at, at
    if session.get(FollowUp, case.id) is None:
        session.add(FollowUp(case_id=case.id))


def end(session: Session, referral: Referral, state: ReferralState, at: datetime) -> None:
    """The organisation may read no more, or never will: what was sealed to it goes, and its links with it."""
    referral.state, referral.ended_at, referral.due_at = state, at, None
    referral.sealed = None
    session.execute(delete(AnswerLink).where(AnswerLink.referral_id == referral.id))


def expect(referral: Referral, *states: ReferralState) -> None:
    """Raises NotPossible unless the referral is in one of these states."""
    if referral.state not in states:
        raise NotPossible(f"This hand-over is {referral.state}; that step is not possible any more.")


def _touch(
    session: Session,
    referral: Referral,
    action: str,
    actor: str,
    at: datetime,
    details: Mapping[str, str] | None = None,
) -> None:
    referral.case.touched_at = at
    audit.record(session, at=at, actor=actor, action=action, subject=f"case:{referral.case.number}", details=details)
