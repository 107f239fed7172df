"""Which organisations may be asked to take a hand-over, in which order."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from referrals import audit
from referrals.cases.models import OrganizationKey, Referral, Urgency
from referrals.crypto import fingerprint
from referrals.directory.freshness import is_shown, shown
from referrals.directory.hours import Hours, OpenState, hours_of
from referrals.directory.models import Organization, Service, ServiceArea, Status

MOST_CHOICES = 3
_ORDER = (OpenState.OPEN, OpenState.UNKNOWN, OpenState.CLOSED)
_URGENT = frozenset(("trafficking", "sexual_abuse", "forced_marriage", "self_harm"))
_SOON = frozenset(("physical_violence", "online_sexual_exploitation", "runaway", "neglect"))


@dataclass(frozen=True)
class Need:
    """What routing knows of a child: codes, and whom the child excludes."""

    concern: str
    region: str | None
    age: int | None
    language: str
    gender: str | None = None
    # "school", "police", "state" or an organisation's id.
    excluded: Collection[str] = ()


@dataclass(frozen=True)
class Choice:
    """An organisation that can take the hand-over, with the key that it is sealed to."""

    service_id: UUID
    organization_id: UUID
    key_id: UUID
    public_key: bytes
    name: Mapping[str, str]
    hours: Hours


def urgency_of(concern: str, danger: bool) -> Urgency:
    """How soon somebody must have looked."""
    if danger:
        return Urgency.NOW
    if concern in _URGENT:
        return Urgency.HIGH
    return Urgency.MEDIUM if concern in _SOON else Urgency.LOW


def choices(session: Session, pins: Mapping[str, str], need: Need, at: datetime) -> list[Choice]:
    """At most three organisations, the best first; none twice, none that the child excluded or that is tied to it."""
    found: list[Choice] = []
    for service in _ranked(session, need, at):
        organization = service.organization
        if any(choice.organization_id == organization.id for choice in found):
            continue
        if _excluded(organization, service, need.excluded):
            continue
        key = _trusted_key(session, pins, organization.id, at)
        if key is None:
            continue
        found.append(
            Choice(service.id, organization.id, key.id, key.public_key, dict(service.name), hours_of(service, at))
        )
        if len(found) == MOST_CHOICES:
            break
    return found


def others(
    session: Session, pins: Mapping[str, str], need: Need, barred: Collection[UUID], at: datetime
) -> list[tuple[Choice, bool]]:
    """Every service that a case could be handed on to, those that fit the need (True) first.

    The others are for the organisation that has the case to judge: the child may have moved, or be older.
    None of them is excluded by the child, tied to somebody excluded, or of an organisation in `barred`.
    """
    fitting = [service.id for service in _ranked(session, need, at)]
    asked = [UUID(name) for name in pins if UUID(name) not in barred]
    query = (
        select(Service)
        .where(Service.takes_handovers, Service.organization_id.in_(asked), shown(at))
        .options(selectinload(Service.schedules), selectinload(Service.organization))
    )
    found: list[tuple[Choice, bool]] = []
    for service in session.scalars(query).all():
        if _excluded(service.organization, service, need.excluded):
            continue
        key = _trusted_key(session, pins, service.organization_id, at)
        if key is not None:
            choice = Choice(
                service.id, service.organization_id, key.id, key.public_key, dict(service.name), hours_of(service, at)
            )
            found.append((choice, service.id in fitting))
    return sorted(found, key=lambda one: (not one[1], one[0].name.get("ru", ""), str(one[0].service_id)))


def still_takes(session: Session, pins: Mapping[str, str], referral: Referral, at: datetime) -> bool:
    """Does a service that was sealed to some time ago still take hand-overs, with the key of then?"""
    service = session.get(Service, referral.service_id)
    if service is None or not service.takes_handovers or not is_shown(service, at):
        return False
    key = _trusted_key(session, pins, referral.organization_id, at)
    return key is not None and key.id == referral.key_id


def genders_near(session: Session, pins: Mapping[str, str], need: Need, at: datetime) -> set[str]:
    """The genders for which alone a service near works: only then is it worth a question."""
    found: set[str] = set()
    for gender in ("female", "male"):
        for service in _ranked(session, replace(need, gender=gender), at):
            if service.gender is not None and _trusted_key(session, pins, service.organization_id, at) is not None:
                found.add(service.gender)
    return found


def anyone_takes(session: Session, pins: Mapping[str, str], at: datetime) -> bool:
    """Is there any organisation at all to hand over to?"""
    if not pins:
        return False
    services = session.scalars(select(Service).where(Service.takes_handovers, Service.status == Status.PUBLISHED))
    return any(
        is_shown(s, at) and _trusted_key(session, pins, s.organization_id, at) is not None for s in services.all()
    )


def _ranked(session: Session, need: Need, at: datetime) -> list[Service]:
    query = (
        select(Service)
        .where(Service.takes_handovers, Service.status == Status.PUBLISHED)
        .options(selectinload(Service.schedules), selectinload(Service.organization))
    )
    if need.region is None:
        query = query.where(Service.nationwide)
    else:
        here = select(ServiceArea.service_id).where(ServiceArea.region == need.region)
        query = query.where(or_(Service.nationwide, Service.id.in_(here)))
    if need.age is not None:
        query = query.where(or_(Service.minimum_age.is_(None), Service.minimum_age <= need.age))
        query = query.where(or_(Service.maximum_age.is_(None), Service.maximum_age >= need.age))
    fitting = [s for s in session.scalars(query) if is_shown(s, at) and _suits(s, need)]
    return sorted(
        fitting,
        key=lambda s: (
            need.concern not in s.concerns,
            s.nationwide,
            bool(s.languages) and need.language not in s.languages,
            _ORDER.index(hours_of(s, at).state),
            str(s.id),
        ),
    )


def _suits(service: Service, need: Need) -> bool:
    if service.concerns and need.concern not in service.concerns:
        return False
    # A service for one gender waits until the child has said which it is.
    return service.gender is None or service.gender == need.gender


def _excluded(organization: Organization, service: Service, excluded: Collection[str]) -> bool:
    named = {str(organization.id), service.kind, *organization.ties}
    return not named.isdisjoint(excluded)


def _trusted_key(
    session: Session, pins: Mapping[str, str], organization_id: UUID, at: datetime
) -> OrganizationKey | None:
    """The organisation's present key, if it is the one that was pinned; anything else raises an alarm."""
    pinned = pins.get(str(organization_id))
    if pinned is None:
        return None
    keys = session.scalars(
        select(OrganizationKey).where(
            OrganizationKey.organization_id == organization_id, OrganizationKey.retired_at.is_(None)
        )
    ).all()
    for key in keys:
        if fingerprint(key.public_key) == pinned:
            return key
    if keys:
        raise_alarm(session, "key_not_pinned", f"organization:{organization_id}", at)
    return None


def raise_alarm(session: Session, what: str, subject: str, at: datetime) -> None:
    """Something that only an attack or a grave mistake explains: into the audit trail, for the coordinator."""
    audit.record(
        session,
        at=at,
        actor=audit.SYSTEM,
        action="alarm",
        subject=subject,
        outcome=audit.Outcome.FAILED,
        details={"what": what},
    )
