"""A number that nobody has checked for long is worse than none: staff are warned, then it is hidden."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from referrals.directory.hours import KAZAKHSTAN
from referrals.directory.models import Service, SourceKind, Status


@dataclass(frozen=True)
class Limits:
    """Days without a check after which staff are warned, and after which children are not told of a service."""

    warn: int = 60
    hide: int = 120


_limits = Limits()


def limits() -> Limits:
    """The limits of this process."""
    return _limits


def set_limits(chosen: Limits) -> None:
    """For this process, once, when it has read its settings: one answer for chat, console and API alike."""
    global _limits  # noqa: PLW0603 # a process has one directory
    _limits = chosen


def is_shown(service: Service, at: datetime) -> bool:
    """May a child be told of this service? It is published, and somebody checked it lately."""
    if service.status != Status.PUBLISHED:
        return False
    if service.source_kind == SourceKind.LAW_OR_STATE:
        return True
    return service.verified_on is not None and age_in_days(service, at) <= _limits.hide


def shown(at: datetime) -> ColumnElement[bool]:
    """The same as a condition of a query."""
    oldest = at.astimezone(KAZAKHSTAN).date() - timedelta(days=_limits.hide)
    fresh = or_(Service.source_kind == SourceKind.LAW_OR_STATE, Service.verified_on >= oldest)
    return and_(Service.status == Status.PUBLISHED, fresh)


def age_in_days(service: Service, at: datetime) -> int:
    """Days since the record was verified; raises ValueError when it never was."""
    if service.verified_on is None:
        raise ValueError("never verified")
    return (at.astimezone(KAZAKHSTAN).date() - service.verified_on).days


def stale_services(session: Session, at: datetime) -> list[Service]:
    """Published services that staff should verify again, the longest unverified first."""
    limit = at.astimezone(KAZAKHSTAN).date() - timedelta(days=_limits.warn)
    query = select(Service).where(
        Service.status == Status.PUBLISHED,
        Service.source_kind == SourceKind.VERIFIED,
        (Service.verified_on.is_(None)) | (Service.verified_on < limit),
    )
    return sorted(session.scalars(query), key=lambda s: (s.verified_on is not None, s.verified_on))
