"""One request to the console: who asks, whether they may, in one transaction that also records it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from referrals import audit, people
from referrals.cases.keys import WeakPassphrase
from referrals.cases.lifecycle import NotPossible
from referrals.console.web import gone, is_ours, language_of, page
from referrals.crypto import PASSPHRASE, PASSWORD, Hardness, Sealer, token_digest
from referrals.db import writing
from referrals.directory.editing import EditRefused
from referrals.directory.exchange.taking import Preview
from referrals.directory.week import HoursWrong
from referrals.permissions import Permission, may
from referrals.wording import translate

COOKIE = "janymda_staff"
# A private key that a passphrase has opened stays in this process's memory for so long.
KEY_LIVES = timedelta(minutes=30)
IMPORT_LIVES = timedelta(minutes=30)
_SENTENCES = (people.PeopleError, EditRefused, NotPossible, WeakPassphrase, HoursWrong)


class Door(Enum):
    """Pages that need no permission of the table."""

    OPEN = "open"
    # Signed in, whatever the role; before the code of conduct is accepted too.
    SIGNED_IN = "signed_in"


class NotThere(Exception):
    """There is no such record, or it is somebody else's: the page says the same for both."""


class Refusal(Exception):
    """Something cannot be done; the message is shown."""

    def __init__(self, sentence: str, status: int = 400, alarm: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        # What the audit trail has to tell of it besides.
        self.alarm = alarm


@dataclass
class House:
    """What the pages need from outside."""

    sessions: Callable[[], Session]
    now: Callable[[], datetime]
    sealer: Sealer
    secure: bool
    password: Hardness = PASSWORD
    passphrase: Hardness = PASSPHRASE
    # The pinned fingerprints of the organisations' keys, read anew each time.
    pins: Callable[[], Mapping[str, str]] = dict
    # Organisations' private keys by session and key: in memory only, each until its moment.
    opened: dict[tuple[bytes, UUID], tuple[bytes, datetime]] = field(default_factory=dict)
    # What each session last looked at to import, until it is taken over.
    imports: dict[bytes, tuple[Preview, datetime]] = field(default_factory=dict)


@dataclass
class Visit:
    """A request, its person and its transaction."""

    house: House
    request: Request
    session: Session
    at: datetime
    form: FormData
    token: str
    person: people.Staff | None
    # What the audit record is about; pages fill it in.
    subject: str = ""
    outcome: audit.Outcome = audit.Outcome.DONE
    details: dict[str, str] = field(default_factory=dict)

    @property
    def staff(self) -> people.Staff:
        """Who is signed in."""
        assert self.person is not None  # the page's door has seen to it
        return self.person

    @property
    def form_token(self) -> str:
        return form_token(self.token)

    @property
    def language(self) -> str:
        return language_of(self.request)

    def may(self, permission: str) -> bool:
        return self.person is not None and may(self.person.role, Permission(permission))

    def text(self, name: str) -> str:
        """A field of the form, as typed."""
        value = self.form.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """Every value ticked under one name."""
        return [value for value in self.form.getlist(name) if isinstance(value, str) and value]

    def chosen(self, name: str) -> UUID | None:
        """An id chosen in the form; None when none was. Raises Refusal."""
        value = self.text(name)
        try:
            return UUID(value) if value else None
        except ValueError:
            raise Refusal("Choose from the list.") from None

    def file(self, name: str) -> tuple[str, bytes]:
        """A file that was sent along: its name and what is in it; empty without one."""
        value = self.form.get(name)
        return (value.filename or "", value.file.read()) if isinstance(value, UploadFile) else ("", b"")

    def identity(self, name: str = "id") -> UUID:
        """An id in the path; raises NotThere."""
        try:
            return UUID(self.request.path_params[name])
        except ValueError:
            raise NotThere from None

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        return page(self.request, template, status, visit=self, **values)

    def words(self, code: str) -> str:
        """A word of the console in the reader's language."""
        return translate(code, self.language)

    def remember_import(self, looked_at: Preview) -> None:
        """Kept in memory for the second step; what others left behind goes."""
        for digest, (_, until) in list(self.house.imports.items()):
            if until <= self.at:
                del self.house.imports[digest]
        self.house.imports[token_digest(self.token)] = looked_at, self.at + IMPORT_LIVES

    def keys(self) -> Mapping[UUID, bytes]:
        """The organisation's keys that this session has opened."""
        mine = token_digest(self.token)
        for name, (_, until) in list(self.house.opened.items()):
            if until <= self.at:
                del self.house.opened[name]
        return {key: private for (session, key), (private, _) in self.house.opened.items() if session == mine}


@dataclass(frozen=True)
class Page:
    """A page of the console. There is none outside of such a row, and none without a door."""

    method: str
    path: str
    action: str
    needs: Permission | Door
    handler: Callable[[Visit], Response]


def goto(path: str) -> Response:
    """Look there next; a reload does nothing twice."""
    return RedirectResponse(path, status_code=303)


def form_token(token: str) -> str:
    """What a session's forms carry: made from the session, and nothing can be made from it."""
    return hashlib.sha256(b"form" + token.encode()).hexdigest()


def route_of(one: Page, house: House) -> Route:
    """A page as a route: session, permission and origin are seen to before its handler is asked."""

    async def endpoint(request: Request) -> Response:
        form = await request.form() if one.method == "POST" else FormData()
        return await run_in_threadpool(_serve, one, house, request, form)

    return Route(one.path, endpoint, methods=[one.method])


def _serve(one: Page, house: House, request: Request, form: FormData) -> Response:
    token = request.cookies.get(COOKIE, "")
    try:
        with writing(house.sessions) as session:
            at = house.now()
            person = people.person_of(session, token, at) if token else None
            visit = Visit(house, request, session, at, form, token if person else "", person)
            stopped = _stopped(one, visit)
            if stopped is not None:
                return stopped
            answer = one.handler(visit)
            if one.needs is not Door.OPEN:
                audit.record(
                    session, at=at, actor=visit.staff.actor, action=one.action, subject=visit.subject,
                    outcome=visit.outcome, details=visit.details,
                )  # fmt: skip
            return answer
    except NotThere:
        _write_down(one, house, token, audit.Outcome.DENIED)
        return gone(request)
    except Refusal as error:
        _write_down(one, house, token, audit.Outcome.FAILED, error.alarm)
        return page(request, "refused.html", error.status, problem=str(error))
    except _SENTENCES as error:
        _write_down(one, house, token, audit.Outcome.FAILED)
        return page(request, "refused.html", 400, problem=str(error))


def _stopped(one: Page, visit: Visit) -> Response | None:
    """The answer to somebody who may not; None for whoever may."""
    person, signed_in = visit.person, visit.person is not None
    if one.method == "POST" and not is_ours(visit.request, visit.form.get("form_token"), visit.form_token):
        _record_denied(visit.session, one, person, visit.at)
        return gone(visit.request)
    if one.needs is Door.OPEN:
        return None
    if not signed_in:
        _record_denied(visit.session, one, person, visit.at)
        return goto("/login") if one.method == "GET" else gone(visit.request)
    assert person is not None  # signed in
    if isinstance(one.needs, Permission):
        if not may(person.role, one.needs):
            _record_denied(visit.session, one, person, visit.at)
            return gone(visit.request)
        if person.conduct_at is None:
            return goto("/conduct")
    return None


def _write_down(one: Page, house: House, token: str, outcome: audit.Outcome, alarm: str = "") -> None:
    """A try that came to nothing is recorded too, after its own transaction was undone."""
    with writing(house.sessions) as session:
        person = people.person_of(session, token, house.now()) if token else None
        _record(session, one, person, house.now(), outcome)
        if alarm:
            _record(session, one, person, house.now(), outcome, action="alarm", details={"what": alarm})


def _record_denied(session: Session, one: Page, person: people.Staff | None, at: datetime) -> None:
    _record(session, one, person, at, audit.Outcome.DENIED)


def _record(
    session: Session, one: Page, person: people.Staff | None, at: datetime, outcome: audit.Outcome, *,
    action: str = "", details: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    # The page's pattern, not the path that was asked for: that may hold anything.
    audit.record(
        session, at=at, actor=person.actor if person else "nobody", action=action or one.action,
        subject=one.path[:80], outcome=outcome, details=details,
    )  # fmt: skip
