"""An organisation without an account opens a hand-over by a one-time link and its passphrase. All invented."""

import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from starlette.testclient import TestClient

from referrals import audit
from referrals.cases import lifecycle, receipts
from referrals.cases.models import AnswerLink, Referral
from referrals.console.app import console_app
from referrals.console.web import HEADERS
from referrals.crypto import receipt_keys, token_digest
from referrals.db import writing
from tests.referrals.handovers import EASY, NOW, PASSPHRASE, PEPPER, Office, office

WORDS = "меня дразнят кырмуздайкой <script>alert(1)</script>"


class _Clock:
    at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        made.add("Invented", concerns=["bullying"])
        made.add("Second")
        yield made


@pytest.fixture
def browser(house: Office, clock: _Clock) -> Iterator[TestClient]:
    app = console_app(house.sessions, clock, house.sealer, secure=False, hardness=EASY)
    with TestClient(app, base_url="http://desk.invalid", headers={"accept-language": "ru"}) as client:
        yield client


def _link(house: Office, name: str = "Invented") -> str:
    token = secrets.token_urlsafe(32)
    with writing(house.sessions) as session:
        referral = house.referral(session, name)
        session.add(
            AnswerLink(token=token_digest(token), referral_id=referral.id, expires_at=NOW + timedelta(hours=72))
        )
    return f"/answer/{token}"


def _unlock(browser: TestClient, link: str, passphrase: str = PASSPHRASE) -> str:
    return browser.post(link, data={"passphrase": passphrase}).text


def _form_token(page: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


def test_it_opens_with_the_passphrase_only_and_shows_the_words_as_text(house: Office, browser: TestClient) -> None:
    house.send(words=WORDS)
    link = _link(house)
    asked = browser.get(link)
    assert asked.status_code == 200
    assert "кырмуздай" not in asked.text
    wrong = browser.post(link, data={"passphrase": "wrong"})
    assert wrong.status_code == 403
    assert "кырмуздай" not in wrong.text
    opened = _unlock(browser, link)
    assert "кырмуздай" in opened
    assert "<script>" not in opened
    assert "&lt;script&gt;" in opened
    assert "telegram" not in opened


def test_a_link_works_once_and_not_for_ever(house: Office, browser: TestClient, clock: _Clock) -> None:
    house.send(words=WORDS)
    link, late = _link(house), _link(house)
    _unlock(browser, link)
    browser.cookies.clear()
    absent = browser.get("/answer/absent")
    for dead in (browser.get(link), browser.post(link, data={"passphrase": PASSPHRASE})):
        assert dead.status_code == 404
        assert dead.text == absent.text
    clock.at = NOW + timedelta(hours=73)
    assert browser.get(late).text == absent.text
    assert browser.get("/answer").status_code == 404


def test_accept_answer_note_and_close_reach_the_child(house: Office, browser: TestClient) -> None:
    receipt = house.send(words=WORDS)
    page = _unlock(browser, _link(house))
    token = _form_token(page)
    for step in ({"do": "accept"}, {"do": "answer", "text": "мы рядом"}, {"do": "note", "text": "заметка"}):
        page = browser.post("/answer", data={"form_token": token, **step}).text
    assert "мы рядом" in page
    assert "заметка" in page
    keys = receipt_keys(receipt, PEPPER, EASY)
    with writing(house.sessions) as session:
        case = receipts.find_case(session, keys)
        assert case is not None
        status = receipts.read_status(session, case, keys, NOW)
        assert (status.state, status.answers) == ("accepted", ("мы рядом",))
    done = browser.post("/answer", data={"form_token": token, "do": "close", "choice": "helped"})
    assert done.status_code == 200
    assert browser.get("/answer").status_code == 404


def test_refusing_asks_the_next_choice_and_ends_the_reading(house: Office, browser: TestClient) -> None:
    house.send(words=WORDS)
    token = _form_token(_unlock(browser, _link(house)))
    browser.post("/answer", data={"form_token": token, "do": "reject", "choice": "no_capacity"})
    assert browser.get("/answer").status_code == 404
    with house.sessions() as session:
        assert house.referral(session, "Second").state == "in_progress"
        assert house.referral(session, "Invented").sealed is None


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        ({"do": "accept"}, {}),
        ({"do": "accept", "form_token": "x" * 43}, {}),
        ({"do": "accept", "form_token": "right"}, {"origin": "http://evil.invalid"}),
        ({"do": "accept", "form_token": "right"}, {"sec-fetch-site": "cross-site"}),
    ],
)
def test_a_form_from_elsewhere_changes_nothing(
    house: Office, browser: TestClient, data: dict[str, str], headers: dict[str, str]
) -> None:
    """SECURITY S9."""
    house.send(words=WORDS)
    token = _form_token(_unlock(browser, _link(house)))
    sent = {name: token if value == "right" else value for name, value in data.items()}
    assert browser.post("/answer", data=sent, headers=headers).status_code == 404
    with house.sessions() as session:
        assert house.referral(session, "Invented").state == "in_progress"


