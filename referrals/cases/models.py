"""The tables of a hand-over. What a child wrote is in none of them, except sealed to its reader."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from referrals.db import Base, UtcDateTime

_NONE = {"privacy": "none"}
_SEALED = {"privacy": "sealed"}
_PSEUDONYM = {"privacy": "pseudonym"}
_STAFF = {"privacy": "staff"}
# Not content, but it tells something of somebody: a concern, a region, an age band.
_CODED = {"privacy": "coded"}
_SECRET = {"privacy": "hashed"}
# Read only where it is opened: the bot's database role may write these columns and not read them (roles.py).
_UNREAD: dict[str, Any] = {"deferred": True, "info": _SEALED}


class Urgency(StrEnum):
    """How soon an organisation must have looked; the deadlines stand in lifecycle.py."""

    NOW = "now"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class CaseState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class ReferralState(StrEnum):
    """Where a referral stands. A next choice waits until the one before it has refused or been silent."""

    WAITING = "waiting"
    # Another organisation would hand the case on to this one, and the child has not answered yet;
    ASKED = "asked"
    # or two persons have to decide, because a life is in danger.
    PROPOSED = "proposed"
    IN_PROGRESS = "in_progress"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DONE = "done"
    REVOKED = "revoked"
    # The child said yes to another organisation, which has it now.
    HANDED_ON = "handed_on"


# The child said no to an organisation that another one asked it about; stands in the referral's `reason`.
CHILD_REFUSED = "child_refused"


class RejectReason(StrEnum):
    NO_CAPACITY = "no_capacity"
    NOT_OUR_FIELD = "not_our_field"
    NOT_OUR_REGION = "not_our_region"
    CONFLICT = "conflict_of_interest"
    NO_ANSWER = "no_answer"


class Disposition(StrEnum):
    """How a case ended."""

    HELPED = "helped"
    ADVISED = "advised"
    HANDED_ON = "handed_on"
    NOT_REACHED = "not_reached"
    WITHDRAWN = "withdrawn"


class ContactMode(StrEnum):
    """How a child wants to hear of an answer."""

    HERE = "here"
    RECEIPT = "receipt"


class OrganizationKey(Base):
    """An organisation's key pair: the public half, and the private one wrapped by its own passphrase.

    The bot uses a public key only when its fingerprint is pinned outside the database.
    """

    __tablename__ = "organization_key"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, info=_NONE)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True, info=_NONE)
    public_key: Mapped[bytes] = mapped_column(LargeBinary, info=_NONE)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary, **_UNREAD)
    recovery: Mapped[bytes] = mapped_column(LargeBinary, **_UNREAD)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)


class NoticeAddress(Base):
    """Where an organisation is told that something waits: an e-mail address or a Telegram chat."""

    __tablename__ = "notice_address"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, info=_NONE)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True, info=_NONE)
    channel: Mapped[str] = mapped_column(String(10), info=_NONE)
    address: Mapped[str] = mapped_column(String(200), info=_STAFF)
    language: Mapped[str] = mapped_column(String(2), info=_NONE)
    # An organisation without accounts in the console gets a one-time link with each notice.
    by_link: Mapped[bool] = mapped_column(Boolean, default=False, info=_NONE)


class Draft(Base):
    """What a child said in its own words before it decided; under a key that dies within the hour."""

    __tablename__ = "draft"

    profile: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info=_PSEUDONYM)
    sealed: Mapped[bytes] = mapped_column(LargeBinary, info=_SEALED)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary, info=_SEALED)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True, info=_NONE)


class Override(Base):
    """Two persons' recorded decision to act without the child's consent."""

    __tablename__ = "consent_override"
    __table_args__ = (
        CheckConstraint("first_person <> second_person", name="two_persons"),
        CheckConstraint("length(reason) >= 10", name="reason"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, info=_NONE)
    first_person: Mapped[str] = mapped_column(String(80), info=_STAFF)
    second_person: Mapped[str] = mapped_column(String(80), info=_STAFF)
    reason: Mapped[str] = mapped_column(String(400), info=_STAFF)
    at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)


class Case(Base):
    """One child's request for help, as far as machines may know it."""

    __tablename__ = "case_file"
    __table_args__ = (
        # Nothing is handed over without the child's yes, or two persons' recorded decision.
        CheckConstraint("consent OR override_id IS NOT NULL", name="consent"),
        UniqueConstraint("receipt", name="uq_case_file_receipt"),
        UniqueConstraint("send_token", name="uq_case_file_send_token"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, info=_NONE)
    number: Mapped[str] = mapped_column(String(9), unique=True, info=_NONE)
    # None once the case is erased: the row then only counts in reports.
    profile: Mapped[bytes | None] = mapped_column(LargeBinary, index=True, info=_PSEUDONYM)
    consent: Mapped[bool] = mapped_column(Boolean, info=_NONE)
    override_id: Mapped[UUID | None] = mapped_column(ForeignKey("consent_override.id"), info=_NONE)
    send_token: Mapped[bytes] = mapped_column(LargeBinary, info=_SECRET)
    receipt: Mapped[bytes | None] = mapped_column(LargeBinary, info=_SECRET)
    # Answers to the child are sealed to this key; its private half opens only with the receipt.
    reply_key: Mapped[bytes | None] = mapped_column(LargeBinary, info=_NONE)
    reply_wrapped: Mapped[bytes | None] = mapped_column(LargeBinary, info=_SEALED)
    # The way back to the chat, sealed to the bot, dropped when the case closes.
    relay: Mapped[bytes | None] = mapped_column(LargeBinary, info=_SEALED)
    concern: Mapped[str] = mapped_column(String(30), info=_CODED)
    urgency: Mapped[str] = mapped_column(String(8), index=True, info=_CODED)
    region: Mapped[str | None] = mapped_column(String(4), info=_CODED)
    age_band: Mapped[str | None] = mapped_column(String(6), info=_CODED)
    language: Mapped[str] = mapped_column(String(2), info=_CODED)
    contact_mode: Mapped[str] = mapped_column(String(8), info=_CODED)
    state: Mapped[str] = mapped_column(String(8), default=CaseState.OPEN, index=True, info=_NONE)
    disposition: Mapped[str | None] = mapped_column(String(12), info=_CODED)
    # A sign that the one who writes might not be the child: the organisation is asked to check.
    check_safely: Mapped[bool] = mapped_column(Boolean, default=False, info=_NONE)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True, info=_NONE)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)
    referrals: Mapped[list["Referral"]] = relationship(
        back_populates="case", order_by="Referral.rank", cascade="all, delete-orphan"
    )
    messages: Mapped[list["CaseMessage"]] = relationship(
        back_populates="case", order_by="CaseMessage.id", cascade="all, delete-orphan"
    )


