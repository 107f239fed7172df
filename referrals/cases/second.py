"""What nobody may do alone: look into a colleague's hand-over, or hand one on without the child's yes.

One person asks with a reason, another of the same organisation decides, and every lead hears of it. All conditions
are looked at again when it is decided, and a look's again each time something is read. Only the console does any of
this: the bot, which lets copies lapse, needs nothing of these requests.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from referrals import audit
from referrals.cases import handing, lifecycle
from referrals.cases.lifecycle import NotPossible
from referrals.cases.models import Case, Notice, Override, Referral, ReferralState, SecondPerson
from referrals.cases.routing import Choice
from referrals.people import Staff
from referrals.permissions import Permission, Role, may
from referrals.wording import _

SHORTEST_REASON, LONGEST_REASON = 10, 400
# Nobody decides on what was asked so long ago; how long a look lasts.
ASKED_KEPT, LOOK_LASTS = handing.PROPOSAL_KEPT, timedelta(minutes=30)
# Leads see what was decided for as long as a closed case is kept.
REQUESTS_KEPT = timedelta(days=90)

_REASON = _("Write the reason in 10 to 400 characters, without a word of the child's.")
_DECIDED = _("This was decided already.")
_NOT_YOU = _("Another person has to decide this.")
_OVER = _("This request is over: the hand-over was closed or given to somebody else, or too much time has passed.")


class Kind(StrEnum):
    """What is asked for."""

    LOOK = "look"
    HAND_ON = "hand_on"


def own_right(referral: Referral, person: Staff) -> bool:
    """Is it this person's to work with? While nobody has it, it is everybody's of the organisation; a lead's always."""
    if person.organization_id != referral.organization_id or not _works(person):
        return False
    return person.role == Role.LEAD or referral.assigned_to in (None, person.id)


def look_of(session: Session, referral: Referral, person: Staff, at: datetime) -> SecondPerson | None:
    """The look that this person was granted and that still lasts."""
    for request in session.scalars(
        select(SecondPerson).where(
            SecondPerson.kind == Kind.LOOK,
            SecondPerson.referral_id == referral.id,
            SecondPerson.asker == person.id,
            SecondPerson.granted.is_(True),
            SecondPerson.until > at,
        )
    ):
        decider = session.get(Staff, request.decider)
        if _stands(request, referral) and decider is not None and _same_house(decider, referral):
            return request
    return None


def ask_look(session: Session, referral: Referral, person: Staff, reason: str, at: datetime) -> SecondPerson:
    """Ask for a look into what is assigned to somebody else; raises NotPossible."""
    handing.lock(session, referral.case)
    lifecycle.expect(referral, *lifecycle.READABLE)
    if own_right(referral, person):
        raise NotPossible(_("This hand-over is yours to open already."))
    if asked_by(session, referral, person, at) is not None:
        raise NotPossible(_("You have asked already; another person has to decide."))
    return _ask(session, Kind.LOOK, referral, person, reason, at)


def asked_by(session: Session, referral: Referral, person: Staff, at: datetime) -> SecondPerson | None:
    """The look that this person has asked for and nobody has decided on."""
    return session.scalars(
        select(SecondPerson).where(
            SecondPerson.kind == Kind.LOOK,
            SecondPerson.referral_id == referral.id,
            SecondPerson.asker == person.id,
            SecondPerson.assigned_to == referral.assigned_to,
            SecondPerson.decided_at.is_(None),
            SecondPerson.asked_at > at - ASKED_KEPT,
        )
    ).first()


def propose(
    session: Session, holder: Referral, person: Staff, choice: Choice, content: bytes, reason: str, at: datetime
) -> SecondPerson:
    """Propose to hand on without the child's yes, because a life is in danger; raises NotPossible.

    The copy is sealed now, while the holder's own is open, and waits unseen for the lead's decision.
    """
    _check_reason(reason)
    target = handing.seal_for(session, holder, choice, content, ReferralState.PROPOSED, at)
    return _ask(session, Kind.HAND_ON, holder, person, reason, at, target)


def _ask(
    session: Session, kind: Kind, referral: Referral, person: Staff, reason: str, at: datetime,
    target: Referral | None = None,
) -> SecondPerson:  # fmt: skip
    _check_reason(reason)
    request = SecondPerson(
        kind=kind, referral_id=referral.id, target_id=target.id if target else None, asker=person.id,
        reason=reason.strip(), assigned_to=referral.assigned_to, asked_at=at,
    )  # fmt: skip
    session.add(request)
    session.flush()
    action = "look_asked" if kind is Kind.LOOK else "override_asked"
    _record(session, request, person, action, at)
    _tell_leads(session, request, referral, action, at)
    return request


def _check_reason(reason: str) -> None:
    if not SHORTEST_REASON <= len(reason.strip()) <= LONGEST_REASON:
        raise NotPossible(_REASON)


def waiting(session: Session, organization_id: UUID, at: datetime) -> list[SecondPerson]:
    """What waits for a decision in this organisation, the oldest first."""
    query = select(SecondPerson).join(Referral, Referral.id == SecondPerson.referral_id)
    found = session.scalars(
        query.where(
            Referral.organization_id == organization_id,
            SecondPerson.decided_at.is_(None),
        ).order_by(SecondPerson.asked_at)
    )
    return [request for request in found if _waits(request, at)]


