"""What the pages list: staff, organisations, services, audit events."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from referrals.audit import AuditEvent
from referrals.directory.freshness import age_in_days, limits
from referrals.directory.models import ChangeState, Organization, Service, ServiceChange, SourceKind, Status
from referrals.people import Staff

PAGE_SIZE = 50
_LONGEST_SEARCH = 60


def staff_of(session: Session, organization_id: UUID | None) -> Sequence[tuple[Staff, Organization | None]]:
    """Everybody, or the people of one organisation; with theirs."""
    query = select(Staff, Organization).outerjoin(Organization, Staff.organization_id == Organization.id)
    if organization_id is not None:
        query = query.where(Staff.organization_id == organization_id)
    return [(person, organization) for person, organization in session.execute(query.order_by(Staff.name))]


def organizations(session: Session) -> Sequence[Organization]:
    """Every organisation, by its Russian name."""
    return sorted(session.scalars(select(Organization)), key=lambda o: o.name.get("ru", ""))


def events(session: Session, before: int | None) -> Sequence[AuditEvent]:
    """A page of the audit trail, the newest first."""
    query = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(PAGE_SIZE)
    return list(session.scalars(query if before is None else query.where(AuditEvent.id < before)))


def services(
    session: Session, *, words: str = "", status: str = "", waiting: bool = False, page: int = 1
) -> tuple[Sequence[Service], int]:
    """A page of services by name or phone, and how many there are in all."""
    query = select(Service)
    for word in words[:_LONGEST_SEARCH].lower().split():
        query = query.where(Service.search_text.contains(word, autoescape=True))
    if status in set(Status):
        query = query.where(Service.status == status)
    if waiting:
        undecided = select(ServiceChange.service_id).where(ServiceChange.state == ChangeState.WAITING)
        query = query.where(Service.id.in_(undecided))
    loaded = query.options(selectinload(Service.phones), selectinload(Service.organization))
    # Counted on the way: a second look at every service would take as long again.
    counted = loaded.add_columns(func.count().over()).order_by(Service.search_text, Service.id)
    rows = session.execute(counted.limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)).all()
    if not rows and page > 1:
        return [], session.scalar(select(func.count()).select_from(query.subquery())) or 0
    return [row[0] for row in rows], rows[0][1] if rows else 0


def freshness_of(service: Service, at: datetime) -> str:
    """`law`, `never`, `fresh`, `stale` (to be verified) or `hidden` (children see it no more)."""
    if service.source_kind == SourceKind.LAW_OR_STATE:
        return "law"
    if service.verified_on is None:
        return "never"
    days = age_in_days(service, at)
    return "hidden" if days > limits().hide else "stale" if days > limits().warn else "fresh"
