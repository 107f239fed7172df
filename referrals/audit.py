"""The audit trail: who did what to which record, chained so that no link can be changed or lost unseen."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Integer, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from referrals.db import Base, UtcDateTime

FIRST = b"\x00" * 32
_NONE = {"privacy": "none"}
_STAFF = {"privacy": "staff"}
# Actors that are no person.
BOT, SYSTEM, CHILD = "bot", "system", "child"


class Outcome(StrEnum):
    DONE = "done"
    DENIED = "denied"
    FAILED = "failed"


class AuditEvent(Base):
    """One link: what happened, and the digest of the link before."""

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, info=_NONE)
    at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)
    actor: Mapped[str] = mapped_column(String(80), info=_STAFF)
    action: Mapped[str] = mapped_column(String(40), index=True, info=_NONE)
    subject: Mapped[str] = mapped_column(String(80), index=True, info=_NONE)
    outcome: Mapped[str] = mapped_column(String(10), info=_NONE)
    details: Mapped[dict[str, str]] = mapped_column(JSON, default=dict, info=_NONE)
    digest: Mapped[bytes] = mapped_column(LargeBinary, info=_NONE)


class AuditHead(Base):
    """The newest link: one row, locked by whoever adds the next, so that the chain never forks."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, info=_NONE)
    last: Mapped[int] = mapped_column(Integer, info=_NONE)
    digest: Mapped[bytes] = mapped_column(LargeBinary, info=_NONE)


def record(
    session: Session,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str = "",
    outcome: Outcome = Outcome.DONE,
    details: Mapping[str, str] | None = None,
) -> None:
    """Add a link, in the caller's transaction: what it tells of happens with it or not at all."""
    head = session.scalars(select(AuditHead).with_for_update()).one()
    head.last += 1
    event = AuditEvent(
        id=head.last,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        outcome=outcome.value,
        details=dict(details or {}),
    )
    event.digest = head.digest = _digest(head.digest, event)
    session.add(event)
    session.flush()


@dataclass(frozen=True)
class Broken:
    """Where the chain does not hold."""

    position: int
    what: str


def verify(session: Session) -> Broken | None:
    """The first place at which a link was changed, moved, taken out or cut off; None when all is whole."""
    head = session.scalars(select(AuditHead)).one()
    digest, position = FIRST, 0
    for event in _in_order(session):
        position += 1
        if event.id != position:
            return Broken(position, "a record is missing")
        if event.digest != _digest(digest, event):
            return Broken(position, "a record was changed")
        digest = event.digest
    if (position, digest) != (head.last, head.digest):
        return Broken(position + 1, "the end is missing")
    return None


def head_of(session: Session) -> str:
    """Position and digest of the newest link, to be kept elsewhere: it pins everything before it."""
    head = session.scalars(select(AuditHead)).one()
    return f"{head.last}:{head.digest.hex()}"


def _in_order(session: Session) -> Iterator[AuditEvent]:
    yield from session.scalars(select(AuditEvent).order_by(AuditEvent.id).execution_options(yield_per=1_000))


def _digest(previous: bytes, event: AuditEvent) -> bytes:
    fields = [
        event.id, event.at.isoformat(), event.actor, event.action, event.subject, event.outcome,
        sorted((event.details or {}).items()),
    ]  # fmt: skip
    return hashlib.sha256(previous + json.dumps(fields, ensure_ascii=True).encode()).digest()
