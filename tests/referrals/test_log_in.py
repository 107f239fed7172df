"""Logging in when several try at once, and when a session ends (SECURITY S7, S8); on both databases. All invented."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyotp
import pytest

from referrals import people
from referrals.crypto import Hardness
from referrals.db import writing
from tests.referrals.handovers import NOW, Office

EASY = Hardness(memory=8, passes=1, lanes=1)
EMAIL, PASSWORD = "invented@example.org", "four invented words here"
AT_ONCE = 8


@pytest.fixture
def secret(house: Office) -> str:
    """An account that has joined; the secret of its app."""
    with writing(house.sessions) as session:
        token = people.invite(
            session, name="Invented", email=EMAIL, role="editor", organization_id=None, actor="test", at=NOW
        )
        person = people.invited(session, token, NOW)
        assert person is not None
        enrolment = people.choose_password(session, person, PASSWORD, house.sealer, EASY)
        code = pyotp.TOTP(enrolment.secret).at(NOW)
        assert people.join(session, person, code, house.sealer, NOW)
        return enrolment.secret


def _log_in(house: Office, code: str, minutes: int = 1, password: str = PASSWORD) -> str | None:
    with writing(house.sessions) as session:
        at = NOW + timedelta(minutes=minutes)
        return people.log_in(session, EMAIL, password, code, house.sealer, at, EASY)


def _code(secret: str, minutes: int = 1) -> str:
    return pyotp.TOTP(secret).at(NOW + timedelta(minutes=minutes))


def test_of_several_who_send_one_code_at_once_one_comes_in(house: Office, secret: str) -> None:
    code = _code(secret)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tokens = list(pool.map(lambda _: _log_in(house, code), range(AT_ONCE)))
    assert sum(token is not None for token in tokens) == 1


def test_a_code_that_came_with_a_wrong_password_is_not_used_up(house: Office, secret: str) -> None:
    code = _code(secret)
    assert _log_in(house, code, password="not the password at all") is None
    assert _log_in(house, code) is not None
    assert _log_in(house, f" {code[:3]} {code[3:]} ") is None


@pytest.mark.parametrize(("steps", "comes_in"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_off(house: Office, secret: str, steps: int, comes_in: bool) -> None:
    code = pyotp.TOTP(secret).at(NOW + timedelta(minutes=10, seconds=30 * steps))
    assert (_log_in(house, code, minutes=10) is not None) == comes_in


def test_a_session_that_is_always_used_ends_after_twelve_hours(house: Office, secret: str) -> None:
    token = _log_in(house, _code(secret))
    assert token is not None
    at = NOW + timedelta(minutes=1)
    for _ in range(12 * 60 // 29):
        at += timedelta(minutes=29)
        with writing(house.sessions) as session:
            assert people.person_of(session, token, at) is not None
    with writing(house.sessions) as session:
        assert people.person_of(session, token, NOW + timedelta(hours=12, minutes=2)) is None


@pytest.mark.parametrize("change", ["role", "password", "disabled", "logged out"])
def test_a_change_of_the_account_ends_its_sessions_at_once(house: Office, secret: str, change: str) -> None:
    token = _log_in(house, _code(secret))
    assert token is not None
    at = NOW + timedelta(minutes=2)
    with writing(house.sessions) as session:
        person = people.person_of(session, token, at)
        assert person is not None
        if change == "role":
            people.change_role(session, person, "reviewer", "test", at)
        elif change == "password":
            people.choose_password(session, person, "four other invented words", house.sealer, EASY)
        elif change == "disabled":
            people.disable(session, person, "test", at)
        else:
            people.log_out(session, token)
    with writing(house.sessions) as session:
        assert people.person_of(session, token, at) is None
