"""The chat page in a real browser: a child talks, hides and leaves."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Running

ELSEWHERE = re.compile("^https://")


@pytest.fixture(params=["kk", "ru"])
def page(request: pytest.FixtureRequest, browser: Browser, live: Running) -> Iterator[Page]:
    context = browser.new_context(
        locale={"kk": "kk-KZ", "ru": "ru-RU"}[request.param], viewport={"width": 390, "height": 780}
    )
    page = context.new_page()
    # Whatever is asked for elsewhere is answered here: nothing may leave this machine.
    page.route(ELSEWHERE, lambda route: route.fulfill(body="elsewhere"))
    page.goto(f"{live.url}/chat")
    expect(page.locator(".said").first).to_be_visible(timeout=15_000)
    yield page
    context.close()


def _write(page: Page, text: str) -> None:
    before = page.locator(".said:not(.mine)").count()
    page.locator("#text").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator(".said:not(.mine)")).not_to_have_count(before, timeout=10_000)


def test_a_child_tells_and_is_led_to_help(page: Page) -> None:
    language = page.locator("html").get_attribute("lang")
    _write(page, "әкем мені белбеумен ұрады" if language == "kk" else "папа бьёт меня ремнём")
    page.locator(".choices").last.get_by_role("button").first.click()
    expect(page.locator(".said").last).to_contain_text("111", timeout=10_000)
    page.locator(".choices").last.get_by_role("button").first.click()
    expect(page.locator('a.card[href="tel:111"]').first).to_be_visible(timeout=10_000)


def test_the_words_of_the_page_follow_the_talk(page: Page) -> None:
    """Whoever must leave quickly has to be able to read the way out."""
    _write(page, "в школе меня каждый день обзывают одноклассники")
    expect(page.locator("html")).to_have_attribute("lang", "ru", timeout=10_000)
    expect(page.locator('[data-control="back"]')).to_have_text("Назад")
    _write(page, "мектепте мені күнде мазақтайды, көмек керек")
    expect(page.locator("html")).to_have_attribute("lang", "kk", timeout=10_000)


def test_the_page_has_no_serious_accessibility_fault(page: Page) -> None:
    _write(page, "сәлем")
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


def test_hide_empties_the_talk(page: Page) -> None:
    _write(page, "меня обижают в школе")
    page.locator('[data-control="hide"]').click()
    expect(page.locator(".said.mine")).to_have_count(0, timeout=10_000)
    expect(page.locator(".said.quiet")).to_have_count(0, timeout=12_000)
    assert page.locator(".said").count() == 1


def test_quick_exit_leaves_no_way_back(page: Page) -> None:
    entries = page.evaluate("history.length")
    page.locator("#exit").click()
    page.wait_for_url(ELSEWHERE, timeout=10_000)
    assert page.evaluate("history.length") == entries
    page.go_back()
    assert "/chat" not in page.url


def test_escape_leaves_too(page: Page) -> None:
    page.keyboard.press("Escape")
    page.wait_for_url(ELSEWHERE, timeout=10_000)


def test_nothing_is_kept_in_the_browser(page: Page) -> None:
    _write(page, "мне грустно")
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_no_script_of_a_message_runs(page: Page) -> None:
    page.on("dialog", lambda dialog: pytest.fail("a script ran"))
    _write(page, "<img src=x onerror=alert(1)><script>alert(2)</script> привет")
    expect(page.locator(".said.mine").last).to_contain_text("<img")
