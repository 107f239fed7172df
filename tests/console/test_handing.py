"""The page on which a case is handed on, if the child agrees. All invented."""

import re

import pytest

from referrals import audit
from referrals.cases import handing
from referrals.cases.models import Referral
from referrals.db import writing
from tests.console.desk import Desk, Person
from tests.referrals.handovers import PASSPHRASE

WORDS = "меня дразнят кырмуздайкой"


@pytest.fixture
def worker(desk: Desk) -> Person:
    desk.house.send(words=WORDS, at=desk.clock.at, excluded=("police",))
    with writing(desk.house.sessions) as session:
        # Nobody else was chosen by the child.
        session.query(Referral).filter_by(organization_id=desk.house.organizations["Second"]).delete()
    desk.house.add("Of the police", ties=["police"])
    desk.house.add("Far", region="KZ10")
    return desk.person("case_worker", desk.house.organizations["Invented"], name="worker")


def _path(desk: Desk) -> str:
    with desk.house.sessions() as session:
        return f"/cases/{desk.house.case(session).number}"


def _options(page: str) -> list[tuple[str, str]]:
    """Whom the child can be asked about."""
    lists = page.split('<select id="service"')[1:]
    return re.findall(
        r'<option value="([0-9a-f-]{36})">([^<]+)</option>', lists[0].split("</select>")[0] if lists else ""
    )


def _ask(desk: Desk, worker: Person, name: str = "Second") -> None:
    path = _path(desk) + "/hand-on"
    service = next(value for value, called in _options(worker.get(path).text) if called == name)
    assert worker.post(path, do="ask", service=service).status_code == 200


def test_nobody_is_chosen_before_the_key_is_opened(desk: Desk, worker: Person) -> None:
    path = _path(desk) + "/hand-on"
    assert _options(worker.get(path).text) == []
    with desk.house.sessions() as session:
        service = str(session.query(Referral).one().service_id)
    assert worker.post(path, do="ask", service=service).status_code == 403
    worker.post("/cases/unlock", passphrase=PASSPHRASE)
    page = worker.get(path).text
    assert [called for _, called in _options(page)] == ["Second", "Far"]
    assert "кырмуздай" not in page
    for wrong in (service, "x", "", "00000000-0000-4000-8000-000000000000"):
        assert worker.post(path, do="ask", service=wrong).status_code == 400, wrong
    assert worker.post(path, do="x").status_code == 400
    assert worker.post(path, do="withdraw").status_code == 400


def test_the_other_house_sees_nothing_until_the_child_says_yes(desk: Desk, worker: Person) -> None:
    other = desk.person("case_worker", desk.house.organizations["Second"], name="other")
    other.post("/cases/unlock", passphrase=PASSPHRASE)
    worker.post("/cases/unlock", passphrase=PASSPHRASE)
    _ask(desk, worker)
    path = _path(desk)
    number = path.split("/")[-1]
    for page in ("/cases", "/cases?ended=1", path, f"{path}/hand-on"):
        assert number not in other.get(page).text, page
    for do in ("accept", "answer", "ask", "withdraw"):
        assert other.post(f"{path}/hand-on", do=do).status_code == 404
        assert other.post(path, do=do, text="x").status_code == 404
    assert "Second" in worker.get(f"{path}/hand-on").text
    with writing(desk.house.sessions) as session:
        handing.decide(session, desk.house.referral(session, "Second").id, True, desk.clock.at)
    opened = other.get(path).text
    assert "кырмуздай" in opened
    assert "Handed on by" in opened
    assert "with the child's yes" in opened
    # Who had it reads no more, and can hand on nothing.
    assert "кырмуздай" not in worker.get(path).text
    assert worker.get(f"{path}/hand-on").status_code == 404
    assert "handed on" in worker.get("/cases?ended=1").text


def test_a_no_is_seen_and_a_question_is_withdrawn(desk: Desk, worker: Person) -> None:
    worker.post("/cases/unlock", passphrase=PASSPHRASE)
    _ask(desk, worker, "Far")
    path = _path(desk) + "/hand-on"
    worker.post(path, do="withdraw")
    assert [called for _, called in _options(worker.get(path).text)] == ["Second", "Far"]
    _ask(desk, worker, "Far")
    with writing(desk.house.sessions) as session:
        handing.decide(session, desk.house.referral(session, "Far").id, False, desk.clock.at)
    page = worker.get(path).text
    assert "The child said no to: Far" in page
    assert [called for _, called in _options(page)] == ["Second"]
    assert "кырмуздай" in worker.get(_path(desk)).text
    with desk.house.sessions() as session:
        done = [e.details.get("do") for e in session.query(audit.AuditEvent).filter_by(action="hand_on_step")]
        assert done == ["ask", "withdraw", "ask"]


def test_what_was_never_asked_is_not_in_a_houses_list_after_the_end(desk: Desk) -> None:
    desk.house.send(words=WORDS, at=desk.clock.at)
    worker = desk.person("case_worker", desk.house.organizations["Invented"], name="worker")
    other = desk.person("case_worker", desk.house.organizations["Second"], name="other")
    path = _path(desk)
    worker.post(path, do="accept")
    worker.post(path, do="close", choice="helped")
    assert path in worker.get("/cases?ended=1").text
    assert path not in other.get("/cases?ended=1").text
    assert other.get(path).status_code == 404
