"""Those who keep the directory hear of it once a week, and again when the mail server failed. All invented."""

import smtplib
from datetime import UTC, datetime, timedelta

from referrals import people
from referrals.db import writing
from referrals.notices import Letter
from referrals.reminders import remind
from tests.referrals.handovers import Office

# A Tuesday noon in Kazakhstan.
NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
CONSOLE = "https://desk.invalid"


def _staff(house: Office, role: str) -> str:
    email = f"{role}@example.invalid"
    with writing(house.sessions) as session:
        people.invite(session, name=role, email=email, role=role, organization_id=None, actor="test", at=NOW)
        session.query(people.Staff).filter_by(email=email).one().joined_at = NOW
    return email


class Post:
    """A mail server, and what it took."""

    def __init__(self, *, down: bool = False) -> None:
        self.letters: list[Letter] = []
        self.failures: list[Exception] = []
        self.down = down

    def send(self, letter: Letter) -> None:
        if self.down:
            raise smtplib.SMTPServerDisconnected
        self.letters.append(letter)


def _remind(house: Office, post: Post, at: datetime = NOW) -> int:
    return remind(house.sessions, post.send, CONSOLE, at, post.failures.append)


def test_editors_and_reviewers_are_told_once_a_week(house: Office) -> None:
    house.add("Old", at=NOW - timedelta(days=61))
    house.add("New", at=NOW)
    told = {_staff(house, "editor"), _staff(house, "reviewer")}
    for other in ("coordinator", "auditor"):
        _staff(house, other)
    post = Post()
    assert _remind(house, post) == 2
    assert {letter.address for letter in post.letters} == told
    assert f"{CONSOLE}/directory/verify" in post.letters[0].text
    # How many, and neither which nor whose.
    assert ": 1\n" in post.letters[0].text
    assert "Old" not in post.letters[0].text
    assert _remind(house, post, NOW + timedelta(days=3)) == 0
    before_nine = datetime(2026, 11, 30, 3, 59, tzinfo=UTC)
    assert _remind(house, post, before_nine) == 0
    assert _remind(house, post, before_nine + timedelta(minutes=1)) == 2


def test_a_server_that_is_down_is_asked_again(house: Office) -> None:
    house.add("Old", at=NOW - timedelta(days=61))
    _staff(house, "editor")
    post = Post(down=True)
    assert _remind(house, post) == 0
    assert len(post.failures) == 1
    post.down = False
    assert _remind(house, post) == 1


def test_nothing_to_do_is_no_letter_nor_is_one_sent_to_who_left(house: Office) -> None:
    post = Post()
    email = _staff(house, "editor")
    assert _remind(house, post) == 0
    house.add("Old", at=NOW - timedelta(days=61))
    with writing(house.sessions) as session:
        people.disable(session, session.query(people.Staff).filter_by(email=email).one(), "test", NOW)
    assert _remind(house, post) == 0
    assert post.letters == []
