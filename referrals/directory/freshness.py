"""A number that nobody has checked for long is worse than none: staff are warned, then it is hidden."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from referrals.directory.hours import KAZAKHSTAN
from referrals.directory.models import Service, SourceKind, Status

WARN_DAYS = 60
HIDE_DAYS = 120


def is_shown(service: Service, at: datetime) -> bool:
    """May a child be told of this service? It is published, and somebody checked it lately."""
    if service.status != Status.PUBLISHED:
        return False
    if service.source_kind == SourceKind.LAW_OR_STATE:
        return True
    return service.verified_on is not None and age_in_days(service, at) <= HIDE_DAYS


def shown(at: datetime) -> ColumnElement[bool]:
    """The same as a condition of a query."""
    oldest = at.astimezone(KAZAKHSTAN).date() - timedelta(days=HIDE_DAYS)
    fresh = or_(Service.source_kind == SourceKind.LAW_OR_STATE, Service.verified_on >= oldest)
    return and_(Service.status == Status.PUBLISHED, fresh)


def age_in_days(service: Service, at: datetime) -> int:
    """Days since the record was verified; raises ValueError when it never was."""
    if service.verified_on is None:
        raise ValueError("never verified")
    return (at.astimezone(KAZAKHSTAN).date() - service.verified_on).days


def stale_services(session: Session, at: datetime) -> list[Service]:
    """Published services that staff should verify again, the longest unverified first."""
    limit = at.astimezone(KAZAKHSTAN).date() - timedelta(days=WARN_DAYS)
    query = select(Service).where(
        Service.status == Status.PUBLISHED,
        Service.source_kind == SourceKind.VERIFIED,
        (Service.verified_on.is_(None)) | (Service.verified_on < limit),
    )
    return sorted(session.scalars(query), key=lambda s: (s.verified_on is not None, s.verified_on))
