"""Every role's day in the console, in a real browser; and an edit that a child reads in its next message. All invented."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session, sessionmaker

from referrals.db import make_engine, session_factory, writing
from referrals.directory.models import Location, Organization, Phone, Service
from referrals.people import Staff
from referrals.permissions import Role
from referrals.settings import load_settings
from tests.conftest import JANYMDA, ROOT, PageChild, Running, janymda
from tests.referrals.handovers import Office

PASSWORD = "invented words of nobody"
SCREENSHOTS = ROOT / "var" / "screenshots"
NARROW, WIDE = 390, 1_200


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("console")
    with janymda(folder, JANYMDA_CONSOLE="1", JANYMDA_RASA_TIMEOUT="20") as made:
        yield made


@pytest.fixture(scope="module")
def sessions(running: Running) -> sessionmaker[Session]:
    return session_factory(make_engine(load_settings(data_dir=running.folder / "var").database_url))


@pytest.fixture(scope="module")
def organization(running: Running, sessions: sessionmaker[Session]) -> str:
    url = load_settings(data_dir=running.folder / "var").database_url
    return str(Office(sessions, url).add("Invented", region=None, at=datetime.now(UTC)))


class Person:
    """Somebody of the staff who came by the one-time link, and their browser."""

    def __init__(self, running: Running, sessions: sessionmaker[Session], page: Page, role: str, house: str) -> None:
        self.page, self.sessions = page, sessions
        self.base = f"http://127.0.0.1:{running.env['JANYMDA_CONSOLE_PORT']}"
        self.email = f"{role}-{datetime.now(UTC).timestamp()}@example.invalid"
        options = ["--organization", house] if role in (Role.CASE_WORKER, Role.LEAD) else []
        made = subprocess.run(
            [JANYMDA, "staff", "add", f"Invented {role}", self.email, "--role", role, *options],
            env=running.env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        link = re.search(r"/invitation/\S+", made.stdout)
        assert link is not None
        self._join(link.group())

    def _join(self, link: str) -> None:
        page = self.page
        page.goto(self.base + link)
        page.fill("#password", PASSWORD)
        page.fill("#again", PASSWORD)
        page.click("main button")
        secret = page.locator("main code").inner_text()
        page.fill("#code", pyotp.TOTP(secret).now())
        page.click("main button")
        # A code works once: the next one would come in half a minute.
        with writing(self.sessions) as session:
            session.query(Staff).filter_by(email=self.email).one().totp_last = 0
        page.click("main a")
        page.fill("#email", self.email)
        page.fill("#password", PASSWORD)
        page.fill("#code", pyotp.TOTP(secret).now())
        page.click("main button")
        expect(page).to_have_url(re.compile("/conduct$"))
        page.click("main button")
        expect(page.locator("nav")).to_be_visible()

    def open(self, path: str) -> Page:
        self.page.goto(self.base + path)
        return self.page


def _faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:80]}" for v in found if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("locale", ["kk-KZ", "ru-RU"])
@pytest.mark.parametrize("role", [role.value for role in Role])
def test_every_page_of_a_role_is_usable(
    running: Running, sessions: sessionmaker[Session], organization: str, browser: Browser, role: str, locale: str
) -> None:
    """By keyboard and screen reader as far as axe can tell, at the width of a phone and of a desk."""
    context = browser.new_context(locale=locale, viewport={"width": WIDE, "height": 900})
    person = Person(running, sessions, context.new_page(), role, organization)
    page = person.page
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    paths = page.locator("nav a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert paths
    more = ["/directory/new", "/directory/import"] if role in (Role.EDITOR, Role.REVIEWER) else []
    for path in (*paths, *more):
        person.open(path)
        expect(page.locator("h1")).to_have_count(1)
        assert page.locator("html").get_attribute("lang") == locale[:2]
        for width in (NARROW, WIDE):
            page.set_viewport_size({"width": width, "height": 900})
            assert _faults(page) == [], (path, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        page.screenshot(path=SCREENSHOTS / f"{role}-{locale[:2]}{path.replace('/', '-')}.png", full_page=True)
    # The first press of the tab key offers the way past the head of the page.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    context.close()


def test_what_two_persons_publish_a_child_reads_in_its_next_message(
    running: Running, sessions: sessionmaker[Session], organization: str, browser: Browser
) -> None:
    editor, reviewer = (
        Person(running, sessions, browser.new_context(locale="ru-RU").new_page(), role, organization)
        for role in ("editor", "reviewer")
    )
    page = editor.open("/directory/new")
    page.select_option("#organization_id", organization)
    page.select_option("#kind", "crisis_centre")
    page.fill("#name_ru", "Выдуманный приют")
    page.fill("#name_kk", "Ойдан шығарылған пана")
    page.fill("#phones", "+7 718 250 00 00")
    page.check("input[name=regions][value=KZ55]")
    for day in ("MO", "TU", "WE", "TH", "FR", "SA", "SU"):
        page.fill(f"#hours_{day}", "00:00-23:59")
    page.click("button[value=look]")
    expect(page.locator("blockquote").first).to_contain_text("Ойдан шығарылған пана")
    page.click("button[value=propose]")
    path = page.url.removeprefix(editor.base)
    child = running.page()
    assert "Выдуманный приют" not in _asks(child)
    page = reviewer.open(path)
    page.click("button[value=agree]")
    assert "Выдуманный приют" in _asks(running.page())
    # The next message of the child that had asked before, too.
    assert "Выдуманный приют" in _asks(child)


_BROKEN_WORDS = (
    "<script>alert({0})</script>", "\"><img src=x onerror=alert({0})>", "'><svg/onload=alert({0})>",
    "javascript:alert({0})", "</title><script>alert({0})</script>", "<iframe srcdoc='<script>alert({0})</script>'>",
    "{{{{ {0} * 7 }}}}", "${{alert({0})}}", "<details open ontoggle=alert({0})>", "<a href=javascript:alert({0})>x</a>",
    "<style>@import'//x.invalid/{0}'</style>", "<base href=//x.invalid/{0}/>", "&lt;script&gt;alert({0})&lt;/script&gt;",
    "<math><mtext><img src=x onerror=alert({0})></mtext></math>", "\u202e<b onmouseover=alert({0})>",
    "<form action=//x.invalid/{0}><button autofocus>x", "<meta http-equiv=refresh content='0;url=//x.invalid/{0}'>",
    "<input autofocus onfocus=alert({0})>", "<object data=//x.invalid/{0}>", "<link rel=stylesheet href=//x.invalid/{0}>",
)  # fmt: skip


def test_two_hundred_broken_words_run_nowhere(
    running: Running, sessions: sessionmaker[Session], organization: str, browser: Browser
) -> None:
    """SECURITY S10: as the names of services, and as an organisation's; in a real browser."""
    words = [_BROKEN_WORDS[number % len(_BROKEN_WORDS)].format(number) for number in range(200)]
    with writing(sessions) as session:
        made = [
            Service(
                organization_id=UUID(organization), kind="line", name={"kk": one, "ru": one},
                description={"kk": one, "ru": one}, source=one, phones=[Phone(number=one[:40])],
                locations=[Location(region="KZ35", town=one, address={"kk": one, "ru": one}, private=False)],
            )
            for one in words
        ]  # fmt: skip
        session.add_all([*made, Organization(name={"kk": words[0], "ru": words[1]})])
        session.flush()
        paths = [f"/directory/{service.id}" for service in made]
    context = browser.new_context(locale="ru-RU")
    person = Person(running, sessions, context.new_page(), "editor", organization)
    page = person.page
    ran: list[str] = []
    foreign: list[str] = []
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: ran.append(message.text) if "Content Security" in message.text else None)
    page.on("request", lambda request: None if request.url.startswith(person.base) else foreign.append(request.url))
    for path in ("/organizations", *(f"/directory?status=draft&page={n}" for n in range(1, 6)), *paths):
        answer = page.goto(person.base + path)
        assert answer is not None
        assert answer.status == 200
        assert page.url.startswith(person.base), path
    for path in paths[:20]:
        page.goto(f"{person.base}{path}/edit")
        assert page.locator("main form").count() == 1
    assert page.evaluate("document.querySelectorAll('script, iframe, object, base, img').length") == 0
    assert (ran, foreign) == ([], [])
    context.close()


def _asks(child: PageChild) -> str:
    """What a child reads that looks for a crisis centre in Pavlodar region."""
    words = ""
    for text in ("где есть кризисный центр в Павлодарской области", "13"):
        answer = child.send(text=text)
        words += " ".join(message["text"] for message in answer["messages"])
    return words
