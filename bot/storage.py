"""What the bot keeps: where each conversation stands, which updates are done, what is still to send."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Boolean, Index, Integer, LargeBinary, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.orm.attributes import flag_modified

from bot.messages import Outgoing
from bot.state import State
from referrals.crypto import Sealer
from referrals.db import Base, UtcDateTime

# Telegram lets a bot delete a message of a private chat for so long.
DELETABLE = timedelta(hours=48)
SEEN_KEPT = timedelta(hours=48)
CONVERSATION_KEPT = timedelta(days=30)


class Delivery(StrEnum):
    """How far a message to the child has come."""

    WAITING = "waiting"
    # Given to Telegram; whether it arrived is not known until the answer is written down.
    SENDING = "sending"


class Conversation(Base):
    """A profile's place in the dialogue, sealed."""

    __tablename__ = "conversation"
    __table_args__ = (Index("ix_conversation_open_seen_at", "open", "seen_at"),)

    profile: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info={"privacy": "pseudonym"})
    state: Mapped[bytes] = mapped_column(LargeBinary, info={"privacy": "sealed"})
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, info={"privacy": "none"})
    # Is there an end of it that is not counted yet, and how many were (endings.py).
    open: Mapped[bool] = mapped_column(Boolean, default=False, info={"privacy": "none"})
    counted: Mapped[int] = mapped_column(Integer, default=0, info={"privacy": "none"})


class SeenUpdate(Base):
    """An update whose effects are committed."""

    __tablename__ = "seen_update"

    update: Mapped[str] = mapped_column(String(80), primary_key=True, info={"privacy": "none"})
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, info={"privacy": "none"})


class OutboxMessage(Base):
    """A message on its way to Telegram: whom to and what, sealed; gone once it has arrived."""

    __tablename__ = "outbox_message"
    __table_args__ = (Index("ix_outbox_message_profile_id", "profile", "id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, info={"privacy": "none"})
    profile: Mapped[bytes] = mapped_column(LargeBinary, info={"privacy": "pseudonym"})
    sealed: Mapped[bytes] = mapped_column(LargeBinary, info={"privacy": "sealed"})
    state: Mapped[str] = mapped_column(String(10), info={"privacy": "none"})
    # The highest message number known when it was given to Telegram: it can only be above that.
    above: Mapped[int] = mapped_column(Integer, default=0, info={"privacy": "none"})
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, info={"privacy": "none"})


class ChatMessage(Base):
    """The number of a message in a chat, kept while it can be deleted, so that Hide can."""

    __tablename__ = "chat_message"

    profile: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info={"privacy": "pseudonym"})
    number: Mapped[int] = mapped_column(Integer, primary_key=True, info={"privacy": "none"})
    at: Mapped[datetime] = mapped_column(UtcDateTime, info={"privacy": "none"})


@dataclass(frozen=True)
class Parcel:
    """An outbox row, opened: to which chat, what."""

    id: int
    chat: int
    message: Outgoing
    above: int


def state_context(profile: bytes) -> str:
    """Binds a sealed state to its owner, so that one cannot be put in another's place."""
    return f"conversation:{profile.hex()}"


def load_state(session: Session, sealer: Sealer, profile: bytes) -> State | None:
    row = session.get(Conversation, profile)
    return State.load(sealer.open(row.state, state_context(profile))) if row else None


def save_state(session: Session, sealer: Sealer, profile: bytes, state: State, at: datetime) -> None:
    sealed = sealer.seal(state.dump(), state_context(profile))
    row = session.get(Conversation, profile)
    if row is None:
        session.add(Conversation(profile=profile, state=sealed, seen_at=at, open=state.to_count))
    else:
        row.state, row.seen_at, row.open = sealed, at, state.to_count
        # Written even where it seems the same: the chores may have closed it since it was read.
        flag_modified(row, "open")


def is_done(session: Session, update: str) -> bool:
    return session.get(SeenUpdate, update) is not None


def mark_done(session: Session, update: str, at: datetime) -> None:
    session.add(SeenUpdate(update=update, seen_at=at))


def remember_message(session: Session, profile: bytes, number: int, at: datetime) -> None:
    """Keep the number of a message for Hide; the same one twice is no harm."""
    if session.get(ChatMessage, (profile, number)) is None:
        session.add(ChatMessage(profile=profile, number=number, at=at))


def deletable_messages(session: Session, profile: bytes, at: datetime) -> list[int]:
    """The numbers of the messages of a chat that can still be deleted, oldest first."""
    query = (
        select(ChatMessage.number)
        .where(ChatMessage.profile == profile, ChatMessage.at > at - DELETABLE)
        .order_by(ChatMessage.number)
    )
    return list(session.scalars(query))


def forget_messages(session: Session, profile: bytes, numbers: Iterable[int]) -> None:
    session.execute(delete(ChatMessage).where(ChatMessage.profile == profile, ChatMessage.number.in_(list(numbers))))


def erase(session: Session, profile: bytes) -> None:
    """Everything that is kept of a profile, save what is on its way to it this moment.

    The numbers of its messages go as soon as Hide, which follows, has deleted those messages.
    """
    for table in (Conversation, OutboxMessage):
        session.execute(delete(table).where(table.profile == profile))


def sweep(session: Session, at: datetime) -> None:
    """Delete what has outlived its purpose."""
    session.execute(delete(SeenUpdate).where(SeenUpdate.seen_at < at - SEEN_KEPT))
    session.execute(delete(ChatMessage).where(ChatMessage.at < at - DELETABLE))
    session.execute(delete(Conversation).where(Conversation.seen_at < at - CONVERSATION_KEPT))
