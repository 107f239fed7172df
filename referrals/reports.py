"""Counts for those who answer for the work, in which no child can be found.

A count under 5 is hidden, and with it as many others as it takes that nobody can work it out from the totals.
"""

import csv
import io
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from html import escape
from statistics import median
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from content.model import LOCALES, REGISTERS, load_taxonomy
from content.regions import all_regions, region_name
from referrals.cases.models import Case, CaseState, Disposition, FollowUp, Referral, ReferralState
from referrals.directory.hours import KAZAKHSTAN

# Counts below this are hidden, a zero too: that nobody was counted may tell something of somebody.
SMALLEST_SHOWN = 5
HIDDEN = "*"
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

    def bar_svg(self, dimension: Dimension, language: str, labels: Mapping[str, str] | None = None) -> str:
        """The totals of a dimension as bars, with every number written out; languages kk, ru, en."""
        return _bars(self.table(dimension), language, labels or {})


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


# -- hiding


def hidden_parts(counts: Sequence[int]) -> set[int]:
    """Which parts of a known sum to hide, so that none of them can be worked out."""
    hidden = {place for place, count in enumerate(counts) if count < SMALLEST_SHOWN}
    while hidden and (len(hidden) < 2 or not sum(counts[place] for place in hidden)):
        others = [place for place in range(len(counts)) if place not in hidden]
        if not others:
            break
        hidden.add(min(others, key=lambda place: counts[place]))
    return hidden


