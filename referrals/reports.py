"""Counts for those who answer for the work, in which no child can be found.

A count under 5 is hidden, and with it as many others as it takes that nobody can work it out from the totals.
"""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from statistics import median
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from content.model import LOCALES, REGISTERS, load_taxonomy
from content.regions import all_regions
from referrals.cases.models import Case, CaseState, Disposition, FollowUp, Referral, ReferralState
from referrals.directory.hours import KAZAKHSTAN
from referrals.hiding import HIDDEN, SMALLEST_SHOWN, hidden_cells, hidden_parts

UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How far a case has come; each is counted under one of them."""

    ACCEPTED = "accepted"
    DONE = "done"
    # Every organisation refused or was silent.
    NOBODY = "nobody"
    WAITING = "waiting"
    WITHDRAWN = "withdrawn"
    # Outcomes too rare to be shown by themselves.
    OTHER = "other"


class Dimension(StrEnum):
    """What cases are counted by."""

    CONCERN = "concern"
    REGION = "region"
    AGE_BAND = "age_band"
    LANGUAGE = "language"
    MONTH = "month"


@dataclass(frozen=True)
class Line:
    """One value of a dimension; None is a hidden count."""

    value: str
    category: str
    counts: tuple[int | None, ...]
    total: int | None
    median_hours: float | None


@dataclass(frozen=True)
class Table:
    """Cases by one dimension and how far they have come."""

    dimension: Dimension
    columns: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Question:
    """One question of the follow-up; None is a hidden count."""

    name: str
    yes: int | None
    no: int | None
    unanswered: int | None


@dataclass(frozen=True)
class Report:
    """Whole months from `first` to `last`; `total` is None when there are too few cases to tell anything."""

    first: date
    last: date
    total: int | None
    median_hours: float | None
    outcomes: Mapping[str, int]
    tables: tuple[Table, ...]
    follow_up: tuple[Question, ...]

    def table(self, dimension: Dimension) -> Table:
        """The table of a dimension; raises KeyError when there are too few cases for one."""
        for table in self.tables:
            if table.dimension is dimension:
                return table
        raise KeyError(dimension)

    def to_csv(self) -> str:
        """Every table below the other, one line a count; a hidden count is a star."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["table", "value", "category", "measure", "count"])
        writer.writerow(["all", "", "", "cases", _shown(self.total)])
        writer.writerow(["all", "", "", "median_hours_to_first_answer", _shown(self.median_hours)])
        for name, count in self.outcomes.items():
            writer.writerow(["all", "", "", name, count])
        for table in self.tables:
            writer.writerows(_csv_lines(table))
        for question in self.follow_up:
            for measure in ("yes", "no", "unanswered"):
                writer.writerow(["follow_up", question.name, "", measure, _shown(getattr(question, measure))])
        return text.getvalue()


def _shown(count: float | None) -> str:
    return HIDDEN if count is None else str(count)


def _csv_lines(table: Table) -> Iterable[list[str]]:
    for line in table.lines:
        beginning = [table.dimension.value, line.value, line.category]
        for name, count in zip(table.columns, line.counts, strict=True):
            yield [*beginning, name, _shown(count)]
        yield [*beginning, "cases", _shown(line.total)]
        yield [*beginning, "median_hours_to_first_answer", _shown(line.median_hours)]


# -- counting


@dataclass(frozen=True)
class _Counted:
    """A case as far as it is counted."""

    values: Mapping[Dimension, str]
    outcome: Outcome
    hours: float | None


def report(session: Session, first: date, last: date) -> Report:
    """Count the cases opened from the month of `first` to the month of `last`, in Kazakhstan's time.

    Whole months only: of two reports that differ by a day, that day's few cases could be worked out.
    """
    first, last = first.replace(day=1), last.replace(day=1)
    if last < first:
        raise ValueError(f"The report would end ({last:%Y-%m}) before it begins ({first:%Y-%m}). Exchange the months.")
    since, until = _midnight(first), _midnight(next_month(last))
    cases = _counted_cases(session, since, until)
    if len(cases) < SMALLEST_SHOWN:
        return Report(first, last, None, None, {}, (), ())
    columns = _columns(cases)
    outcomes = Counter(columns[case.outcome] for case in cases)
    names = tuple(dict.fromkeys(columns.values()))
    tables = tuple(_table(d, known, names, columns, cases) for d, known in _known_values(first, last).items())
    counts = {name: outcomes[name] for name in names}
    return Report(first, last, len(cases), _median(cases), counts, tables, _follow_up(session, since, until))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=KAZAKHSTAN)


