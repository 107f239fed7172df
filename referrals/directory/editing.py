"""A service's way: drafted by one person, published by another; archived, restored, verified, and undone."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from referrals import audit
from referrals.directory.facts import ServiceFacts, apply_facts, differences, facts_of
from referrals.directory.hours import KAZAKHSTAN
from referrals.directory.models import ChangeKind, ChangeState, Organization, Service, ServiceChange, Status


class EditRefused(Exception):
    """A step that is not possible now; the message says why and what to do."""


def draft_service(
    session: Session, facts: ServiceFacts, author: str, at: datetime, *, identity: UUID | None = None,
    whole: bool = True,
) -> Service:  # fmt: skip
    """A new service, seen by nobody yet. A second person is asked to publish it, once nothing lacks (`whole`)."""
    if session.get(Organization, facts.organization_id) is None:
        raise EditRefused("There is no such organisation; add it first.")
    service = Service(id=identity or uuid4(), status=Status.DRAFT)
    apply_facts(service, facts)
    session.add(service)
    session.flush()
    _draft(session, service, facts, author, at, whole=whole)
    return service


def propose_edit(
    session: Session, service: Service, facts: ServiceFacts, author: str, at: datetime, *, whole: bool = True
) -> None:
    """What shall be different. Children go on seeing the present record until a second person agrees."""
    before = facts_of(service)
    if service.status == Status.DRAFT:
        withdraw_waiting(session, service, author, at)
        apply_facts(service, facts)
        _draft(session, service, facts, author, at, whole=whole)
        return
    if not differences(before.model_dump(mode="json"), facts.model_dump(mode="json")):
        raise EditRefused("Nothing is different from what is published.")
    _expect_none_waiting(session, service)
    _propose(session, service, ChangeKind.EDIT, before, facts, author, at)


def _draft(session: Session, service: Service, facts: ServiceFacts, author: str, at: datetime, *, whole: bool) -> None:
    if whole:
        _propose(session, service, ChangeKind.EDIT, None, facts, author, at)
    else:
        audit.record(session, at=at, actor=author, action="service_drafted", subject=f"service:{service.id}")


def propose_archive(session: Session, service: Service, author: str, at: datetime) -> ServiceChange:
    """Ask that children be told of it no more."""
    if service.status != Status.PUBLISHED:
        raise EditRefused("Only a published service can be archived.")
    _expect_none_waiting(session, service)
    facts = facts_of(service)
    return _propose(session, service, ChangeKind.ARCHIVE, facts, facts, author, at)


def propose_restore(session: Session, service: Service, author: str, at: datetime) -> ServiceChange:
    """Ask that an archived service be shown again."""
    if service.status != Status.ARCHIVED:
        raise EditRefused("Only an archived service can be restored.")
    _expect_none_waiting(session, service)
    facts = facts_of(service)
    return _propose(session, service, ChangeKind.RESTORE, facts, facts, author, at)


def propose_undo(session: Session, change: ServiceChange, author: str, at: datetime) -> None:
    """Ask for what stood before a published change; that too needs a second person."""
    if change.state != ChangeState.PUBLISHED or change.before is None or change.kind != ChangeKind.EDIT:
        raise EditRefused("Only a published change of a service can be undone.")
    service = session.get_one(Service, change.service_id)
    propose_edit(session, service, ServiceFacts.model_validate(change.before), author, at)


def decide(
    session: Session, change: ServiceChange, *, agreed: bool, reviewer: str, reviewer_name: str, at: datetime,
    remark: str = "",
) -> None:  # fmt: skip
    """A second person's yes or no; the yes says that the public numbers were tried."""
    if change.state != ChangeState.WAITING:
        raise EditRefused("Somebody has decided this already.")
    if change.author == reviewer:
        raise EditRefused("Whoever wrote a change cannot publish it; ask a second person.")
    service = session.get_one(Service, change.service_id)
    change.state = ChangeState.PUBLISHED if agreed else ChangeState.REFUSED
    change.reviewer, change.decided_at, change.remark = reviewer, at, remark.strip()[:400]
    if agreed:
        _publish(service, change, reviewer_name, at)
    _record(session, service, "service_published" if agreed else "service_refused", reviewer, at, change)


def _publish(service: Service, change: ServiceChange, reviewer_name: str, at: datetime) -> None:
    if change.kind == ChangeKind.ARCHIVE:
        service.status = Status.ARCHIVED
        return
    if change.kind == ChangeKind.EDIT:
        apply_facts(service, ServiceFacts.model_validate(change.after))
    service.status = Status.PUBLISHED
    service.verified_on, service.verified_by = at.astimezone(KAZAKHSTAN).date(), reviewer_name[:80]


def verify(session: Session, service: Service, actor: str, name: str, at: datetime) -> None:
    """Somebody called, and all of it is still true."""
    if service.status != Status.PUBLISHED:
        raise EditRefused("Only a published service can be verified.")
    service.verified_on, service.verified_by = at.astimezone(KAZAKHSTAN).date(), name[:80]
    audit.record(session, at=at, actor=actor, action="service_verified", subject=f"service:{service.id}")


def withdraw_waiting(session: Session, service: Service, actor: str, at: datetime) -> None:
    """A newer proposal takes the place of one that nobody has decided."""
    change = waiting_change(session, service.id)
    if change is not None:
        change.state, change.decided_at, change.reviewer = ChangeState.REFUSED, at, actor


def waiting_change(session: Session, service_id: UUID) -> ServiceChange | None:
    """What waits for a second person."""
    return session.scalars(
        select(ServiceChange).where(
            ServiceChange.service_id == service_id, ServiceChange.state == ChangeState.WAITING
        )
    ).first()  # fmt: skip


def history(session: Session, service_id: UUID) -> list[ServiceChange]:
    """Every change, the newest first."""
    query = select(ServiceChange).where(ServiceChange.service_id == service_id).order_by(ServiceChange.id.desc())
    return list(session.scalars(query))


def _expect_none_waiting(session: Session, service: Service) -> None:
    if waiting_change(session, service.id) is not None:
        raise EditRefused("A change of this service waits for its review; have that one decided first.")


def _propose(
    session: Session, service: Service, kind: ChangeKind, before: ServiceFacts | None, after: ServiceFacts,
    author: str, at: datetime,
) -> ServiceChange:  # fmt: skip
    change = ServiceChange(
        service_id=service.id, kind=kind, state=ChangeState.WAITING, author=author, created_at=at,
        before=before.model_dump(mode="json") if before else None, after=after.model_dump(mode="json"),
    )  # fmt: skip
    session.add(change)
    session.flush()
    _record(session, service, "service_proposed", author, at, change)
    return change


def _record(session: Session, service: Service, action: str, actor: str, at: datetime, change: ServiceChange) -> None:
    fields = [name for name, _, _ in differences(change.before, change.after)]
    # Which fields, not their values: a private address has no business in the audit trail.
    details = {"kind": str(change.kind), "change": str(change.id), "fields": ",".join(fields)[:400]}
    audit.record(session, at=at, actor=actor, action=action, subject=f"service:{service.id}", details=details)