def hidden_cells(counts: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    """Which cells of a table to hide; the place after a row's last is its total.

    The totals of the columns are published, and must be shown ones. What is hidden can be no single
    number for anybody who knows all the rest and that counts are not below nothing.
    """
    table = [[*row, sum(row)] for row in counts]
    hidden = {(r, c) for r, row in enumerate(table) for c, count in enumerate(row) if count < SMALLEST_SHOWN}
    while found := [cell for cell in sorted(hidden) if _is_determined(cell, table, hidden)]:
        extra = _complement(found, table, hidden)
        if extra is None:
            break
        hidden.add(extra)
    return hidden


def _complement(
    found: Sequence[tuple[int, int]], table: Sequence[Sequence[int]], hidden: Collection[tuple[int, int]]
) -> tuple[int, int] | None:
    """The cell to hide together with those that could be worked out; one that helps two lines comes first."""
    total = len(table[0]) - 1
    shown = [(r, c) for r, row in enumerate(table) for c in range(len(row)) if (r, c) not in hidden]
    in_rows, in_columns = Counter(r for r, _ in hidden), Counter(c for _, c in hidden)

    def worth(at: tuple[int, int]) -> tuple[bool, bool, int]:
        # A total is of more use than one of its parts.
        return at[1] == total, in_rows[at[0]] != 1 and in_columns[at[1]] != 1, table[at[0]][at[1]]

    for row, column in found:
        if in_rows[row] == 1 and (beside := [at for at in shown if at[0] == row]):
            # Its own line has one hidden cell anyway: what counts is the other direction.
            return min(beside, key=lambda at: (at[1] == total, in_columns[at[1]] != 1, table[at[0]][at[1]]))
        if in_columns[column] == 1 and (below := [at for at in shown if at[1] == column]):
            return min(below, key=lambda at: (in_rows[at[0]] != 1, table[at[0]][at[1]]))
    # None is alone in its line; the numbers come from zeros or from further away.
    near = [at for at in shown if any(at[0] == row or at[1] == column for row, column in found)]
    return min(near or shown, key=worth, default=None)


def _is_determined(cell: tuple[int, int], table: Sequence[Sequence[int]], hidden: set[tuple[int, int]]) -> bool:
    """Can a hidden count be no other number?

    A table is a flow: from the source into each row its total, from the row into each column a cell, and the
    columns' totals back. Another table with the same shown numbers is a circle through hidden cells only,
    which adds one and takes one away by turns; what is taken away from must not be nothing.
    """
    start, end = _ends(cell, len(table[0]) - 1)
    edges: dict[str, list[str]] = defaultdict(list)
    for other in hidden - {cell}:
        tail, head = _ends(other, len(table[0]) - 1)
        edges[tail].append(head)
        if table[other[0]][other[1]]:
            edges[head].append(tail)
    if _leads(edges, end, start):
        return False
    return not (table[cell[0]][cell[1]] and _leads(edges, start, end))


def _ends(cell: tuple[int, int], total: int) -> tuple[str, str]:
    row, column = cell
    return ("source", f"row {row}") if column == total else (f"row {row}", f"column {column}")


def _leads(edges: Mapping[str, Sequence[str]], start: str, end: str) -> bool:
    waiting, seen = deque([start]), {start}
    while waiting:
        for following in edges.get(waiting.popleft(), ()):
            if following == end:
                return True
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return False


# -- bars

_BAR_HEIGHT, _BAR_STEP, _LABEL_WIDTH, _LONGEST_BAR = 22, 30, 300, 400
_WORDS = {
    "kk": {"title": "Өтініштер саны", "hidden": "жасырылған", "concern": "мәселе бойынша", "region": "өңір бойынша",
           "age_band": "жасы бойынша", "language": "тілі бойынша", "month": "айлар бойынша", "unknown": "белгісіз"},
    "ru": {"title": "Число обращений", "hidden": "скрыто", "concern": "по проблеме", "region": "по региону",
           "age_band": "по возрасту", "language": "по языку", "month": "по месяцам", "unknown": "неизвестно"},
    "en": {"title": "Number of cases", "hidden": "hidden", "concern": "by concern", "region": "by region",
           "age_band": "by age", "language": "by language", "month": "by month", "unknown": "unknown"},
}  # fmt: skip


def _bars(table: Table, language: str, labels: Mapping[str, str]) -> str:
    words = _WORDS[language]
    lines = [
        (labels.get(line.value) or _label(table.dimension, line.value, language), line.total) for line in table.lines
    ]
    title = f"{words['title']} {words[table.dimension]}"
    return bars_svg(f"report-{table.dimension}-{language}", language, title, lines)


def bars_svg(name: str, language: str, title: str, lines: Sequence[tuple[str, int | None]]) -> str:
    """Counts as bars with every number written out; None is a hidden one. `name` is the only one on its page."""
    numbers = [_WORDS[language]["hidden"] if count is None else str(count) for _, count in lines]
    # Drawn to the longest bar that is shown: a hidden one must not be seen in the scale.
    longest = max((count for _, count in lines if count is not None), default=1)
    told = "; ".join(f"{called}: {number}" for (called, _), number in zip(lines, numbers, strict=True))
    bars = "".join(
        _bar(place, called, numbers[place], None if count is None else count / longest)
        for place, (called, count) in enumerate(lines)
    )
    width, height = _LABEL_WIDTH + _LONGEST_BAR + 100, _BAR_STEP * len(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" lang="{language}" viewBox="0 0 {width} {height}" '
        f'aria-labelledby="{name}-title {name}-desc" font-family="sans-serif" font-size="15">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(told)}</desc>{bars}</svg>'
    )


def _label(dimension: Dimension, value: str, language: str) -> str:
    if value == UNKNOWN:
        return _WORDS[language]["unknown"]
    if dimension is Dimension.REGION:
        return region_name(value, "kk" if language == "kk" else "ru")
    return value


def _bar(number: int, label: str, count: str, share: float | None) -> str:
    top = number * _BAR_STEP + (_BAR_STEP - _BAR_HEIGHT) // 2
    length = round((share or 0) * _LONGEST_BAR)
    return (
        f'<text x="{_LABEL_WIDTH - 8}" y="{top + 16}" text-anchor="end" fill="#1a1a1a">{escape(label)}</text>'
        f'<rect x="{_LABEL_WIDTH}" y="{top}" width="{length}" height="{_BAR_HEIGHT}" fill="#2b5f9e"/>'
        f'<text x="{_LABEL_WIDTH + length + 8}" y="{top + 16}" fill="#1a1a1a">{escape(count)}</text>'
    )