def test_bad_steps_are_told_and_change_nothing(house: Office, browser: TestClient) -> None:
    house.send(words=WORDS)
    token = _form_token(_unlock(browser, _link(house)))
    for step in (
        {"do": "close", "choice": "helped"}, {"do": "reject", "choice": "nonsense"}, {"do": "answer", "text": " "},
        {"do": "nonsense"}, {"do": "answer", "text": "x" * 5_000},
    ):  # fmt: skip
        answer = browser.post("/answer", data={"form_token": token, **step})
        assert answer.status_code == 400, step
    assert browser.post("/answer", content=b"x" * 100_000).status_code == 413


def test_one_organisation_never_reads_anothers(house: Office, browser: TestClient) -> None:
    """SECURITY S1: the second choice has its link before its turn has come."""
    house.send(words=WORDS)
    absent = browser.get("/answer/absent").text
    assert browser.get(_link(house, "Second")).text == absent


def test_guessing_a_passphrase_is_slowed_for_that_organisation_alone(house: Office, browser: TestClient) -> None:
    house.send(words=WORDS)
    link = _link(house)
    for number in range(7):
        assert browser.post(link, data={"passphrase": f"guess {number}"}).status_code == 403
    assert browser.post(link, data={"passphrase": PASSPHRASE}).status_code == 403
    with writing(house.sessions) as session:
        lifecycle.reject(session, house.referral(session, "Invented"), lifecycle.RejectReason.NO_CAPACITY, "x", NOW)
    assert "кырмуздай" in _unlock(browser, _link(house, "Second"))


def test_a_swapped_ciphertext_raises_an_alarm_and_shows_nothing(house: Office, browser: TestClient) -> None:
    """SECURITY C8."""
    house.send(words=WORDS)
    house.send(words="чужие слова", child="telegram:2")
    with writing(house.sessions) as session:
        one, two = session.scalars(select(Referral).where(Referral.rank == 0)).all()
        one.sealed, two.sealed = two.sealed, one.sealed
        link = AnswerLink(token=token_digest("t"), referral_id=one.id, expires_at=NOW + timedelta(hours=1))
        session.add(link)
    page = browser.post("/answer/t", data={"passphrase": PASSPHRASE})
    assert page.status_code == 404
    with house.sessions() as session:
        events = session.execute(select(audit.AuditEvent.action, audit.AuditEvent.details)).all()
        assert ("alarm", {"what": "seal_broken"}) in [tuple(event) for event in events]


def test_every_look_and_every_refused_try_is_recorded(house: Office, browser: TestClient) -> None:
    """SECURITY S3, S5."""
    house.send(words=WORDS)
    link = _link(house)
    browser.post(link, data={"passphrase": "wrong"})
    _unlock(browser, link)
    browser.get("/answer")
    with house.sessions() as session:
        events = [
            (e.action, e.outcome) for e in session.scalars(select(audit.AuditEvent).order_by(audit.AuditEvent.id))
        ]
        assert events[-4:] == [
            ("case_opened", "denied"), ("case_opened", "done"), ("case_read", "done"), ("case_read", "done"),
        ]  # fmt: skip
        assert audit.verify(session) is None
        dump = str(session.execute(text("SELECT * FROM audit_event")).all())
        assert "кырмуздай" not in dump


def test_the_headers_are_on_every_answer(house: Office, browser: TestClient) -> None:
    """SECURITY S11."""
    house.send()
    for path in ("/answer/absent", "/nothing", "/answer", "/static/console.css", "/health", _link(house)):
        answer = browser.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, path
    assert browser.request("DELETE", "/answer").status_code == 404
    assert browser.post("/answer", content=b"x" * 100_000).headers["Cache-Control"] == "no-store"
