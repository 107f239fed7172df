"""What leaves the process tells nobody who wrote it, and is never a command (SECURITY H7, H9, R6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.mask import LONGEST, is_unknown_command, mask, normalise

# All invented.
TELLING = [
    ("мой номер 8 701 123 45 67", "701"), ("+7(701)123-45-67 позвоните", "123"), ("иин 010203500123", "010203"),
    ("пишите на invented@example.kz", "example"), ("я @invented_name", "invented"), ("меня зовут Выдумка", "Выдумка"),
    ("менің атым Ойдан", "Ойдан"), ("живу на ул. Выдуманная 15 кв 3", "Выдуманная"),
    ("Ойдан көшесі 15-үй тұрамын", "Ойдан"), ("карта 4400 1234 5678 9012", "4400"), ("https://example.kz/x", "example"),
    ("отчима зовут Выдумкин Выдумка", "Выдумк"), ("8-701-123-45-67", "701"), ("87011234567", "8701"),
]  # fmt: skip
HARMLESS = [
    "мне 13 лет",
    "звонить 150 или 111",
    "в Караганде",
    "102 и 112",
    "нас было 25",
    "как тебя зовут",
    "Шымкентте тұрам",
]


@pytest.mark.parametrize(("text", "part"), TELLING)
def test_what_tells_who_is_masked(text: str, part: str) -> None:
    assert part not in mask(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_does_not_tell_stays(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "/restart", "//restart", " /restart", "／restart", "∕x", "⁄x", "\u200b/x", "\u202e/x", "EXTERNAL: x",
        "external:/x", "/EXTERNAL: /x", "\x00/x", "\ufeff/inform{}", "/ / /x", "\\/x",
    ],
)  # fmt: skip
def test_nothing_is_left_of_a_command(text: str) -> None:
    clean = normalise(text)
    assert not clean.startswith(("/", "／", "EXTERNAL"))
    assert "{" not in clean


@given(st.text(alphabet=st.characters(), max_size=3_000))
def test_any_text_is_brought_to_a_safe_form(text: str) -> None:
    clean = mask(normalise(text))
    assert not clean.startswith("/")
    assert len(normalise(text)) <= LONGEST
    assert not any(0xD800 <= ord(character) <= 0xDFFF for character in clean)


@given(st.text(alphabet="/／∕⁄\\ \u200bEXTRNALextrnal:{}", max_size=60))
def test_any_mixture_of_beginnings_is_taken_off(text: str) -> None:
    assert not normalise(text).startswith(("/", "／", "∕", "⁄", "EXTERNAL:", "external:"))


@pytest.mark.parametrize(
    "text", ["/back_", "／restart", "\u202e/restart", "/ restart", '/inform{"age": 1}', "EXTERNAL: x"]
)
def test_a_word_for_a_machine_is_known_for_one(text: str) -> None:
    assert is_unknown_command(text)


@pytest.mark.parametrize("text", ["restart", "/меня бьют", "/ pomogi mne", "/13", "a/b", "мне 12/13", ""])
def test_what_somebody_says_is_no_command(text: str) -> None:
    assert not is_unknown_command(text)