def over(session: Session, organization_id: UUID, at: datetime, most: int) -> list[SecondPerson]:
    """What was decided or has lapsed in this organisation, the newest first."""
    query = select(SecondPerson).join(Referral, Referral.id == SecondPerson.referral_id)
    found = session.scalars(
        query.where(Referral.organization_id == organization_id).order_by(SecondPerson.asked_at.desc()).limit(most)
    )
    return [request for request in found if request.decided_at is not None or not _waits(request, at)]


def find(session: Session, request_id: UUID, organization_id: UUID) -> SecondPerson | None:
    """A request of this organisation; another's is as absent as none."""
    query = select(SecondPerson).join(Referral, Referral.id == SecondPerson.referral_id)
    mine = (SecondPerson.id == request_id, Referral.organization_id == organization_id)
    return session.scalars(query.where(*mine).with_for_update(of=SecondPerson)).first()


def may_decide(request: SecondPerson, person: Staff) -> bool:
    """Never who asked; on handing on, a lead alone."""
    if person.id == request.asker or not _same_house(person, request.referral):
        return False
    return request.kind == Kind.LOOK or may(person.role, Permission.OVERRIDE)


def decide(session: Session, request: SecondPerson, person: Staff, agree: bool, at: datetime) -> None:
    """The second person's word; raises NotPossible. Give what `find` gave: that row is locked."""
    handing.lock(session, request.referral.case)
    session.refresh(request)
    if request.decided_at is not None:
        raise NotPossible(_DECIDED)
    if not may_decide(request, person):
        raise NotPossible(_NOT_YOU)
    asker = session.get(Staff, request.asker)
    if not _waits(request, at) or asker is None or not _same_house(asker, request.referral):
        raise NotPossible(_OVER)
    request.decider, request.decided_at, request.granted = person.id, at, agree
    if request.kind == Kind.LOOK:
        _decide_look(session, request, person, at)
    else:
        _decide_hand_on(session, request, asker, person, at)


def _decide_look(session: Session, request: SecondPerson, person: Staff, at: datetime) -> None:
    _record(session, request, person, "look_approved" if request.granted else "look_refused", at)
    if request.granted:
        request.until = at + LOOK_LASTS
        _tell_leads(session, request, request.referral, "look_granted", at)


def _decide_hand_on(session: Session, request: SecondPerson, asker: Staff, person: Staff, at: datetime) -> None:
    """Agreed: recorded as an override, and the child's status tells of it. Refused: the copy goes."""
    holder, case = request.referral, request.referral.case
    target = request.target
    assert target is not None  # a proposal has one, and it waits
    _record(session, request, person, "override_confirmed" if request.granted else "override_refused", at)
    if not request.granted:
        lifecycle.drop_pending(session, case, at)
        return
    override = Override(first_person=asker.actor, second_person=person.actor, reason=request.reason, at=at)
    session.add(override)
    session.flush()
    target.override_id = case.override_id = override.id
    handing.move(session, holder, target, at)
    lifecycle.tell_child(session, case, "safety", at)
    _tell_leads(session, request, holder, "override_done", at)


def sweep(session: Session, at: datetime) -> None:
    """Forget requests that are old, or whose case was erased: the reasons go with it."""
    erased = select(Referral.id).join(Case, Case.id == Referral.case_id).where(Case.erased_at.is_not(None))
    gone = or_(SecondPerson.asked_at <= at - REQUESTS_KEPT, SecondPerson.referral_id.in_(erased))
    session.execute(delete(SecondPerson).where(gone))


# -- conditions


def _works(person: Staff) -> bool:
    return person.disabled_at is None and may(person.role, Permission.CASES)


def _same_house(person: Staff, referral: Referral) -> bool:
    return _works(person) and person.organization_id == referral.organization_id


def _stands(request: SecondPerson, referral: Referral) -> bool:
    """Is the hand-over still there, and still with the same person?"""
    return ReferralState(referral.state) in lifecycle.READABLE and request.assigned_to == referral.assigned_to


def _waits(request: SecondPerson, at: datetime) -> bool:
    """Can it still be decided? A proposal only while the very copy that was sealed for it waits."""
    fresh = request.asked_at > at - ASKED_KEPT and _stands(request, request.referral)
    if not fresh or request.target is None:
        return fresh
    return request.target.state == ReferralState.PROPOSED and request.target.asked_at == request.asked_at


# -- telling


def _subject(request: SecondPerson) -> str:
    return f"case:{request.referral.case.number}"


def _record(session: Session, request: SecondPerson, person: Staff, action: str, at: datetime) -> None:
    # The reason is not written down here: what stands in the trail stays for ever.
    details = {"request": str(request.id)}
    audit.record(session, at=at, actor=person.actor, action=action, subject=_subject(request), details=details)


def _tell_leads(session: Session, request: SecondPerson, referral: Referral, kind: str, at: datetime) -> None:
    """A notice to every lead of the organisation, in person."""
    leads = session.scalars(
        select(Staff).where(
            Staff.organization_id == referral.organization_id, Staff.role == Role.LEAD, Staff.disabled_at.is_(None)
        )
    )
    for lead in leads.all():
        session.add(
            Notice(
                once=f"{kind}:{request.id}:{lead.id}", kind=kind, referral_id=referral.id, case_id=referral.case_id,
                staff_id=lead.id, next_at=at,
            )
        )  # fmt: skip