class Referral(Base):
    """A case with one organisation: sealed to it, and how far it has come."""

    __tablename__ = "referral"
    __table_args__ = (
        UniqueConstraint("case_id", "organization_id", name="uq_referral_case_id"),
        # Whom the child did not choose gets nothing without its yes, or two persons' recorded decision.
        CheckConstraint(
            "consent OR override_id IS NOT NULL OR state IN ('asked', 'proposed', 'revoked')", name="consent"
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, info=_NONE)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.id"), index=True, info=_NONE)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True, info=_NONE)
    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"), info=_NONE)
    key_id: Mapped[UUID] = mapped_column(ForeignKey("organization_key.id"), info=_NONE)
    rank: Mapped[int] = mapped_column(Integer, info=_NONE)
    # Chosen by the child at Send, or agreed to when another organisation asked.
    consent: Mapped[bool] = mapped_column(Boolean, default=True, info=_NONE)
    override_id: Mapped[UUID | None] = mapped_column(ForeignKey("consent_override.id"), info=_NONE)
    # The referral of the organisation that handed it on, or would.
    asked_by: Mapped[UUID | None] = mapped_column(Uuid, info=_NONE)
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)
    state: Mapped[str] = mapped_column(String(12), index=True, info=_NONE)
    reason: Mapped[str | None] = mapped_column(String(24), info=_NONE)
    # None once the organisation may not read it any more.
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, **_UNREAD)
    assigned_to: Mapped[UUID | None] = mapped_column(Uuid, info=_STAFF)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True, info=_NONE)
    escalated_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)
    case: Mapped[Case] = relationship(back_populates="referrals")


