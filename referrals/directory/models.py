"""The directory's tables, after HSDS 3.0, with what a child's safety needs besides."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, Boolean, Date, ForeignKey, Integer, String, Time, Uuid, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from referrals.db import Base, UtcDateTime

_NONE: dict[Any, Any] = {"privacy": "none"}
_PRIVATE: dict[Any, Any] = {"privacy": "staff"}


class Status(StrEnum):
    """Only a published service is ever shown to a child."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class Kind(StrEnum):
    """What sort of help a service is."""

    LINE = "line"
    EMERGENCY = "emergency"
    CRISIS_CENTRE = "crisis_centre"
    FAMILY_SUPPORT = "family_support"
    LEGAL_AID = "legal_aid"
    OMBUDSMAN = "ombudsman"


class NeedsGuardian(StrEnum):
    """Must an adult who is responsible for the child agree?"""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class SourceKind(StrEnum):
    """Where a record comes from: a law or state site does not go stale, a telephone call does."""

    LAW_OR_STATE = "law_or_state"
    VERIFIED = "verified"


class Organization(Base):
    """HSDS organization: who runs services."""

    __tablename__ = "organization"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, info=_NONE)
    name: Mapped[dict[str, str]] = mapped_column(JSON, info=_NONE)
    description: Mapped[dict[str, str]] = mapped_column(JSON, default=dict, info=_NONE)
    source: Mapped[str] = mapped_column(String(400), default="", info=_NONE)
    # Whose house it belongs to ("school", "police", "state") or other organisations' ids: a hand-over that
    # must not reach those does not reach this one either.
    ties: Mapped[list[str]] = mapped_column(JSON, default=list, info=_NONE)
    services: Mapped[list["Service"]] = relationship(back_populates="organization")


class Service(Base):
    """HSDS service: one kind of help, with what a child has to know before asking for it."""

    __tablename__ = "service"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, info=_NONE)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), info=_NONE)
    kind: Mapped[str] = mapped_column(String(30), info=_NONE)
    status: Mapped[str] = mapped_column(String(12), default=Status.DRAFT, info=_NONE)
    name: Mapped[dict[str, str]] = mapped_column(JSON, info=_NONE)
    description: Mapped[dict[str, str]] = mapped_column(JSON, default=dict, info=_NONE)
    minimum_age: Mapped[int | None] = mapped_column(Integer, info=_NONE)
    maximum_age: Mapped[int | None] = mapped_column(Integer, info=_NONE)
    gender: Mapped[str | None] = mapped_column(String(10), info=_NONE)
    # Codes of content/taxonomy.yaml; an empty list serves every concern.
    concerns: Mapped[list[str]] = mapped_column(JSON, default=list, info=_NONE)
    languages: Mapped[list[str]] = mapped_column(JSON, default=list, info=_NONE)
    cost: Mapped[str | None] = mapped_column(String(40), info=_NONE)
    needs_guardian: Mapped[str] = mapped_column(String(8), default=NeedsGuardian.UNKNOWN, info=_NONE)
    licence: Mapped[str | None] = mapped_column(String(60), info=_NONE)
    trained_for_children: Mapped[bool | None] = mapped_column(Boolean, info=_NONE)
    # Whom staff call when the public number does not answer; never shown to a child.
    backup_contact: Mapped[str | None] = mapped_column(String(120), info=_PRIVATE)
    takes_handovers: Mapped[bool] = mapped_column(Boolean, default=False, info=_NONE)
    always_open: Mapped[bool] = mapped_column(Boolean, default=False, info=_NONE)
    nationwide: Mapped[bool] = mapped_column(Boolean, default=False, info=_NONE, index=True)
    source: Mapped[str] = mapped_column(String(400), default="", info=_NONE)
    source_kind: Mapped[str] = mapped_column(String(14), default=SourceKind.VERIFIED, info=_NONE)
    verified_on: Mapped[date | None] = mapped_column(Date, info=_NONE)
    verified_by: Mapped[str | None] = mapped_column(String(80), info=_PRIVATE)
    # Names and phone digits in small letters, for the staff's search; kept by `_keep_search_text`.
    search_text: Mapped[str] = mapped_column(String(600), default="", info=_PRIVATE)
    # A record that staff have edited is theirs: the seed does not touch it again.
    edited: Mapped[bool] = mapped_column(Boolean, default=False, info=_NONE)
    organization: Mapped[Organization] = relationship(back_populates="services")
    phones: Mapped[list["Phone"]] = relationship(
        back_populates="service", cascade="all, delete-orphan", order_by="Phone.position"
    )
    schedules: Mapped[list["Schedule"]] = relationship(back_populates="service", cascade="all, delete-orphan")
    areas: Mapped[list["ServiceArea"]] = relationship(back_populates="service", cascade="all, delete-orphan")
    locations: Mapped[list["Location"]] = relationship(back_populates="service", cascade="all, delete-orphan")


