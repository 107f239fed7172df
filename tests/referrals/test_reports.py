"""Counts without a child in them: what is hidden stays so, however one reckons. Cases are invented."""

import csv
import io
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from xml.etree import ElementTree

import pytest
from sqlalchemy.orm import Session

from content.model import load_taxonomy
from referrals.bars import table_svg
from referrals.cases.models import Case, FollowUp, OrganizationKey, Referral
from referrals.db import writing
from referrals.directory.models import Service
from referrals.hiding import SMALLEST_SHOWN, hidden_cells
from referrals.reports import Dimension, Outcome, Table, _columns, _Counted, report
from tests.referrals.handovers import Office

NOVEMBER = date(2026, 11, 1)
NOON = datetime(2026, 11, 10, 7, 0, tzinfo=UTC)


class Book:
    """Puts cases straight into the tables: how they get there is not looked at here."""

    def __init__(self, session: Session, house: Office) -> None:
        self.session = session
        organization = house.organizations["Invented"]
        self.parts = {
            "organization_id": organization,
            "service_id": session.query(Service.id).filter_by(organization_id=organization).scalar(),
            "key_id": session.query(OrganizationKey.id).filter_by(organization_id=organization).scalar(),
        }

    def add(self, count: int, referral: str, disposition: str | None = None, hours: float | None = None,
            follow: tuple[bool | None, ...] = (), at: datetime = NOON, **given: object) -> None:  # fmt: skip
        for _ in range(count):
            values = {"concern": "bullying", "region": "KZ35", "age_band": "11-13", "language": "ru", **given}
            case = Case(
                id=uuid4(), number=uuid4().hex[:9], consent=True, send_token=uuid4().bytes, urgency="low",
                contact_mode="here", opened_at=at, touched_at=at, disposition=disposition,
                state="closed" if disposition else "open", **values,
            )  # fmt: skip
            self.session.add(case)
            self.session.flush()
            accepted = at + timedelta(hours=hours) if hours is not None else None
            self.session.add(Referral(case_id=case.id, rank=1, state=referral, accepted_at=accepted, **self.parts))
            if follow:
                self.session.add(FollowUp(case_id=case.id, reached=follow[0], helped=follow[1], safe=follow[2]))
            self.session.flush()


@pytest.fixture
def full(house: Office) -> Office:
    """Sixty-odd cases on either database."""
    house.add("Invented")
    with writing(house.sessions) as session:
        book = Book(session, house)
        book.add(20, "done", "helped", 2.0, (True, True, None))
        book.add(12, "accepted", None, 4.0, region="KZ79", concern="sadness")
        book.add(9, "rejected", "not_reached", follow=(False, None, None), language="kk")
        book.add(7, "in_progress", age_band="14-17")
        book.add(3, "done", "not_reached", 30.0, region=None, concern="neglect", age_band=None)
        book.add(2, "revoked", "withdrawn", concern="gone_from_the_taxonomy")
        book.add(8, "done", "helped", 1.0, at=NOON - timedelta(days=31))
        book.add(50, "done", "helped", 1.0, at=NOON - timedelta(days=62))
    return house


def _lines(table: Table) -> dict[str, tuple[tuple[int | None, ...], int | None]]:
    return {line.value: (line.counts, line.total) for line in table.lines}


def test_cases_are_counted_by_how_far_they_came(full: Office) -> None:
    with full.sessions() as session:
        made = report(session, NOVEMBER - timedelta(days=5), NOVEMBER)
    assert (made.first, made.last, made.total) == (date(2026, 10, 1), NOVEMBER, 61)
    # Two that were withdrawn would be found: they are counted with the smallest other outcome.
    assert made.outcomes == {"accepted": 12, "done": 31, "nobody": 9, "other": 9}
    assert made.median_hours == 2.0
    assert [table.dimension for table in made.tables] == list(Dimension)
    months = _lines(made.table(Dimension.MONTH))
    assert set(months) == {"2026-10", "2026-11"}
    assert len(made.table(Dimension.REGION).lines) == 21
    concerns = {line.value: line for line in made.table(Dimension.CONCERN).lines}
    assert concerns["bullying"].category == "Violence / Bullying"
    assert set(concerns) == {*load_taxonomy().concerns, "unknown"}


