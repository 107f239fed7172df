"""Which services fit this child, here and now."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, cast, or_, select
from sqlalchemy.orm import Session, selectinload

from content.model import Locale
from referrals.directory.freshness import shown
from referrals.directory.hours import KAZAKHSTAN, Hours, OpenState, hours_by, hours_of
from referrals.directory.models import Kind, Schedule, Service, ServiceArea

_FAR = datetime.max.replace(tzinfo=UTC)
_STATES = (OpenState.OPEN, OpenState.CLOSED, OpenState.UNKNOWN)


@dataclass(frozen=True)
class FoundPhone:
    number: str


@dataclass(frozen=True)
class FoundService:
    """What a child may be told of a service: nothing private is in it."""

    id: str
    kind: str
    name: dict[str, str]
    description: dict[str, str]
    phones: tuple[FoundPhone, ...]
    address: dict[str, str]
    hours: Hours
    cost: str | None
    needs_guardian: str
    nationwide: bool


def find_services(
    session: Session,
    *,
    concern: str | None = None,
    region: str | None = None,
    age: int | None = None,
    language: str | None = None,
    at: datetime,
    kind: str | None = None,
    limit: int = 3,
) -> list[FoundService]:
    """Published and verified services for this need: open now first, then by when they open.

    Services of the region come before nationwide ones. `age` in years, `at` with its time zone,
    `kind` one of Kind; without it emergency lines are left out (they are shown on their own).
    """
    chosen = _best(session, and_(shown(at), *_fits(region, age, kind)), concern, at, language)[:limit]
    parts = (Service.phones, Service.schedules, Service.locations)
    found = session.scalars(
        select(Service).where(Service.id.in_(chosen)).options(*(selectinload(part) for part in parts))
    )
    by_id = {service.id: service for service in found}
    return [found_service(by_id[identity], at, region) for identity in chosen]


def _best(
    session: Session, fits: ColumnElement[bool], concern: str | None, at: datetime, language: str | None
) -> list[UUID]:
    """All that fit, the best first. Read as bare columns in one question: thousands may fit, and a child waits."""
    service = (Service.id, Service.nationwide, Service.always_open, Service.languages, Service.concerns)
    # Set apart, so that PostgreSQL looks into the concerns of those only that fit else: it counts that look as free.
    near = select(*service).where(fits).cte("near").prefix_with("MATERIALIZED")
    hours_columns = (Schedule.rrule, Schedule.opens_at, Schedule.closes_at, Schedule.valid_from, Schedule.valid_to)
    query = select(*(near.c[column.key] for column in service[:-1]), *hours_columns).join(
        Schedule, Schedule.service_id == near.c.id, isouter=True
    )
    if concern is not None:
        # A list of codes as text: both databases can look into that.
        codes = cast(near.c.concerns, String)
        query = query.where(or_(codes == "[]", codes.contains(f'"{concern}"', autoescape=True)))
    fitting: dict[UUID, Any] = {}
    schedules: dict[UUID, list[Any]] = {}
    for row in session.execute(query):
        fitting[row.id] = row
        if row.rrule is not None:
            schedules.setdefault(row.id, []).append(row)
    ranked = []
    for identity, row in fitting.items():
        hours = hours_by(schedules.get(identity, ()), at, always_open=row.always_open)
        speaks = language is None or not row.languages or language in row.languages
        opens = hours.opens_at or _FAR
        ranked.append((row.nationwide, _STATES.index(hours.state), opens, not speaks, str(identity), identity))
    return [identity for *_, identity in sorted(ranked)]


def national_lines(session: Session, at: datetime) -> list[FoundService]:
    """Every nationwide line and emergency number."""
    query = select(Service).where(Service.nationwide, shown(at))
    return [found_service(service, at, None) for service in session.scalars(query)]


def _fits(region: str | None, age: int | None, kind: str | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if region is not None:
        here = select(ServiceArea.service_id).where(ServiceArea.region == region)
        everywhere = select(Service.id).where(Service.nationwide)
        # Not "nationwide or here": SQLite then reads every service there is.
        conditions.append(Service.id.in_(here.union(everywhere)))
    if age is not None:
        conditions.append(or_(Service.minimum_age.is_(None), Service.minimum_age <= age))
        conditions.append(or_(Service.maximum_age.is_(None), Service.maximum_age >= age))
    if kind is not None:
        conditions.append(Service.kind == kind)
    else:
        conditions.append(Service.kind != Kind.EMERGENCY)
    return conditions


def found_service(service: Service, at: datetime, region: str | None) -> FoundService:
    """What a child may be told of a service at a moment; the address near a region first."""
    public = [place for place in service.locations if not place.private]
    near = [place for place in public if place.region == region] or public
    return FoundService(
        id=str(service.id),
        kind=service.kind,
        name=dict(service.name),
        description=dict(service.description),
        phones=tuple(FoundPhone(p.number) for p in service.phones if not p.private),
        address=dict(near[0].address) if near else {},
        hours=hours_of(service, at),
        cost=service.cost,
        needs_guardian=service.needs_guardian,
        nationwide=service.nationwide,
    )


def card_facts(service: FoundService, locale: Locale) -> dict[str, Any]:
    """A found service as plain values; `content.cards` turns hours and cost into words."""
    hours = service.hours
    return {
        "name": service.name.get(locale) or next(iter(service.name.values())),
        "what": service.description.get(locale, ""),
        "phones": [phone.number for phone in service.phones],
        "address": service.address.get(locale, ""),
        "hours": hours.state,
        "opens_at": hours.opens_at.astimezone(KAZAKHSTAN).isoformat() if hours.opens_at else "",
        "opens_today": hours.opens_today,
        "free": service.cost == "free",
        "guardian": service.needs_guardian,
    }