def search_text_of(service: Service) -> str:
    """What a service is found by: its names, Russian first, and the digits of its phones."""
    names = [service.name.get("ru", ""), service.name.get("kk", "")]
    phones = ["".join(c for c in phone.number if c.isdigit()) for phone in service.phones]
    return " ".join(filter(None, [*names, *phones])).lower()[:600]


@event.listens_for(Service, "before_insert")
@event.listens_for(Service, "before_update")
def _keep_search_text(mapper: object, connection: object, service: Service) -> None:
    service.search_text = search_text_of(service)


class ChangeState(StrEnum):
    WAITING = "waiting"
    PUBLISHED = "published"
    REFUSED = "refused"


class ChangeKind(StrEnum):
    """What a second person is asked to agree to."""

    EDIT = "edit"
    ARCHIVE = "archive"
    RESTORE = "restore"


class ServiceChange(Base):
    """One step in a service's history: proposed by one person, decided by another."""

    __tablename__ = "service_change"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, info=_NONE)
    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"), index=True, info=_NONE)
    kind: Mapped[str] = mapped_column(String(8), info=_NONE)
    state: Mapped[str] = mapped_column(String(10), index=True, info=_NONE)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON, info=_PRIVATE)
    after: Mapped[dict[str, Any]] = mapped_column(JSON, info=_PRIVATE)
    author: Mapped[str] = mapped_column(String(80), info=_PRIVATE)
    reviewer: Mapped[str | None] = mapped_column(String(80), info=_PRIVATE)
    remark: Mapped[str] = mapped_column(String(400), default="", info=_PRIVATE)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)


class Phone(Base):
    """HSDS phone. A private one is for staff only."""

    __tablename__ = "phone"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, info=_NONE)
    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"), info=_NONE, index=True)
    number: Mapped[str] = mapped_column(String(40), info=_PRIVATE)
    position: Mapped[int] = mapped_column(Integer, default=0, info=_NONE)
    private: Mapped[bool] = mapped_column(Boolean, default=False, info=_NONE)
    service: Mapped[Service] = relationship(back_populates="phones")


class Schedule(Base):
    """HSDS schedule: an iCalendar rule of days, and the hours on them, in Kazakhstan's time."""

    __tablename__ = "schedule"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, info=_NONE)
    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"), info=_NONE, index=True)
    rrule: Mapped[str] = mapped_column(String(200), info=_NONE)
    opens_at: Mapped[time] = mapped_column(Time, info=_NONE)
    closes_at: Mapped[time] = mapped_column(Time, info=_NONE)
    valid_from: Mapped[date | None] = mapped_column(Date, info=_NONE)
    valid_to: Mapped[date | None] = mapped_column(Date, info=_NONE)
    service: Mapped[Service] = relationship(back_populates="schedules")


class ServiceArea(Base):
    """HSDS service_area: a region that the service works for."""

    __tablename__ = "service_area"

    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"), primary_key=True, info=_NONE)
    region: Mapped[str] = mapped_column(String(4), primary_key=True, info=_NONE, index=True)
    service: Mapped[Service] = relationship(back_populates="areas")


class Location(Base):
    """HSDS location with its address. The address of a shelter is private."""

    __tablename__ = "location"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, info=_NONE)
    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"), info=_NONE, index=True)
    region: Mapped[str] = mapped_column(String(4), info=_NONE)
    town: Mapped[str] = mapped_column(String(80), default="", info=_NONE)
    address: Mapped[dict[str, str]] = mapped_column(JSON, default=dict, info=_PRIVATE)
    private: Mapped[bool] = mapped_column(Boolean, default=True, info=_NONE)
    service: Mapped[Service] = relationship(back_populates="locations")
