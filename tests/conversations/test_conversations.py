"""Every conversation of the data files, through Telegram and through the chat page."""

import re
import string
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from content.model import Locale, load_catalogue
from content.regions import region_name
from tests.conftest import PageChild, Running
from tests.telegram_server import TelegramServer

FOLDER = Path(__file__).parent
PARALLEL = 8
_chats = count(1000)


def conversations() -> list[dict[str, Any]]:
    return [c for path in sorted(FOLDER.glob("*.yml")) for c in yaml.safe_load(path.read_text())]


@cache
def _templates() -> list[tuple[str, Locale, re.Pattern[str]]]:
    """Every text there is as a pattern, to know a reply by its words."""
    catalogue = load_catalogue()
    found: list[tuple[str, Locale, re.Pattern[str]]] = []
    locales: tuple[Locale, ...] = ("kk", "ru")
    for key, reply in catalogue.replies.items():
        for locale in locales:
            for texts in (reply.kk if locale == "kk" else reply.ru).values():
                found += [(key, locale, _pattern(text)) for text in texts]
    return found


def _pattern(text: str) -> re.Pattern[str]:
    parts = [re.escape(words) + (".*" if name else "") for words, name, _, _ in string.Formatter().parse(text)]
    # Lines of choices may follow; a line whose fact is not known may be missing.
    return re.compile("".join(parts) + r"(\n•.*)*", re.DOTALL)


class Child(Protocol):
    """Someone who writes and presses; gets (key candidates, locale candidates) of each message."""

    def do(self, step: dict[str, Any], locale: Locale) -> list[tuple[set[str], set[str]]]: ...


def said(text: str) -> tuple[set[str], set[str]]:
    """Which keys and which languages a text can be."""
    matches = [(key, locale) for key, locale, pattern in _templates() if pattern.fullmatch(text)]
    return {key for key, _ in matches}, {locale for _, locale in matches}


def _label(name: str, locale: Locale) -> str:
    if name.startswith("region "):
        return region_name(name.removeprefix("region "), locale)
    return load_catalogue().labels[name].text(locale)


class OnThePage:
    def __init__(self, live: Running) -> None:
        self.child: PageChild = live.page()

    def do(self, step: dict[str, Any], locale: Locale) -> list[tuple[set[str], set[str]]]:
        if "child" in step:
            answer = self.child.send(text=step["child"], language=locale)
        elif "press" in step:
            label = _label(step["press"], locale)
            labels = [button["label"] for button in self.child.buttons]
            assert label in labels, f"no button {label!r} among {labels}"
            answer = self.child.send(button=self.child.buttons[labels.index(label)]["token"])
        elif "control" in step:
            answer = self.child.send(button=f"!{step['control']}", language=locale)
        else:
            answer = self.child.send(command=step["command"], language=locale)
        return [({m["key"]}, said(m["text"])[1]) for m in answer["messages"] if not m["contact"]]


class OnTelegram:
    def __init__(self, live: Running, telegram: TelegramServer) -> None:
        self.telegram = telegram
        self.chat = next(_chats)

    def do(self, step: dict[str, Any], locale: Locale) -> list[tuple[set[str], set[str]]]:
        before = {m.id for m in self.telegram.said(self.chat)}
        if "child" in step:
            number = self.telegram.write(self.chat, step["child"], language=locale)
        elif "press" in step:
            number = self.telegram.press(self.chat, _label(step["press"], locale))
        elif "control" in step and before:
            number = self.telegram.press_data(self.chat, max(before), f"!{step['control']}")
        else:
            name = step.get("command") or step["control"]
            number = self.telegram.write(self.chat, f"/{name}", language=locale)
        self.telegram.wait_for(lambda: all(u["update_id"] != number for u in self.telegram.waiting), 30)
        return [said(m.text) for m in self._new(before) if not m.contact]

    def _new(self, before: set[int]) -> list[Any]:
        """What the bot said since, once it has come to its end: the buttons always at hand."""

        def finished() -> Any:
            new = [m for m in self.telegram.said(self.chat) if m.id not in before]
            at_end = new and (
                any(data == "!hide" for _, data in new[-1].buttons) or "hide_last" in said(new[-1].text)[0]
            )
            return new if at_end else None

        return list(self.telegram.wait_for(finished, 60))


