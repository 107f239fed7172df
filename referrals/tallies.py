"""Counts by month and step, and of nothing else: from which step of a conversation children left."""

from collections import Counter
from collections.abc import Collection

from sqlalchemy import Integer, String, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from referrals.db import Base

# Where conversations ended; how far those came that asked an organisation for help.
ENDED, HANDOVER = "ended", "handover"
_NONE = {"privacy": "none"}


class StepTally(Base):
    """How many conversations of a month ended at a step. There is no finer time, and no profile."""

    __tablename__ = "step_tally"

    month: Mapped[str] = mapped_column(String(7), primary_key=True, info=_NONE)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True, info=_NONE)
    step: Mapped[str] = mapped_column(String(20), primary_key=True, info=_NONE)
    count: Mapped[int] = mapped_column(Integer, info=_NONE)


def add(session: Session, month: str, kind: str, step: str) -> None:
    """One more, whoever else counts at the same time."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    one = insert(StepTally).values(month=month, kind=kind, step=step, count=1)
    more = {"count": StepTally.count + 1}
    session.execute(one.on_conflict_do_update(index_elements=["month", "kind", "step"], set_=more))


def counts(session: Session, kind: str, months: Collection[str]) -> Counter[str]:
    """How many of each step in these months together."""
    found: Counter[str] = Counter()
    query = select(StepTally.step, StepTally.count).where(StepTally.kind == kind, StepTally.month.in_(months))
    for step, count in session.execute(query):
        found[step] += count
    return found