class SecondPerson(Base):
    """What nobody of the staff may do alone: asked by one with a reason, decided by another.

    A `look` opens a hand-over that is assigned to somebody else, for a short time; a `hand_on` gives it to another
    organisation (`target_id`) without the child's yes. The reason is for people, and holds no word of a child.
    """

    __tablename__ = "second_person"
    __table_args__ = (
        CheckConstraint("decider IS NULL OR decider <> asker", name="two_persons"),
        CheckConstraint("granted IS NULL OR NOT granted OR decider IS NOT NULL", name="decided_by_somebody"),
        CheckConstraint("length(reason) >= 10", name="reason"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, info=_NONE)
    kind: Mapped[str] = mapped_column(String(8), info=_NONE)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True, info=_NONE)
    target_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"), info=_NONE)
    # Whose the hand-over was then: given to somebody else, the request means nothing any more.
    assigned_to: Mapped[UUID | None] = mapped_column(Uuid, info=_STAFF)
    asker: Mapped[UUID] = mapped_column(Uuid, info=_STAFF)
    reason: Mapped[str] = mapped_column(String(400), info=_STAFF)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)
    decider: Mapped[UUID | None] = mapped_column(Uuid, info=_STAFF)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True, info=_NONE)
    granted: Mapped[bool | None] = mapped_column(Boolean, info=_NONE)
    # Until when a look lasts.
    until: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)
    referral: Mapped[Referral] = relationship(foreign_keys=[referral_id])
    target: Mapped[Referral | None] = relationship(foreign_keys=[target_id])


class Author(StrEnum):
    CHILD = "child"
    ORGANIZATION = "organization"
    # Notes of the staff to themselves.
    NOTE = "note"


class CaseMessage(Base):
    """Words that went between a child and an organisation after the hand-over, or a note of its staff.

    The child's are sealed to the organisation, the organisation's to the child's reply key and, so
    that it can read what it wrote, to itself.
    """

    __tablename__ = "case_message"
    __table_args__ = (Index("ix_case_message_case_id_id", "case_id", "id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, info=_NONE)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.id"), info=_NONE)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), info=_NONE)
    author: Mapped[str] = mapped_column(String(12), info=_NONE)
    to_organization: Mapped[bytes] = mapped_column(LargeBinary, **_UNREAD)
    to_child: Mapped[bytes | None] = mapped_column(LargeBinary, info=_SEALED)
    at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)
    case: Mapped[Case] = relationship(back_populates="messages")


class Notice(Base):
    """A notice on its way: to an organisation ("a new hand-over waits"), its lead, or a child ("look in")."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("once", name="uq_notice_once"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, info=_NONE)
    # What makes it happen once: the referral, the kind and the address.
    once: Mapped[str] = mapped_column(String(120), info=_NONE)
    kind: Mapped[str] = mapped_column(String(20), info=_NONE)
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"), info=_NONE)
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("case_file.id"), index=True, info=_NONE)
    address_id: Mapped[UUID | None] = mapped_column(ForeignKey("notice_address.id"), info=_NONE)
    # A lead who is told in person; neither this nor an address means the child.
    staff_id: Mapped[UUID | None] = mapped_column(Uuid, info=_NONE)
    attempts: Mapped[int] = mapped_column(Integer, default=0, info=_NONE)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True, info=_NONE)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)


class AnswerLink(Base):
    """A one-time link by which an organisation without an account opens one referral."""

    __tablename__ = "answer_link"

    token: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info=_SECRET)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True, info=_NONE)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)


class FollowUp(Base):
    """Did it help? A child's taps, without a word."""

    __tablename__ = "follow_up"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.id"), primary_key=True, info=_NONE)
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)
    reached: Mapped[bool | None] = mapped_column(Boolean, info=_CODED)
    helped: Mapped[bool | None] = mapped_column(Boolean, info=_CODED)
    safe: Mapped[bool | None] = mapped_column(Boolean, info=_CODED)
