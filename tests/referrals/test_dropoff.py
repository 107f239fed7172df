"""From which step children left: small counts cannot be worked out, by nobody who knows all that is shown."""

import csv
import io
import random
from datetime import date
from itertools import product

import pytest
from sqlalchemy import delete

from referrals import dropoff, tallies
from referrals.db import writing
from referrals.dropoff import STAGES, STEPS, DropOff, drop_off
from referrals.hiding import hidden_parts
from tests.referrals.handovers import Office

FIRST, LAST = date(2026, 7, 1), date(2026, 9, 1)


def _fill(house: Office, ended: dict[str, int], far: dict[str, int], month: str = "2026-08") -> None:
    with writing(house.sessions) as session:
        session.execute(delete(tallies.StepTally))
        for kind, counts in ((tallies.ENDED, ended), (tallies.HANDOVER, far)):
            session.add_all(
                tallies.StepTally(month=month, kind=kind, step=step, count=count) for step, count in counts.items()
            )


def _made(house: Office) -> DropOff:
    with house.sessions() as session:
        return drop_off(session, FIRST, LAST)


def test_months_are_added_up_and_others_left_out(house: Office) -> None:
    with writing(house.sessions) as session:
        for month in ("2026-06", "2026-07", "2026-09", "2026-10"):
            for _ in range(5):
                tallies.add(session, month, tallies.ENDED, "confirm")
                tallies.add(session, month, tallies.ENDED, "concern")
            tallies.add(session, month, tallies.ENDED, "danger")
    made = _made(house)
    assert made.total == 22
    assert {left.step: left.count for left in made.ended if left.count is not None} == {"concern": 10, "confirm": 10}
    assert [left.step for left in made.ended] == list(STEPS)
    assert (made.started, made.stages) == (None, ())


def test_too_few_tell_nothing(house: Office) -> None:
    _fill(house, {"confirm": 4}, {"kind": 2, "sent": 2})
    assert _made(house) == DropOff(None, (), None, ())


def test_an_old_name_of_a_step_is_counted_as_other(house: Office) -> None:
    _fill(house, {"of_old": 7, "confirm": 9, "danger": 2}, {})
    counts = {left.step: left.count for left in _made(house).ended}
    assert (counts["other"], counts["confirm"]) == (7, 9)


def test_how_many_came_so_far_is_the_sum_of_those_who_left_later(house: Office) -> None:
    _fill(house, {}, dict.fromkeys(STAGES, 10))
    made = _made(house)
    assert made.started == 90
    assert [stage.reached for stage in made.stages] == [90, 80, 70, 60, 50, 40, 30, 20, 10]
    assert {stage.left for stage in made.stages} == {10}


def test_a_small_count_is_in_no_difference(house: Office) -> None:
    _fill(house, {}, {**dict.fromkeys(STAGES, 10), "words": 3})
    made = _made(house)
    stages = {stage.step: stage for stage in made.stages}
    hidden = [stage.step for stage in made.stages if stage.left is None]
    assert "words" in hidden
    assert len(hidden) == 2
    # Its own number would be the difference of these two.
    assert stages["words"].reached is None or stages["preview"].reached is None


@pytest.mark.parametrize("seed", range(12))
def test_no_hidden_count_has_one_possible_value(seed: int) -> None:
    """Every way to fill in the hidden counts that fits all that is shown: each of them differs somewhere."""
    chance = random.Random(seed)
    parts = [chance.choice((0, 1, 2, 4, 5, 9)) for _ in range(5)]
    if sum(parts) < dropoff.SMALLEST_SHOWN:
        parts[0] += 5
    hidden = sorted(hidden_parts(parts))
    shown = dropoff._reached(parts, hidden)
    possible = []
    for values in product(range(sum(parts) + 1), repeat=len(hidden)):
        guess = list(parts)
        for place, value in zip(hidden, values, strict=True):
            guess[place] = value
        sums = [sum(guess[n:]) for n in range(len(guess))]
        if all(known is None or known == total for known, total in zip(shown, sums, strict=True)):
            possible.append(values)
    assert tuple(parts[n] for n in hidden) in possible
    for place in range(len(hidden)):
        assert len({values[place] for values in possible}) > 1


def test_the_lines_of_the_file_are_of_the_reports_shape(house: Office) -> None:
    _fill(house, {"confirm": 9, "concern": 3}, {"kind": 6, "sent": 8})
    rows = list(csv.reader(io.StringIO(_made(house).csv_lines())))
    assert {len(row) for row in rows} == {5}
    assert ["conversation", "", "", "ended", "12"] in rows
    assert ["conversation", "concern", "", "ended", "*"] in rows
    assert ["asking_for_help", "sent", "", "sent", "8"] in rows
    assert ["asking_for_help", "kind", "", "reached", "14"] in rows
    assert all(row[4] != "3" for row in rows)
