"""Which services fit this child, here and now."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, selectinload

from content.model import Locale
from referrals.directory.freshness import is_shown
from referrals.directory.hours import KAZAKHSTAN, Hours, OpenState, hours_of
from referrals.directory.models import Kind, Service, ServiceArea, Status

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
    query = (
        select(Service)
        .where(Service.status == Status.PUBLISHED, *_fits(region, age, kind))
        .options(
            selectinload(Service.phones),
            selectinload(Service.schedules),
            selectinload(Service.locations),
        )
    )
    fitting = [s for s in session.scalars(query) if is_shown(s, at) and _serves(s, concern)]
    ranked = sorted(fitting, key=lambda s: _rank(s, hours_of(s, at), language))
    return [found_service(service, at, region) for service in ranked[:limit]]


def national_lines(session: Session, at: datetime) -> list[FoundService]:
    """Every nationwide line and emergency number."""
    query = select(Service).where(Service.nationwide, Service.status == Status.PUBLISHED)
    return [found_service(s, at, None) for s in session.scalars(query) if is_shown(s, at)]


def _fits(region: str | None, age: int | None, kind: str | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if region is not None:
        here = select(ServiceArea.service_id).where(ServiceArea.region == region)
        conditions.append(or_(Service.nationwide, Service.id.in_(here)))
    if age is not None:
        conditions.append(or_(Service.minimum_age.is_(None), Service.minimum_age <= age))
        conditions.append(or_(Service.maximum_age.is_(None), Service.maximum_age >= age))
    if kind is not None:
        conditions.append(Service.kind == kind)
    else:
        conditions.append(Service.kind != Kind.EMERGENCY)
    return conditions


def _serves(service: Service, concern: str | None) -> bool:
    return concern is None or not service.concerns or concern in service.concerns


def _rank(service: Service, hours: Hours, language: str | None) -> tuple[bool, int, datetime, bool, str]:
    speaks = language is None or not service.languages or language in service.languages
    opens = hours.opens_at or _FAR
    return service.nationwide, _STATES.index(hours.state), opens, not speaks, str(service.id)


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
