"""A console in memory with people of every role, each in a browser of their own. All invented."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pyotp
from starlette.testclient import TestClient

from referrals import people
from referrals.console.app import console_app
from referrals.crypto import Sealer
from referrals.db import writing
from tests.referrals.handovers import EASY, NOW, Office

PASSWORD = "invented words of nobody"
BASE = "http://desk.invalid"


class Clock:
    """The time, as the test says."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Person:
    """Somebody of the staff, and their browser."""

    desk: "Desk"
    id: UUID
    email: str
    secret: str
    browser: TestClient

    def code(self) -> str:
        return pyotp.TOTP(self.secret).at(int(self.desk.clock.at.timestamp()))

    def try_login(self, password: str = PASSWORD, code: str | None = None) -> Any:
        self.browser.cookies.clear()
        return self.browser.post(
            "/login", data={"form_token": self.desk.open_token, "email": self.email, "password": password,
                            "code": self.code() if code is None else code}, follow_redirects=False,
        )  # fmt: skip

    def get(self, path: str, **more: Any) -> Any:
        return self.browser.get(path, **more)

    def post(self, path: str, **data: Any) -> Any:
        return self.browser.post(path, data={"form_token": self.token(), **data})

    def token(self) -> str:
        from referrals.console.visit import COOKIE, form_token

        return form_token(self.browser.cookies.get(COOKIE, ""))


@dataclass
class Desk:
    """The console and its people."""

    house: Office
    clock: Clock = field(default_factory=Clock)
    sealer: Sealer = field(default_factory=lambda: Sealer(b"c" * 32))

    def __post_init__(self) -> None:
        self.app = console_app(
            self.house.sessions, self.clock, self.sealer, secure=False, hardness=EASY, password=EASY,
            pins=lambda: self.house.pins,
        )  # fmt: skip

    @property
    def open_token(self) -> str:
        from referrals.console.visit import form_token

        return form_token("")

    def browser(self) -> TestClient:
        return TestClient(self.app, base_url=BASE, headers={"accept-language": "en", "origin": BASE})

    def person(self, role: str, organization: UUID | None = None, *, name: str = "", logged_in: bool = True) -> Person:
        """Somebody who came by the one-time link, as people do."""
        email = f"{name or role}{len(self.people)}@example.invalid"
        with writing(self.house.sessions) as session:
            token = people.invite(
                session, name=name or role, email=email, role=role, organization_id=organization, actor="test",
                at=self.clock.at,
            )  # fmt: skip
        browser = self.browser()
        link = f"/invitation/{token}"
        page = browser.post(link, data={"form_token": self.open_token, "password": PASSWORD, "again": PASSWORD}).text
        found = re.search(r"<code>([A-Z2-7]{32})</code>", page)
        assert found is not None
        identity = self._id_of(email)
        person = Person(self, identity, email, found.group(1), browser)
        joined = browser.post(link, data={"form_token": self.open_token, "code": person.code()})
        assert joined.status_code == 200
        self.people.append(person)
        self.clock.at += timedelta(seconds=31)
        if logged_in:
            assert person.try_login().status_code == 303
            assert person.post("/conduct").status_code == 200
            self.clock.at += timedelta(seconds=31)
        return person

    def _id_of(self, email: str) -> UUID:
        with self.house.sessions() as session:
            return session.query(people.Staff).filter_by(email=email).one().id

    people: list[Person] = field(default_factory=list)
