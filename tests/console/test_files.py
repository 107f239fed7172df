"""Files into the directory and out of it: looked at first, reviewed by a second person. All invented."""

import csv
import io
from datetime import timedelta

import pytest
from sqlalchemy import select

from referrals.audit import AuditEvent
from referrals.directory.models import Phone, Service, Status
from referrals.directory.search import find_services
from tests.console.desk import Desk, Person

HEADER = "organization_name_kk;organization_name_ru;name_kk;name_ru;kind;phones;regions\n"
ROW = "Ұйым;Организация;Орталық;Выдуманный центр;crisis_centre;+7 7272 50 00 00;KZ75\n"


@pytest.fixture
def editor(desk: Desk) -> Person:
    return desk.person("editor")


def _send(person: Person, content: str, name: str = "services.csv", **more: str) -> str:
    answer = person.browser.post(
        "/directory/import", data={"form_token": person.token(), "do": "look", **more},
        files={"file": (name, content.encode())},
    )  # fmt: skip
    return str(answer.text)


def _drafts(desk: Desk) -> list[str]:
    with desk.house.sessions() as session:
        return [s.name["ru"] for s in session.scalars(select(Service).where(Service.status == Status.DRAFT))]


def test_an_import_is_looked_at_taken_over_and_reviewed(desk: Desk, editor: Person) -> None:
    page = _send(editor, HEADER + ROW)
    assert "Выдуманный центр" in page or "Орталық" in page
    assert _drafts(desk) == []
    taken = editor.post("/directory/import", do="take")
    assert "wait for a second person" in taken.text
    assert _drafts(desk) == ["Выдуманный центр"]
    reviewer = desk.person("reviewer")
    listed = reviewer.get("/directory", params={"waiting": "1"}).text
    assert "Выдуманный центр" in listed or "Орталық" in listed
    with desk.house.sessions() as session:
        assert find_services(session, region="KZ75", at=desk.clock.at) == []
    # What was taken over is not there to be taken over again.
    assert editor.post("/directory/import", do="take").status_code == 400


def test_mistakes_are_told_with_their_lines_and_nothing_is_taken(desk: Desk, editor: Person) -> None:
    page = _send(editor, HEADER + ROW + ROW.replace("crisis_centre", "shop").replace("центр", "второй"))
    assert "Line 3, kind" in page
    assert 'value="take"' not in page
    assert editor.post("/directory/import", do="take").status_code == 400
    assert _drafts(desk) == []


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [("", "x.csv", "Choose a file"), ("x", "x.pdf", "Save it as csv"), ("a;b\n1;2\n", "x.csv", "does not name")],
)
def test_what_is_no_table_is_told_so(editor: Person, content: str, name: str, sentence: str) -> None:
    assert sentence in _send(editor, content, name)


def test_nobody_takes_over_what_another_looked_at_nor_what_is_old(desk: Desk, editor: Person) -> None:
    _send(editor, HEADER + ROW)
    other = desk.person("editor", name="other")
    assert other.post("/directory/import", do="take").status_code == 400
    desk.clock.at += timedelta(minutes=31)
    _send(other, HEADER + ROW)
    assert desk.app is other.desk.app
    assert editor.post("/directory/import", do="take").status_code in (400, 404)
    assert _drafts(desk) == []


def test_an_export_holds_nothing_private_and_comes_back_as_it_is(desk: Desk, editor: Person) -> None:
    with desk.house.sessions() as session, session.begin():
        service = session.scalars(select(Service)).first()
        assert service is not None
        service.phones = [Phone(number="150", position=0), Phone(number="+7 7272 50 00 01", private=True, position=1)]
    for kind in ("csv", "xlsx", "json"):
        answer = editor.get(f"/directory/export.{kind}")
        assert answer.status_code == 200
        assert "attachment" in answer.headers["content-disposition"]
        assert b"50 00 01" not in answer.content
    rows = list(csv.DictReader(io.StringIO(editor.get("/directory/export.csv").content.decode("utf-8-sig"))))
    assert {row["organization_name_ru"] for row in rows} >= {"Invented"}
    page = _send(editor, editor.get("/directory/export.csv").content.decode("utf-8-sig"))
    assert 'value="take"' not in page
    assert editor.get("/directory/export.doc").status_code == 404


def test_who_may_not_edit_imports_nothing_and_every_file_is_written_down(desk: Desk, editor: Person) -> None:
    worker = desk.person("case_worker", desk.house.organizations["Second"])
    assert worker.get("/directory/import").status_code == 404
    assert worker.post("/directory/import", do="take").status_code == 404
    auditor = desk.person("auditor")
    assert auditor.get("/directory/export.csv").status_code == 404
    editor.get("/directory/export.csv")
    with desk.house.sessions() as session:
        told = {(e.action, e.outcome) for e in session.scalars(select(AuditEvent))}
    assert {("directory_exported", "done"), ("directory_exported", "denied"), ("import_form", "denied")} <= told
