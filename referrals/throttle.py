"""Guessing made slow: tries are counted per somebody, never for all, so that nobody can lock out the others."""

from datetime import datetime, timedelta

from sqlalchemy import LargeBinary
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from referrals.db import Base, UtcDateTime

FREE_TRIES = 5
WINDOW = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)


class Attempt(Base):
    """The tries of one pseudonym since its last success."""

    __tablename__ = "attempt"

    who: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info={"privacy": "pseudonym"})
    count: Mapped[int] = mapped_column(default=0, info={"privacy": "none"})
    free_at: Mapped[datetime] = mapped_column(UtcDateTime, info={"privacy": "none"})


def may_try(session: Session, who: bytes, at: datetime) -> bool:
    """Count one try, before it is made; False when it has to wait.

    The first FREE_TRIES are free; each one after them waits twice as long as the one before. The
    count is written in the caller's transaction under the row's lock, so parallel tries cannot pass.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    # Two first tries at once must be counted in one row, not fail on each other.
    session.execute(insert(Attempt).values(who=who, count=0, free_at=at).on_conflict_do_nothing())
    row = session.get_one(Attempt, who, with_for_update=True)
    if at < row.free_at:
        return False
    row.count += 1
    over = row.count - FREE_TRIES
    if over >= 0:
        row.free_at = at + min(LONGEST_WAIT, WINDOW * 2 ** min(over, 6))
    session.flush()
    return True


def succeeded(session: Session, who: bytes) -> None:
    """The right one came: the count starts anew."""
    row = session.get(Attempt, who)
    if row is not None:
        session.delete(row)


def sweep(session: Session, at: datetime) -> None:
    """Forget tries that are a day old."""
    for row in session.query(Attempt).filter(Attempt.free_at < at - timedelta(days=1)):
        session.delete(row)