def test_small_counts_are_in_no_table(full: Office) -> None:
    """SECURITY: three children of one region are known to their neighbours."""
    with full.sessions() as session:
        made = report(session, NOVEMBER, NOVEMBER)
    for table in made.tables:
        for line in table.lines:
            assert all(count is None or count >= SMALLEST_SHOWN for count in (*line.counts, line.total)), line
            assert line.median_hours is None or None not in line.counts
    assert min(made.outcomes.values()) >= SMALLEST_SHOWN
    for row in csv.DictReader(io.StringIO(made.to_csv())):
        if row["measure"] != "median_hours_to_first_answer":
            assert row["count"] == "*" or int(row["count"]) >= SMALLEST_SHOWN, row


def test_the_published_report_fits_more_than_one_truth(sqlite_house: Office) -> None:
    """SECURITY: every small table, with the totals that all tables share."""
    sqlite_house.add("Invented")
    with writing(sqlite_house.sessions) as session:
        book = Book(session, sqlite_house)
        book.add(7, "done", "helped")
        book.add(1, "done", "helped", language="kk", age_band="7-10")
        book.add(6, "accepted", at=NOON - timedelta(days=31))
        book.add(2, "rejected", "not_reached", language="kk", age_band="14-17")
        made = report(session, NOVEMBER - timedelta(days=5), NOVEMBER)
    for dimension in (Dimension.LANGUAGE, Dimension.MONTH, Dimension.AGE_BAND):
        table = made.table(dimension)
        shown = [[*line.counts, line.total] for line in table.lines]
        assert any(None in row for row in shown)
        _expect_open(shown, [made.outcomes[name] for name in table.columns])


def test_months_are_those_of_kazakhstan(sqlite_house: Office) -> None:
    sqlite_house.add("Invented")
    with writing(sqlite_house.sessions) as session:
        book = Book(session, sqlite_house)
        book.add(6, "done", "helped", at=datetime(2026, 10, 31, 19, 0, tzinfo=UTC))
        book.add(7, "done", "helped", at=datetime(2026, 10, 31, 18, 59, tzinfo=UTC))
        assert report(session, NOVEMBER, NOVEMBER).total == 6
        assert report(session, date(2026, 10, 15), date(2026, 10, 2)).total == 7
        both = report(session, date(2026, 10, 1), NOVEMBER)
        assert {line.value: line.total for line in both.table(Dimension.MONTH).lines} == {"2026-10": 7, "2026-11": 6}
        assert report(session, date(2026, 12, 1), date(2027, 1, 1)).total is None
        with pytest.raises(ValueError, match="Exchange the months"):
            report(session, NOVEMBER, date(2026, 10, 1))


def test_too_few_cases_make_no_report(sqlite_house: Office) -> None:
    sqlite_house.add("Invented")
    with writing(sqlite_house.sessions) as session:
        Book(session, sqlite_house).add(SMALLEST_SHOWN - 1, "done", "helped", 1.0, (True, True, True))
        made = report(session, NOVEMBER, NOVEMBER)
        assert (made.total, made.median_hours, made.tables, made.follow_up) == (None, None, (), ())
        assert "all,,,cases,*" in made.to_csv()
        with pytest.raises(KeyError):
            table_svg(made.table(Dimension.REGION), "ru")


def test_the_follow_up_hides_too(full: Office) -> None:
    with full.sessions() as session:
        reached, helped, safe = report(session, NOVEMBER, NOVEMBER).follow_up
    # 20 were reached, 9 not, none left it open: beside that none, the nine are hidden too.
    assert (reached.name, reached.yes, reached.no, reached.unanswered) == ("reached", 20, None, None)
    assert (helped.yes, helped.no, helped.unanswered) == (20, None, None)
    # Nobody answered: 29 alone would say so.
    assert (safe.yes, safe.no, safe.unanswered) == (None, None, None)


def test_bars_say_their_numbers(full: Office) -> None:
    with full.sessions() as session:
        made = report(session, NOVEMBER, NOVEMBER)
    svg = ElementTree.fromstring(table_svg(made.table(Dimension.CONCERN), "ru", {"bullying": "Травля <в школе>"}))
    ns = "{http://www.w3.org/2000/svg}"
    desc = svg.find(f"{ns}desc")
    assert svg.find(f"{ns}title") is not None
    assert desc is not None
    assert desc.text
    assert "Травля <в школе>: " in desc.text
    assert "neglect: скрыто" in desc.text
    texts = [text.text for text in svg.iter(f"{ns}text")]
    assert len(texts) == 2 * len(made.table(Dimension.CONCERN).lines)
    assert "sadness: 12" in desc.text


# -- what is hidden, by brute force


