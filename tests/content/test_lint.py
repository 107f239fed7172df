"""The content keeps its rules, and the lint is able to say when it does not."""

import re
from collections.abc import Callable

import pytest

from content.lint import check_content, check_reply, known_numbers
from content.model import CONTENT, Reply, load_catalogue
from content.render import render
from tests.conftest import ROOT

NUMBERS = known_numbers(CONTENT / "directory")
GOOD = "Ты здесь не в одиночку. Звони 150."


def _reply(change: Callable[[dict[str, str]], None], **more: object) -> Reply:
    ru = dict.fromkeys(("7-10", "11-13", "14-17", "adult"), GOOD)
    kk = dict.fromkeys(ru, "Сен жалғыз емессің. 150-ге қоңырау шал.")
    change(ru)
    return Reply.model_validate({"note": "x", "ru": ru, "kk": kk, **more})


def test_all_content_is_clean() -> None:
    report = check_content()
    assert report.faults == ()
    assert report.texts > 1_000


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Звони 8 701 123 45 67.", "number"), ("Звони 116.", "number"), ("Почему ты молчишь?", "asks why"),
        ("Это секрет.", "secrecy"), ("Всё будет хорошо.", "outcome"), ("Ты смогла.", "boy or a girl"),
        ("Раз. Два. Три. Четыре.", "sentences"), ("а " * 30 + "б.", "words"), ("Где ты? Как ты?", "question"),
        ("<b>Да</b>", "HTML"), (" Да.", "stray"), ("Расскажи подробно.", "proof or details"),
        ("Привет, {name}.", "facts"),
    ],
)  # fmt: skip
def test_each_rule_bites(text: str, complaint: str) -> None:
    def change(ru: dict[str, str]) -> None:
        ru["11-13"] = text

    faults = [fault.what for fault in check_reply("x", _reply(change), NUMBERS)]
    assert any(complaint in fault for fault in faults), faults
    assert not list(check_reply("x", _reply(lambda ru: None), NUMBERS))


def test_a_missing_register_is_found() -> None:
    faults = list(check_reply("x", _reply(lambda ru: ru.pop("adult") and None), NUMBERS))
    assert any("missing" in fault.what for fault in faults)


def test_every_key_in_the_code_has_words() -> None:
    written = "".join(path.read_text("utf-8") for path in (ROOT / "bot").rglob("*.py"))
    said = set(re.findall(r'say\(\s*dispatcher,\s*"([a-z_]+)"', written))
    said |= set(re.findall(r'"reply": "([a-z_]+)"', written))
    assert len(said) > 20
    assert said <= load_catalogue().replies.keys()


def test_a_line_without_its_fact_is_left_out() -> None:
    catalogue = load_catalogue()
    facts = {"name": "Invented", "what": "", "phone": "150", "hours": "", "cost": "", "guardian": ""}
    assert render(catalogue, "service_card", "ru", None, facts) == ("Invented\n150",)