def hold(child: Child, conversation: dict[str, Any]) -> str | None:
    """Hold a conversation; what went wrong, or None."""
    locale: Locale = conversation["language"]
    for number, step in enumerate(conversation["steps"], 1):
        try:
            replies = child.do(step, locale)
        except (AssertionError, LookupError) as error:
            return f"step {number}: {error}"
        locale = step.get("language", locale)
        fault = _compare(step, replies, locale)
        if fault:
            return f"step {number} ({step}): {fault}"
    return None


def _compare(step: dict[str, Any], replies: list[tuple[set[str], set[str]]], locale: Locale) -> str | None:
    expected = list(step.get("reply", []))
    for candidates, locales in replies:
        if locales and locale not in locales and "ask_language" not in candidates:
            return f"{candidates} came in {locales}, not in {locale}"
        if expected and expected[0] in candidates:
            expected.pop(0)
        unwanted = set(step.get("not", [])) & candidates
        if unwanted:
            return f"{unwanted} must not come"
    if expected:
        return f"{expected} did not come; there were {[sorted(c)[:3] for c, _ in replies]}"
    return None


def _hold_all(make: Callable[[], Child], chosen: list[dict[str, Any]]) -> dict[str, str | None]:
    with ThreadPoolExecutor(PARALLEL) as pool:
        outcomes = pool.map(lambda c: _prepared(make(), c), chosen)
        return dict(zip([c["name"] for c in chosen], outcomes, strict=True))


_BANDS = {"7-10": "age_7_10", "11-13": "age_11_13", "14-17": "age_14_17", "adult": "age_adult"}


def _prepared(child: Child, conversation: dict[str, Any]) -> str | None:
    """Tell the age beforehand, the way a child does: through /start."""
    band = conversation.get("band")
    if band:
        language = conversation["language"]
        told = {
            "language": language,
            "steps": [
                {"command": "start"},
                {"press": f"lang_{language}"},
                {"press": "skip"},
                {"press": _BANDS[band]},
            ],
        }
        fault = hold(child, told)
        if fault:
            return f"before the conversation: {fault}"
    return hold(child, conversation)


@pytest.fixture(scope="session")
def on_the_page(live: Running) -> dict[str, str | None]:
    return _hold_all(lambda: OnThePage(live), conversations())


@pytest.fixture(scope="session")
def on_telegram(live: Running, telegram: TelegramServer) -> dict[str, str | None]:
    return _hold_all(lambda: OnTelegram(live, telegram), conversations())


@pytest.mark.parametrize("name", [c["name"] for c in conversations()])
def test_on_the_chat_page(name: str, on_the_page: dict[str, str | None]) -> None:
    assert on_the_page[name] is None


@pytest.mark.parametrize("name", [c["name"] for c in conversations()])
def test_on_telegram(name: str, on_telegram: dict[str, str | None]) -> None:
    assert on_telegram[name] is None


def test_every_request_to_telegram_fits_the_bot_api(
    on_telegram: dict[str, str | None], telegram: TelegramServer
) -> None:
    assert on_telegram
    assert telegram.violations == []
    methods = {method for method, _ in telegram.calls}
    assert {"getUpdates", "sendMessage", "sendContact", "answerCallbackQuery"} <= methods
    # Nothing that fetches or hands on what a child sent (SECURITY C13).
    assert not methods & {"getFile", "forwardMessage", "copyMessage"}


def test_there_is_a_conversation_for_every_concern_and_request() -> None:
    taxonomy = yaml.safe_load((FOLDER.parent.parent / "content" / "taxonomy.yaml").read_text())
    names = {c["name"] for c in conversations()}
    for code in (*taxonomy["concerns"], *taxonomy["requests"]):
        for language in ("kk", "ru"):
            assert f"{code} in {language}" in names
