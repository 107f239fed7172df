"""A number of somebody else's is as absent as none: status, body, headers, and what the database is asked (SECURITY S1).

Time is not measured: it differs from machine to machine. What is looked at is what it comes from: the same statements,
one after another, with as many values. All invented.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from referrals import audit
from referrals.cases import handing, lifecycle, second
from referrals.cases.models import Disposition, Referral, ReferralState
from referrals.cases.routing import Need
from referrals.db import writing
from referrals.people import Staff
from tests.console.desk import Desk, Person
from tests.referrals.handovers import PASSPHRASE

WORDS = "меня дразнят кырмуздайкой"


def _accept(desk: Desk, mine: Referral, session: Any) -> None:
    lifecycle.accept(session, mine, "staff:1", desk.clock.at)


def _close(desk: Desk, mine: Referral, session: Any) -> None:
    _accept(desk, mine, session)
    lifecycle.close(session, mine, Disposition.HELPED, "staff:1", desk.clock.at)


def _ask(desk: Desk, mine: Referral, session: Any) -> None:
    """The other house itself waits for the child's yes: it must not know even that."""
    foreign = desk.house.organizations["Second"]
    session.query(Referral).filter_by(organization_id=foreign).delete()
    session.expire(mine.case)
    found = handing.candidates(session, desk.house.pins, mine, Need("bullying", "KZ35", 12, "ru"), desk.clock.at)
    choice = next(one for one, _fits in found if one.organization_id == foreign)
    handing.ask(session, mine, choice, b'{"words": null}', "staff:1", desk.clock.at)


def _revoke(desk: Desk, mine: Referral, session: Any) -> None:
    lifecycle.revoke(session, mine.case, audit.CHILD, desk.clock.at)


SITUATIONS: dict[str, Callable[[Desk, Referral, Any], None]] = {
    "waiting for its turn": lambda desk, mine, session: None,
    "accepted": _accept,
    "closed": _close,
    "waiting for a yes": _ask,
    "taken back": _revoke,
}


@contextmanager
def _asked(desk: Desk) -> Iterator[list[tuple[str, int]]]:
    """Every statement that the database gets meanwhile, and how many values go with it."""
    statements: list[tuple[str, int]] = []
    with desk.house.sessions() as session:
        engine = session.get_bind()

    def note(connection: Any, cursor: Any, statement: str, values: Any, *more: Any) -> None:
        statements.append((statement, len(values or ())))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _same(desk: Desk, person: Person, method: str, foreign: str, absent: str, **data: str) -> None:
    seen = []
    for path in (foreign, absent):
        # The first use of a statement compiles it: both are asked warm.
        for _ in range(2):
            with _asked(desk) as statements:
                answer = person.browser.request(
                    method, path, data={"form_token": person.token(), **data}, follow_redirects=False
                )  # fmt: skip
        headers = {name: value for name, value in answer.headers.items() if name != "date"}
        seen.append((answer.status_code, answer.content, headers, list(statements)))
    assert seen[0] == seen[1], (method, foreign, data)
    assert seen[0][0] == 404
    # Refused and written down: not merely nothing done.
    assert any("audit_event" in statement for statement, _ in seen[0][3]) or method not in ("GET", "POST")


@pytest.mark.parametrize("situation", list(SITUATIONS))
@pytest.mark.parametrize("role", ["case_worker", "lead"])
def test_foreign_and_absent_numbers_cannot_be_told_apart(desk: Desk, role: str, situation: str) -> None:
    desk.house.send(words=WORDS, at=desk.clock.at)
    with writing(desk.house.sessions) as session:
        mine = desk.house.referral(session, "Invented")
        SITUATIONS[situation](desk, mine, session)
        number = mine.case.number
    person = desk.person(role, desk.house.organizations["Second"])
    person.post("/cases/unlock", passphrase=PASSPHRASE)
    absent = "BCDF-2345" if number != "BCDF-2345" else "BCDF-2346"
    for ending in ("", "/hand-on"):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"):
            _same(desk, person, method, f"/cases/{number}{ending}", f"/cases/{absent}{ending}")
    for do in ("accept", "reject", "close", "answer", "note", "assign", "x"):
        _same(desk, person, "POST", f"/cases/{number}", f"/cases/{absent}", do=do, text="x", choice="no_capacity")
    for do in ("ask", "propose", "withdraw"):
        _same(desk, person, "POST", f"/cases/{number}/hand-on", f"/cases/{absent}/hand-on", do=do, reason="x" * 20)
    _same(desk, person, "POST", f"/cases/{number}/look", f"/cases/{absent}/look", reason="an invented reason")
    for page in ("/cases", "/cases?ended=1", "/second"):
        assert number not in person.get(page).text


def test_foreign_and_absent_requests_cannot_be_told_apart(desk: Desk) -> None:
    desk.house.send(words=WORDS, at=desk.clock.at)
    asker = desk.person("case_worker", desk.house.organizations["Invented"], name="asker")
    lead = desk.person("lead", desk.house.organizations["Second"], name="lead")
    with writing(desk.house.sessions) as session:
        mine = desk.house.referral(session, "Invented")
        mine.assigned_to = uuid4()
        person = session.get_one(Staff, asker.id)
        request = str(second.ask_look(session, mine, person, "an invented reason", desk.clock.at).id)
    for do in ("agree", "refuse", "x"):
        _same(desk, lead, "POST", f"/second/{request}", f"/second/{uuid4()}", do=do)


def test_foreign_and_absent_colleagues_cannot_be_told_apart(desk: Desk) -> None:
    stranger = desk.person("case_worker", desk.house.organizations["Invented"], name="stranger")
    lead = desk.person("lead", desk.house.organizations["Second"], name="lead")
    for do in ("disable", "link", "role", "x"):
        _same(desk, lead, "POST", f"/colleagues/{stranger.id}", f"/colleagues/{uuid4()}", do=do, role="lead")


def test_many_numbers_tell_no_more_than_one(desk: Desk) -> None:
    """Two hundred tries, half of them at numbers that exist."""
    for child in range(100):
        desk.house.send(words=WORDS, child=f"telegram:{child}", at=desk.clock.at)
    with desk.house.sessions() as session:
        numbers = [r.case.number for r in session.query(Referral).filter_by(state=ReferralState.IN_PROGRESS)]
    person = desk.person("case_worker", desk.house.organizations["Second"])
    shapes = set()
    for number in [*numbers, *(f"BCDF-{n:04}" for n in range(100))]:
        with _asked(desk) as statements:
            answer = person.get(f"/cases/{number}")
        shapes.add((answer.status_code, answer.content, tuple(statements)))
    assert len(numbers) == 100
    assert len({shape[:2] for shape in shapes}) == 1
    # The very first may compile or connect; from then on there is one shape.
    assert len(shapes) <= 2