def next_month(day: date) -> date:
    """The first day of the month after."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _known_values(first: date, last: date) -> dict[Dimension, tuple[str, ...]]:
    """Every value that a case may have: one with no case stands in the table as well, hidden."""
    months = [first]
    while months[-1] < last:
        months.append(next_month(months[-1]))
    return {
        Dimension.CONCERN: (*load_taxonomy().concerns, UNKNOWN),
        Dimension.REGION: (*all_regions(), UNKNOWN),
        Dimension.AGE_BAND: (*REGISTERS, UNKNOWN),
        Dimension.LANGUAGE: (*LOCALES, UNKNOWN),
        Dimension.MONTH: tuple(f"{month:%Y-%m}" for month in months),
    }


def _counted_cases(session: Session, since: datetime, until: datetime) -> list[_Counted]:
    opened = (Case.opened_at >= since, Case.opened_at < until)
    states: dict[UUID, set[str]] = defaultdict(set)
    answered: dict[UUID, datetime] = {}
    query = select(Referral.case_id, Referral.state, Referral.accepted_at).join(Case).where(*opened)
    for case_id, state, accepted_at in session.execute(query):
        states[case_id].add(state)
        if accepted_at is not None:
            answered[case_id] = min(accepted_at, answered.get(case_id, accepted_at))
    fields = (Case.id, Case.concern, Case.region, Case.age_band, Case.language, Case.opened_at, Case.state,
              Case.disposition)  # fmt: skip
    counted = []
    for case_id, concern, region, band, language, opened_at, state, disposition in session.execute(
        select(*fields).where(*opened)
    ):
        month = f"{opened_at.astimezone(KAZAKHSTAN):%Y-%m}"
        # In the order of Dimension.
        given = dict(zip(Dimension, (concern, region, band, language, month), strict=True))
        hours = (answered[case_id] - opened_at).total_seconds() / 3600 if case_id in answered else None
        outcome = _outcome(states[case_id], state, disposition)
        counted.append(_Counted({name: value or UNKNOWN for name, value in given.items()}, outcome, hours))
    return counted


def _outcome(referrals: Collection[str], state: str, disposition: str | None) -> Outcome:
    if ReferralState.DONE in referrals:
        return Outcome.DONE
    if disposition == Disposition.WITHDRAWN:
        return Outcome.WITHDRAWN
    if state == CaseState.CLOSED:
        return Outcome.NOBODY
    return Outcome.ACCEPTED if ReferralState.ACCEPTED in referrals else Outcome.WAITING


def _columns(cases: Sequence[_Counted]) -> dict[Outcome, str]:
    """The column of each outcome: those that are rare in the whole report share one.

    So the totals of the columns, which all tables have in common, are never hidden, and each table can be
    made safe by itself.
    """
    counts = Counter(case.outcome for case in cases)
    own = [outcome for outcome in Outcome if outcome is not Outcome.OTHER]
    rare = {outcome for outcome in own if counts[outcome] < SMALLEST_SHOWN}
    common = sorted((outcome for outcome in own if outcome not in rare), key=lambda o: counts[o])
    # Of one rare outcome alone, or of rare ones that are few together, the total would tell too much.
    while rare and common and (len(rare) < 2 or sum(counts[o] for o in rare) < SMALLEST_SHOWN):
        rare.add(common.pop(0))
    return {outcome: Outcome.OTHER.value if outcome in rare else outcome.value for outcome in own}


def _table(
    dimension: Dimension,
    known: Sequence[str],
    names: Sequence[str],
    columns: Mapping[Outcome, str],
    cases: Sequence[_Counted],
) -> Table:
    grouped: dict[str, list[_Counted]] = {value: [] for value in known}
    for case in cases:
        value = case.values[dimension]
        # A code that is not used any more is counted with the unknown ones.
        grouped[value if value in grouped else UNKNOWN].append(case)
    tallies = [Counter(columns[case.outcome] for case in group) for group in grouped.values()]
    counts = [[tally[name] for name in names] for tally in tallies]
    hidden = hidden_cells(counts)
    lines = []
    for number, (value, group) in enumerate(grouped.items()):
        shown = [None if (number, place) in hidden else count for place, count in enumerate(counts[number])]
        total = None if (number, len(names)) in hidden else len(group)
        # A median beside hidden counts would say something of how many they are.
        middle = None if total is None or None in shown else _median(group)
        lines.append(Line(value, _category(dimension, value), tuple(shown), total, middle))
    return Table(dimension, tuple(names), tuple(lines))


def _category(dimension: Dimension, value: str) -> str:
    """The category of Child Helpline International that a concern is reported under."""
    about = load_taxonomy().concerns.get(value) if dimension is Dimension.CONCERN else None
    return about.chi if about else ""


def _median(cases: Iterable[_Counted]) -> float | None:
    hours = [case.hours for case in cases if case.hours is not None]
    return round(median(hours), 1) if len(hours) >= SMALLEST_SHOWN else None


def _follow_up(session: Session, since: datetime, until: datetime) -> tuple[Question, ...]:
    query = select(FollowUp.reached, FollowUp.helped, FollowUp.safe).join(Case, Case.id == FollowUp.case_id)
    answers = session.execute(query.where(Case.opened_at >= since, Case.opened_at < until)).all()
    questions = []
    for place, name in enumerate(("reached", "helped", "safe")):
        tally = Counter(answer[place] for answer in answers)
        counts = [tally[True], tally[False], tally[None]]
        # How many were asked is the same for all questions and to be had elsewhere: it counts as known.
        hidden = hidden_parts(counts)
        questions.append(Question(name, *(None if n in hidden else count for n, count in enumerate(counts))))
    return tuple(questions)
