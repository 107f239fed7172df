"""From the child's chat to the organisation's page and back, in a real browser. All invented."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from referrals.cases.models import AnswerLink, OrganizationKey
from referrals.crypto import token_digest, wrap_key
from referrals.db import make_engine, session_factory, writing
from referrals.pins import pin
from referrals.settings import load_settings
from tests.conftest import PageChild, Running, janymda
from tests.referrals.handovers import PASSPHRASE, Office

WORDS = "меня дразнят кырмуздайкой"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with janymda(tmp_path_factory.mktemp("desk"), JANYMDA_CONSOLE="1", JANYMDA_RASA_TIMEOUT="20") as made:
        yield made


@pytest.fixture(scope="module")
def house(running: Running) -> Office:
    settings = load_settings(data_dir=running.folder / "var")
    office = Office(session_factory(make_engine(settings.database_url)), settings.database_url)
    organization = office.add("Invented", region=None, at=datetime.now(UTC))
    pin(settings.pins_path, str(organization), office.pins[str(organization)])
    with writing(office.sessions) as session:
        # The real console asks for the real hardness.
        key = session.query(OrganizationKey).one()
        key.wrapped = wrap_key(office.keys[organization].private, PASSPHRASE)
    return office


def _hand_over(child: PageChild) -> str:
    child.write("меня травят одноклассники в школе")
    for label in ("Да", "Попросить помощь", "Пропустить", "Пропустить", "Дальше", "Нет, только по коду"):
        child.press(label)
    child.write(WORDS)
    token = next(b["token"] for b in child.buttons if b["label"] == "Передать просьбу")
    answer = child.send(button=token)
    return "".join(c for c in " ".join(m["text"] for m in answer["messages"]) if c.isdigit())[-16:]


@pytest.mark.parametrize(("locale", "width"), [("kk-KZ", 390), ("ru-RU", 1_200)])
def test_what_an_organisation_writes_is_what_the_child_reads(
    running: Running, house: Office, browser: Browser, locale: str, width: int
) -> None:
    child = running.page()
    receipt = _hand_over(child)
    token = secrets.token_urlsafe(32)
    with writing(house.sessions) as session:
        newest = house.case(session).referrals[0]
        session.add(
            AnswerLink(
                token=token_digest(token), referral_id=newest.id, expires_at=datetime.now(UTC) + timedelta(hours=1)
            )
        )
    context = browser.new_context(locale=locale, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{running.env['JANYMDA_CONSOLE_PORT']}/answer/{token}")
    assert _serious(page) == []
    page.fill("#passphrase", PASSPHRASE)
    page.click("button")
    expect(page.locator("blockquote")).to_have_text(WORDS, timeout=20_000)
    assert _serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click("form:has(input[value=accept]) button")
    page.fill("#answer", "мы рядом, напишем завтра")
    page.click("form:has(input[value=answer]) button")
    expect(page.locator("article")).to_contain_text("мы рядом")
    context.close()
    answer = child.send(text=receipt)
    assert [m["key"] for m in answer["messages"]] == ["status_accepted", "case_answer"]
    assert "мы рядом" in answer["messages"][1]["text"]


def _serious(page: object) -> list[str]:
    found = Axe().run(page).response["violations"]  # type: ignore[arg-type] # a page of Playwright
    return [v["id"] for v in found if v["impact"] in ("serious", "critical")]


def test_the_console_is_a_process_of_its_own_without_telegrams_token(running: Running) -> None:
    port = int(running.env["JANYMDA_CONSOLE_PORT"])
    assert httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).text == "ok"
    children = psutil.Process(running.process.pid).children(recursive=True)
    console = next(c for c in children if "console" in c.cmdline())
    assert not any(name.startswith("TELEGRAM") for name in console.environ())
    assert all(c.laddr.ip == "127.0.0.1" for c in console.net_connections() if c.status == "LISTEN")
