"""From which step of a conversation children left, in counts in which none of them can be found."""

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from referrals import tallies
from referrals.hiding import HIDDEN, SMALLEST_SHOWN, hidden_parts
from referrals.reports import next_month

# In the order in which a conversation comes to them. What is not listed is counted as "other".
STEPS = (
    "language", "greeting", "who", "age", "concern", "confirm", "help_offered", "help_described", "region", "services",
    "numbers", "handover", "sent", "rights", "caregiver", "danger", "not_understood", "other",
)  # fmt: skip
# The way through asking an organisation for help; the last is no leaving.
STAGES = ("kind", "region", "excluded", "gender", "contact", "when", "words", "preview", "sent")


@dataclass(frozen=True)
class Left:
    """How many conversations ended at a step; None is a hidden count."""

    step: str
    count: int | None


@dataclass(frozen=True)
class Stage:
    """How many came so far in asking for help, and how many no further; None is a hidden count."""

    step: str
    reached: int | None
    left: int | None


@dataclass(frozen=True)
class DropOff:
    """Whole months; `total` and `started` are None, and their lists empty, where there is too little to tell."""

    total: int | None
    ended: tuple[Left, ...]
    started: int | None
    stages: tuple[Stage, ...]

    def csv_lines(self) -> str:
        """Lines of the shape of the report's."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["conversation", "", "", "ended", _shown(self.total)])
        for left in self.ended:
            writer.writerow(["conversation", left.step, "", "ended", _shown(left.count)])
        for stage in self.stages:
            writer.writerow(["asking_for_help", stage.step, "", "reached", _shown(stage.reached)])
            writer.writerow(["asking_for_help", stage.step, "", _ending(stage.step), _shown(stage.left)])
        return text.getvalue()


def _shown(count: int | None) -> str:
    return HIDDEN if count is None else str(count)


def _ending(step: str) -> str:
    return "sent" if step == STAGES[-1] else "left"


def drop_off(session: Session, first: date, last: date) -> DropOff:
    """Count the conversations that ended from the month of `first` to the month of `last`."""
    months = [first.replace(day=1)]
    while months[-1] < last.replace(day=1):
        months.append(next_month(months[-1]))
    names = [f"{month:%Y-%m}" for month in months]
    ended = tallies.counts(session, tallies.ENDED, names)
    unknown = sum(count for step, count in ended.items() if step not in STEPS)
    counts = [ended[step] + (unknown if step == "other" else 0) for step in STEPS]
    far = tallies.counts(session, tallies.HANDOVER, names)
    total, lefts = _ended(counts)
    started, stages = _stages([far[step] for step in STAGES])
    return DropOff(total, lefts, started, stages)


def _ended(counts: Sequence[int]) -> tuple[int | None, tuple[Left, ...]]:
    if sum(counts) < SMALLEST_SHOWN:
        return None, ()
    hidden = hidden_parts(counts)
    lefts = tuple(Left(step, None if n in hidden else counts[n]) for n, step in enumerate(STEPS))
    return sum(counts), lefts


def _stages(lefts: Sequence[int]) -> tuple[int | None, tuple[Stage, ...]]:
    if sum(lefts) < SMALLEST_SHOWN:
        return None, ()
    hidden = hidden_parts(lefts)
    reached = _reached(lefts, hidden)
    stages = (
        Stage(step, reached[n], None if n in hidden else lefts[n]) for n, step in enumerate(STAGES)
    )  # fmt: skip
    return sum(lefts), tuple(stages)


def _reached(lefts: Sequence[int], hidden: Collection[int]) -> list[int | None]:
    """How many came at least to each step, where the difference of two such numbers gives nothing hidden away."""
    shown: list[int | None] = [sum(lefts), *([None] * (len(lefts) - 1))]
    before = 0
    for place in range(1, len(lefts)):
        since = [n for n in hidden if before <= n < place]
        after = [n for n in hidden if n >= place]
        enough = sum(lefts[place:]) >= SMALLEST_SHOWN
        if enough and _is_safe(since, lefts) and _is_safe(after, lefts):
            shown[place] = sum(lefts[place:])
            before = place
    return shown


def _is_safe(hidden: Sequence[int], lefts: Sequence[int]) -> bool:
    """May the sum of these be known? Of none, or of several that are not all nothing."""
    return not hidden or (len(hidden) > 1 and sum(lefts[n] for n in hidden) > 0)
