"""The case desk: one's own hand-overs only, opened by the passphrase (SECURITY S1, S3, S10, S14). All invented."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from referrals import audit
from referrals.cases import receipts
from referrals.cases.models import Case, Referral
from referrals.crypto import receipt_keys
from referrals.db import writing
from tests.console.desk import Desk, Person
from tests.referrals.handovers import EASY, PASSPHRASE, PEPPER

WORDS = "меня дразнят кырмуздайкой <script>alert(1)</script>"


@pytest.fixture
def worker(desk: Desk) -> Person:
    return desk.person("case_worker", desk.house.organizations["Invented"], name="worker")


def _number(desk: Desk) -> str:
    with desk.house.sessions() as session:
        return desk.house.case(session).number


def _send(desk: Desk, **more: object) -> str:
    return desk.house.send(words=WORDS, at=desk.clock.at, **more)


def test_the_words_open_with_the_passphrase_only(desk: Desk, worker: Person) -> None:
    _send(desk)
    path = f"/cases/{_number(desk)}"
    assert path in worker.get("/cases").text
    assert "кырмуздай" not in worker.get(path).text
    assert worker.post("/cases/unlock", passphrase="wrong").status_code == 403
    assert "кырмуздай" not in worker.get(path).text
    opened = worker.post("/cases/unlock", passphrase=PASSPHRASE, back=_number(desk)).text
    assert "кырмуздай" in opened
    assert "<script>" not in opened
    desk.clock.at += timedelta(minutes=20)
    assert "кырмуздай" in worker.get(path).text
    desk.clock.at += timedelta(minutes=11)
    assert "кырмуздай" not in worker.get(path).text


def test_another_house_has_nothing_and_hears_nothing(desk: Desk, worker: Person) -> None:
    with writing(desk.house.sessions) as session:
        # Only the first organisation is asked: the second has no part in the case.
        session.query(Referral).delete()
    _send(desk)
    with writing(desk.house.sessions) as session:
        foreign = desk.house.organizations["Second"]
        session.query(Referral).filter_by(organization_id=foreign).delete()
    number = _number(desk)
    stranger = desk.person("lead", desk.house.organizations["Second"], name="stranger")
    stranger.post("/cases/unlock", passphrase=PASSPHRASE)
    absent = stranger.get("/cases/ABSENT-1")
    assert absent.status_code == 404
    assert stranger.get(f"/cases/{number}").text == absent.text
    for do in ("accept", "reject", "close", "answer", "note", "assign"):
        refused = stranger.post(f"/cases/{number}", do=do, text="x", choice="no_capacity")
        assert (refused.status_code, refused.text) == (404, absent.text)
    assert number not in stranger.get("/cases").text
    assert number not in stranger.get("/cases?ended=1").text
    with desk.house.sessions() as session:
        denied = session.scalars(
            select(audit.AuditEvent).where(
                audit.AuditEvent.actor == f"staff:{stranger.id}", audit.AuditEvent.outcome == "denied"
            )
        ).all()
        assert len(denied) == 8
        assert session.query(Referral).one().state == "in_progress"
        assert audit.verify(session) is None


def test_a_case_from_acceptance_to_its_end_reaches_the_child(desk: Desk, worker: Person) -> None:
    receipt = _send(desk)
    path = f"/cases/{_number(desk)}"
    worker.post("/cases/unlock", passphrase=PASSPHRASE)
    worker.post(path, do="accept")
    page = worker.get(path).text
    phrase = re.search(r'name="text" value="([^"]+)"', page)
    assert phrase is not None
    assert "Спасибо" in phrase.group(1)
    worker.post(path, do="answer", text=phrase.group(1))
    worker.post(path, do="note", text="заметка для себя")
    assert "заметка для себя" in worker.get(path).text
    keys = receipt_keys(receipt, PEPPER, EASY)
    with writing(desk.house.sessions) as session:
        case = receipts.find_case(session, keys)
        assert case is not None
        status = receipts.read_status(session, case, keys, desk.clock.at)
        assert (status.state, status.answers) == ("accepted", (phrase.group(1),))
    worker.post(path, do="close", choice="helped")
    ended = worker.get(path).text
    assert "кырмуздай" not in ended
    assert path in worker.get("/cases?ended=1").text
    assert worker.post(path, do="answer", text="ещё").status_code == 400


def test_wrong_steps_are_told(desk: Desk, worker: Person) -> None:
    _send(desk)
    path = f"/cases/{_number(desk)}"
    for data in ({"do": "x"}, {"do": "reject", "choice": "x"}, {"do": "close", "choice": "helped"}, {"do": "answer"}):
        assert worker.post(path, **data).status_code == 400, data
    other = desk.person("case_worker", desk.house.organizations["Second"], name="other")
    assert worker.post(path, do="assign", choice=str(other.id)).status_code == 400
    assert worker.post(path, do="assign", choice="x").status_code == 400
    colleague = desk.person("case_worker", desk.house.organizations["Invented"], name="colleague")
    worker.post(path, do="assign", choice=str(colleague.id))
    assert "colleague" in worker.get("/cases").text


def test_many_readings_are_stopped_and_an_alarm_is_raised(desk: Desk, worker: Person) -> None:
    for child in range(21):
        _send(desk, child=f"telegram:{child}")
    worker.post("/cases/unlock", passphrase=PASSPHRASE)
    with desk.house.sessions() as session:
        numbers = [case.number for case in session.scalars(select(Case))]
    answers = [worker.get(f"/cases/{number}").status_code for number in numbers]
    assert answers == [200] * 20 + [429]
    assert worker.get(f"/cases/{numbers[0]}").status_code == 429 or len(set(numbers)) == 21
    with desk.house.sessions() as session:
        alarms = session.scalars(select(audit.AuditEvent).where(audit.AuditEvent.action == "alarm")).all()
        assert {"what": "many_reads"} in [alarm.details for alarm in alarms]


def test_swapped_words_are_not_shown_and_raise_an_alarm(desk: Desk, worker: Person) -> None:
    _send(desk)
    _send(desk, child="telegram:2")
    with writing(desk.house.sessions) as session:
        mine = session.query(Referral).filter_by(organization_id=desk.house.organizations["Invented"]).all()
        mine[0].sealed, mine[1].sealed = mine[1].sealed, mine[0].sealed
        number = mine[0].case.number
    worker.post("/cases/unlock", passphrase=PASSPHRASE)
    answer = worker.get(f"/cases/{number}")
    assert answer.status_code == 500
    assert "кырмуздай" not in answer.text
    with desk.house.sessions() as session:
        alarms = session.scalars(select(audit.AuditEvent).where(audit.AuditEvent.action == "alarm")).all()
        assert [alarm.details for alarm in alarms] == [{"what": "seal_broken"}]


def test_a_lead_makes_the_key_and_gets_it_back_with_the_paper(desk: Desk) -> None:
    lead = desk.person("lead", desk.house.organizations["Second"])
    short = lead.post("/key", do="make", passphrase="short", again="short", sure="on")
    assert short.status_code == 400
    assert lead.post("/key", do="make", passphrase="a" * 20, again="b" * 20, sure="on").status_code == 400
    assert lead.post("/key", do="make", passphrase="a" * 20, again="a" * 20).status_code == 400
    made = lead.post(
        "/key", do="make", passphrase="four invented words here", again="four invented words here", sure="on"
    )
    code = re.search(r"<code>([A-Z2-7-]{39})</code>", made.text)
    assert code is not None
    assert lead.post("/cases/unlock", passphrase="four invented words here").status_code == 200
    new = "other invented words here"
    assert lead.post("/key", do="recover", code="WRONG", passphrase=new, again=new).status_code == 403
    lead.post("/key", do="recover", code=code.group(1), passphrase=new, again=new)
    lead.post("/logout")
    desk.clock.at += timedelta(seconds=31)
    assert lead.try_login().status_code == 303
    assert lead.post("/cases/unlock", passphrase=new).status_code == 200
    assert code.group(1) not in lead.get("/key").text


def test_the_coordinator_counts_and_reads_nothing(desk: Desk) -> None:
    _send(desk)
    coordinator = desk.person("coordinator")
    page = coordinator.get("/overview").text
    assert "Invented" in page
    assert _number(desk) not in page
    assert coordinator.get("/cases").status_code == 404
    assert coordinator.get(f"/cases/{_number(desk)}").status_code == 404
