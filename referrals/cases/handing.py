"""Handing a case on to another organisation: the child is asked, and without its yes nobody reads anything."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from referrals import audit
from referrals.cases import lifecycle
from referrals.cases.intake import LONGEST_WORDS
from referrals.cases.lifecycle import NotPossible
from referrals.cases.models import CHILD_REFUSED, Case, Referral, ReferralState
from referrals.cases.routing import Choice, Need, others
from referrals.crypto import referral_purpose, seal_to

# A question that the child has not looked at goes after so long, and the sealed copy with it.
QUESTION_KEPT = timedelta(days=14)
# What two persons have to decide because a life is in danger is decided within a day.
PROPOSAL_KEPT = timedelta(hours=24)


def candidates(
    session: Session, pins: Mapping[str, str], holder: Referral, need: Need, at: datetime, *, despite_no: bool = False
) -> list[tuple[Choice, bool]]:
    """Whom the child can be asked about (or, `despite_no`, two persons can decide on); True for those that fit."""
    return others(session, pins, need, _barred(holder, despite_no), at)


def _barred(holder: Referral, despite_no: bool) -> Collection[UUID]:
    return {r.organization_id for r in holder.case.referrals if r is holder or not _askable(r, despite_no)}


def _askable(referral: Referral, despite_no: bool) -> bool:
    """The child's own later choice; or one that was never asked, unless the child has said no to it."""
    if referral.state == ReferralState.WAITING:
        return True
    never_asked = referral.state == ReferralState.REVOKED and referral.sent_at is None
    return never_asked and (despite_no or referral.reason != CHILD_REFUSED)


def content_for_next(opened: Mapping[str, Any], later: Sequence[str]) -> bytes:
    """What the child handed over, and what it wrote since; nothing that the organisation wrote."""
    words = "\n".join(filter(None, (opened["words"], *later)))
    cut = words.encode()[:LONGEST_WORDS].decode(errors="ignore")
    kept = {name: value for name, value in opened.items() if name != "messages"}
    return json.dumps({**kept, "words": cut or None}, ensure_ascii=False).encode()


def pending_of(case: Case) -> Referral | None:
    """The organisation that the child is asked about now, or that two persons decide on."""
    return next((r for r in case.referrals if ReferralState(r.state) in lifecycle.PENDING), None)


def ask(session: Session, holder: Referral, choice: Choice, content: bytes, actor: str, at: datetime) -> Referral:
    """Ask the child; the copy is sealed now, while the holder's own is open, and waits unseen.

    `choice` is one of `candidates`. Raises NotPossible.
    """
    following = seal_for(session, holder, choice, content, ReferralState.ASKED, at)
    audit.record(session, at=at, actor=actor, action="hand_on_asked", subject=f"case:{holder.case.number}")
    lifecycle.tell_child(session, holder.case, "question", at)
    return following


def seal_for(
    session: Session, holder: Referral, choice: Choice, content: bytes, state: ReferralState, at: datetime
) -> Referral:
    """A copy for one more organisation, which cannot see it yet; at most one waits at a time."""
    case = holder.case
    lock(session, case)
    lifecycle.expect(holder, *lifecycle.READABLE)
    if pending_of(case) is not None:
        raise NotPossible("One question is open already. Withdraw it first.")
    following = next((r for r in case.referrals if r.organization_id == choice.organization_id), None)
    if following is None:
        rank = max(r.rank for r in case.referrals) + 1
        following = Referral(organization_id=choice.organization_id, rank=rank, consent=False)
        case.referrals.append(following)
    following.service_id, following.key_id, following.state = choice.service_id, choice.key_id, state
    following.asked_by, following.asked_at, following.ended_at, following.reason = holder.id, at, None, None
    following.sealed = seal_to(choice.public_key, content, referral_purpose(case.id, choice.organization_id))
    case.touched_at = at
    session.flush()
    return following


def withdraw(session: Session, holder: Referral, actor: str, at: datetime) -> None:
    """The holder asks no more; raises NotPossible when nothing was asked, or the child has answered meanwhile."""
    lock(session, holder.case)
    lifecycle.expect(holder, *lifecycle.READABLE)
    if pending_of(holder.case) is None:
        raise NotPossible("There is no open question. The child may have answered just now.")
    lifecycle.drop_pending(session, holder.case, at)
    audit.record(session, at=at, actor=actor, action="hand_on_withdrawn", subject=f"case:{holder.case.number}")


def decide(session: Session, referral_id: UUID, yes: bool, at: datetime) -> None:
    """The child's answer: the other organisation has the case from now on, or never. Raises NotPossible."""
    asked = session.get(Referral, referral_id)
    if asked is None:
        raise NotPossible("There is no such question.")
    lock(session, asked.case)
    lifecycle.expect(asked, ReferralState.ASKED)
    holder = lifecycle.holder_of(asked.case)
    if holder is None:
        raise NotPossible("Nobody has this case.")
    lifecycle.notify(session, holder, "child_decided", at)
    action = "hand_on_agreed" if yes else "hand_on_refused"
    audit.record(session, at=at, actor=audit.CHILD, action=action, subject=f"case:{asked.case.number}")
    asked.case.touched_at = at
    if yes:
        asked.consent = True
        move(session, holder, asked, at)
    else:
        asked.consent, asked.reason = False, CHILD_REFUSED
        lifecycle.forget_copy(session, asked, at)


def give_up(session: Session, referral_id: UUID, at: datetime) -> None:
    """The child said yes, but the other organisation cannot take it any more: who has the case is told."""
    asked = session.get(Referral, referral_id)
    if asked is None or asked.state != ReferralState.ASKED:
        return
    case, holder = asked.case, lifecycle.holder_of(asked.case)
    lifecycle.drop_pending(session, case, at)
    audit.record(session, at=at, actor=audit.SYSTEM, action="hand_on_failed", subject=f"case:{case.number}")
    if holder is not None:
        lifecycle.notify(session, holder, "child_decided", at)


def move(session: Session, holder: Referral, following: Referral, at: datetime) -> None:
    """One organisation's part ends and its copy goes; the other's clock starts."""
    lifecycle.end(session, holder, ReferralState.HANDED_ON, at)
    lifecycle.start(session, following, at)


def lock(session: Session, case: Case) -> None:
    """One after another, and each with the present state: an answer and a withdrawal may come at once."""
    session.flush()
    query = select(Referral).where(Referral.case_id == case.id).order_by(Referral.rank)
    session.scalars(query.with_for_update().execution_options(populate_existing=True)).all()


def expire(session: Session, at: datetime) -> int:
    """Withdraw what the child, or the second person, was asked long ago and has not answered; returns how many."""
    late = or_(
        and_(Referral.state == ReferralState.ASKED, Referral.asked_at <= at - QUESTION_KEPT),
        and_(Referral.state == ReferralState.PROPOSED, Referral.asked_at <= at - PROPOSAL_KEPT),
    )
    old = session.scalars(select(Referral).where(late)).all()
    for asked in old:
        case = asked.case
        lifecycle.drop_pending(session, case, at)
        audit.record(session, at=at, actor=audit.SYSTEM, action="hand_on_expired", subject=f"case:{case.number}")
    return len(old)
