"""Guesses at once are counted as if they came one after the other (SECURITY S6, F4)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from referrals import throttle
from referrals.db import writing
from tests.referrals.handovers import NOW, Office

AT_ONCE = 12


def _try(house: Office, who: bytes) -> bool:
    with writing(house.sessions) as session:
        return throttle.may_try(session, who, NOW)


def test_tries_at_once_get_no_more_than_the_free_ones(house: Office) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        let = list(pool.map(lambda _: _try(house, b"invented"), range(AT_ONCE)))
    assert sum(let) == throttle.FREE_TRIES


def test_one_who_guesses_locks_out_nobody_else(house: Office) -> None:
    for _ in range(AT_ONCE):
        _try(house, b"guesser")
    assert _try(house, b"somebody else")


def test_each_wait_is_twice_the_one_before_and_a_day_forgets(house: Office) -> None:
    with writing(house.sessions) as session:
        at, waits = NOW, []
        for _ in range(throttle.FREE_TRIES + 4):
            assert throttle.may_try(session, b"patient", at)
            free = session.get_one(throttle.Attempt, b"patient").free_at
            waits.append((free - at) // throttle.WINDOW)
            at = max(at, free)
        assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16]
        throttle.sweep(session, at + timedelta(days=2))
        session.flush()
        assert session.get(throttle.Attempt, b"patient") is None