def _truths(shown: Sequence[Sequence[int | None]], totals: Sequence[int]) -> Iterator[list[list[int]]]:
    """Every table of counts that has these shown numbers; the last of a row is its total."""

    def column(place: int) -> Iterator[tuple[int, ...]]:
        choices = [range(totals[place] + 1) if row[place] is None else (row[place],) for row in shown]
        yield from (c for c in itertools.product(*choices) if sum(c) == totals[place])  # type: ignore[arg-type] # ints

    for columns in itertools.product(*(list(column(place)) for place in range(len(totals)))):
        rows = [[c[r] for c in columns] for r in range(len(shown))]
        if all(row[-1] is None or sum(found) == row[-1] for row, found in zip(shown, rows, strict=True)):
            yield [[*found, sum(found)] for found in rows]


def _expect_open(shown: Sequence[Sequence[int | None]], totals: Sequence[int]) -> None:
    hidden = {(r, c) for r, row in enumerate(shown) for c, count in enumerate(row) if count is None}
    seen: dict[tuple[int, int], set[int]] = {cell: set() for cell in hidden}
    for truth in _truths(shown, totals):
        for r, c in hidden:
            seen[r, c].add(truth[r][c])
        if all(len(values) > 1 for values in seen.values()):
            return
    assert not {cell: values for cell, values in seen.items() if len(values) < 2}, shown


def _publish(counts: Sequence[Sequence[int]]) -> list[list[int | None]]:
    hidden = hidden_cells(counts)
    table = [[*row, sum(row)] for row in counts]
    return [[None if (r, c) in hidden else count for c, count in enumerate(row)] for r, row in enumerate(table)]


def _check(counts: Sequence[Sequence[int]]) -> None:
    shown = _publish(counts)
    assert all(count is None or count >= SMALLEST_SHOWN for row in shown for count in row)
    _expect_open(shown, [sum(column) for column in zip(*counts, strict=True)])


def test_no_hidden_count_of_any_table_of_two_by_two_can_be_computed() -> None:
    """SECURITY: every one with counts up to eight."""
    for a, b, c, d in itertools.product(range(9), repeat=4):
        if a + c >= SMALLEST_SHOWN and b + d >= SMALLEST_SHOWN:
            _check([[a, b], [c, d]])


def test_no_hidden_count_of_random_tables_can_be_computed() -> None:
    """SECURITY: larger ones, with many zeros."""
    dice = random.Random(5)
    checked = 0
    while checked < 1_000:
        rows, columns = dice.choice([(3, 2), (2, 3), (3, 3), (4, 2), (1, 3)])
        counts = [[dice.choice([0, 0, 1, 3, 4, 5, 6, 9]) for _ in range(columns)] for _ in range(rows)]
        totals = [sum(column) for column in zip(*counts, strict=True)]
        # So many tables at most are to be looked through.
        truths = math.prod(math.comb(total + rows - 1, rows - 1) for total in totals)
        if min(totals) >= SMALLEST_SHOWN and truths < 30_000:
            _check(counts)
            checked += 1


def test_the_brute_force_finds_what_is_not_safe() -> None:
    """The check itself: one hidden cell in a row can be computed; zeros beside their whole sum as well."""
    for shown in ([[None, 9, 12], [7, 9, 16]], [[None, None, 0], [7, 9, 16]]):
        with pytest.raises(AssertionError):
            _expect_open(shown, [10, 18] if shown[0][1] else [7, 9])


def test_what_needs_no_hiding_is_not_hidden() -> None:
    assert hidden_cells([[5, 6], [7, 8]]) == set()
    # One small count takes its neighbours with it, and no more.
    assert len(hidden_cells([[2, 20, 30], [20, 30, 40], [30, 40, 50]])) == 4


def test_a_large_table_is_hidden_in_time() -> None:
    dice = random.Random(7)
    counts = [[dice.choice([0, 0, 2, 8, 40]) for _ in range(5)] for _ in range(21)]
    assert len(hidden_cells(counts)) < 21 * 6


@pytest.mark.parametrize("numbers", list(itertools.product([0, 1, 4, 5, 30], repeat=3)))
def test_the_totals_that_all_tables_share_are_never_small(numbers: tuple[int, ...]) -> None:
    """SECURITY: columns of rare outcomes are one column."""
    outcomes = (Outcome.ACCEPTED, Outcome.DONE, Outcome.NOBODY)
    cases = [_Counted({}, o, None) for o, count in zip(outcomes, numbers, strict=True) for _ in range(count)]
    if len(cases) < SMALLEST_SHOWN:
        return
    columns = _columns(cases)
    totals = [sum(columns[case.outcome] == name for case in cases) for name in set(columns.values())]
    assert min(totals) >= SMALLEST_SHOWN
    assert sum(totals) == len(cases)
