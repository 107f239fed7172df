"""Who comes in and what they may: log-in, sessions, doors, audit (SECURITY S2, S3, S6 to S9, S11). All invented."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from referrals import audit, people
from referrals.console.app import PAGES
from referrals.console.visit import COOKIE, Door
from referrals.console.web import HEADERS
from referrals.db import writing
from referrals.permissions import OF_AN_ORGANIZATION, TABLE, Permission, Role, may
from tests.console.desk import Desk

_PLACES = {"{id}": "00000000-0000-4000-8000-000000000000", "{token}": "absent", "{number}": "absent", "{change}": "99"}


def _path(pattern: str) -> str:
    for place, value in _PLACES.items():
        pattern = pattern.replace(place, value)
    return pattern


def _events(desk: Desk, action: str) -> list[str]:
    with desk.house.sessions() as session:
        return [e.outcome for e in session.scalars(select(audit.AuditEvent).where(audit.AuditEvent.action == action))]


def test_a_person_comes_in_by_the_link_once(desk: Desk) -> None:
    person = desk.person("editor")
    assert "Directory" in person.get("/directory").text
    with writing(desk.house.sessions) as session:
        token = people.new_invitation(session, session.get_one(people.Staff, person.id), desk.clock.at)
    stranger = desk.browser()
    assert stranger.get(f"/invitation/{token}").status_code == 200
    desk.clock.at += timedelta(days=4)
    assert stranger.get(f"/invitation/{token}").status_code == 404


def test_a_code_works_once(desk: Desk) -> None:
    person = desk.person("editor", logged_in=False)
    code = person.code()
    assert person.try_login(password="wrong wrong wrong", code=code).status_code == 403
    assert person.try_login(code=code).status_code == 303
    assert person.try_login(code=f"{code[:3]} {code[3:]}").status_code == 403
    assert person.try_login(code="").status_code == 403
    desk.clock.at += timedelta(minutes=2)
    assert person.try_login(code=code).status_code == 403
    assert person.try_login().status_code == 303


def test_guessing_is_slow_for_one_account_only(desk: Desk) -> None:
    person, other = desk.person("editor", logged_in=False), desk.person("reviewer", logged_in=False)
    for _ in range(6):
        assert person.try_login(password="wrong wrong wrong").status_code == 403
    assert person.try_login().status_code == 403
    assert other.try_login().status_code == 303
    desk.clock.at += timedelta(hours=1)
    assert person.try_login().status_code == 303
    assert _events(desk, "logged_in").count("denied") == 7


def test_a_session_ends(desk: Desk) -> None:
    person = desk.person("editor")
    desk.clock.at += timedelta(minutes=29)
    assert person.get("/directory", follow_redirects=False).status_code == 200
    desk.clock.at += timedelta(minutes=31)
    assert person.get("/directory", follow_redirects=False).status_code == 303
    assert person.try_login().status_code == 303
    token = person.browser.cookies[COOKIE]
    person.post("/logout")
    person.browser.cookies.set(COOKIE, token)
    assert person.get("/directory", follow_redirects=False).status_code == 303


def test_putting_somebody_out_ends_the_session(desk: Desk) -> None:
    person, administrator = desk.person("editor"), desk.person("administrator")
    administrator.post(f"/staff/{person.id}", do="disable")
    assert person.get("/directory", follow_redirects=False).status_code == 303
    desk.clock.at += timedelta(seconds=31)
    assert person.try_login().status_code == 403


def test_the_database_holds_no_token(desk: Desk) -> None:
    person = desk.person("editor")
    token = person.browser.cookies[COOKIE]
    with desk.house.sessions() as session:
        for row in session.scalars(select(people.StaffSession)):
            assert token.encode() not in row.token


def test_every_page_has_a_door_and_every_role_only_its_own(desk: Desk) -> None:
    organization = desk.house.organizations["Invented"]
    staff = {
        role: desk.person(role.value, organization if role in OF_AN_ORGANIZATION else None) for role in Role
    }  # fmt: skip
    nobody, tried = desk.browser(), 0
    for page in PAGES:
        path = _path(page.path)
        if page.needs is Door.OPEN or page.path == "/logout":
            continue
        answer = nobody.request(page.method, path, data={"form_token": desk.open_token}, follow_redirects=False)
        assert answer.status_code == (303 if page.method == "GET" else 404), page
        for role, person in staff.items():
            allowed = page.needs is Door.SIGNED_IN or (isinstance(page.needs, Permission) and may(role, page.needs))
            sent = person.browser.request(
                page.method, path, data={"form_token": person.token()}, follow_redirects=False
            )
            tried += 1
            assert sent.status_code < 500, (page, role)
            if not allowed:
                assert sent.status_code == 404, (page, role)
    print(f"{tried} tries of {len(PAGES)} pages by {len(staff)} roles")
    assert {permission for granted in TABLE.values() for permission in granted} == set(Permission)
    assert not may("nobody", Permission.AUDIT)
    with desk.house.sessions() as session:
        assert audit.verify(session) is None


@pytest.mark.parametrize("page", [p for p in PAGES if p.method == "POST"], ids=lambda p: p.path)
def test_a_foreign_form_changes_nothing(desk: Desk, page: object) -> None:
    person = desk.person("administrator")
    path = _path(page.path)  # type: ignore[attr-defined] # a row of the table
    for headers, token in (
        ({"origin": "http://evil.invalid"}, person.token()),
        ({"sec-fetch-site": "cross-site"}, person.token()),
        ({}, "wrong"),
        ({}, ""),
    ):
        before = len(_events(desk, "logged_out"))
        answer = person.browser.post(path, data={"form_token": token}, headers=headers, follow_redirects=False)
        assert answer.status_code == 404
        assert len([e for e in _events(desk, "logged_out") if e == "done"]) <= before


def test_the_headers_are_on_every_answer(desk: Desk) -> None:
    person = desk.person("editor")
    for path in ("/", "/login", "/directory", "/absent", "/static/console.css", "/cases", "/directory/absent"):
        answer = person.get(path, follow_redirects=False)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (path, name)


def test_reads_and_refused_tries_are_written_down(desk: Desk) -> None:
    person = desk.person("editor")
    before = len(_events(desk, "directory_listed"))
    person.get("/directory")
    person.get("/audit")
    person.get("/directory/00000000-0000-4000-8000-000000000000")
    assert _events(desk, "directory_listed")[before:] == ["done"]
    assert _events(desk, "audit_read") == ["denied"]
    assert _events(desk, "service_read") == ["denied"]


def test_the_language_of_the_pages_is_chosen(desk: Desk) -> None:
    person = desk.person("editor")
    person.post("/language", language="ru", back="/directory")
    assert 'lang="ru"' in person.get("/directory").text
    away = person.browser.post(
        "/language", data={"form_token": person.token(), "language": "kk", "back": "//evil.invalid"},
        follow_redirects=False,
    )  # fmt: skip
    assert away.headers["location"] == "/"


def test_nobody_changes_their_own_account_and_a_lead_only_the_own_house(desk: Desk) -> None:
    first, second = desk.house.organizations["Invented"], desk.house.organizations["Second"]
    lead, foreign = desk.person("lead", first), desk.person("case_worker", second)
    assert lead.post(f"/colleagues/{lead.id}", do="disable").status_code == 400
    assert lead.post(f"/colleagues/{foreign.id}", do="disable").status_code == 404
    assert lead.post("/colleagues", name="New one", email="a@example.invalid", role="auditor").status_code == 400
    made = lead.post("/colleagues", name="New one", email="a@example.invalid", role="case_worker")
    assert "/invitation/" in made.text
    assert foreign.email not in lead.get("/colleagues").text
