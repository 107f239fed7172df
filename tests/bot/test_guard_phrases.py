"""Imminent danger in the text itself. All messages are invented."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.folding import fold
from bot.guard import Alarm, Danger, find_danger, is_safe_word
from bot.phrases import Vocabulary, compile_phrase

EVALUATION = Path(__file__).parent.parent / "evaluation"


@cache
def lines(language: str) -> list[dict[str, Any]]:
    text = (EVALUATION / f"guard_{language}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_recall_and_precision(language: str) -> None:
    danger = [line for line in lines(language) if line["danger"]]
    calm = [line for line in lines(language) if not line["danger"]]
    assert len(danger) >= 150
    assert len(calm) >= 80
    missed = [line for line in danger if find_danger(line["text"]) is None]
    false = [line for line in calm if find_danger(line["text"]) is not None]
    right_kind = sum(alarm.kind == line["kind"] for line in danger if (alarm := find_danger(line["text"])) is not None)
    for line in missed:
        print("missed:", line)
    for line in false:
        print("false alarm:", line)
    found = len(danger) - len(missed)
    assert found / len(danger) >= 0.99
    assert found / (found + len(false)) >= 0.95
    assert right_kind / found >= 0.9


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_without_kazakh_letters_and_in_capitals_nothing_is_lost(language: str) -> None:
    danger = [line["text"] for line in lines(language) if line["danger"]]
    for disguise in (fold, str.upper, lambda text: f"{text}!!! 😭"):
        missed = [text for text in danger if find_danger(disguise(text)) is None]
        assert len(missed) <= len(danger) * 0.02, missed


_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщыэюяәғқңөұүһі"
_LATIN = "a b v g d e zh z i i k l m n o p r s t u f kh ts ch sh shch y e yu ya a g q n o u u h i"
_TO_LATIN = str.maketrans({**dict(zip(_CYRILLIC, _LATIN.split(), strict=True)), "ъ": "", "ь": "", "ё": "yo"})


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_in_latin_letters_little_is_lost(language: str) -> None:
    danger = [line["text"].lower().translate(_TO_LATIN) for line in lines(language) if line["danger"]]
    missed = [text for text in danger if find_danger(text) is None]
    print(*missed, sep="\n")
    assert len(missed) <= len(danger) * 0.03


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_danger_at_the_end_of_a_wall_is_found(language: str) -> None:
    wall = "сегодня мы гуляли, потом была школа, достарыммен сөйлестік. " * 140
    danger = [line["text"] for line in lines(language) if line["danger"]]
    missed = [text for text in danger if find_danger(wall + text) is None]
    assert len(missed) <= len(danger) * 0.03, missed


@pytest.mark.parametrize(
    ("text", "alarm"),
    [
        ("хочу умереть", Alarm(Danger.SUICIDE)),
        ("лол хочу умереть ахаха", Alarm(Danger.SUICIDE)),
        ("умираю со смеху ахаха", None),
        ("я не хочу умирать", None),
        ("не хочу жить", Alarm(Danger.SUICIDE)),
        ("не хочу жить в общаге", None),
        ("өлгім келмейді", None),
        ("өлгім келеді", Alarm(Danger.SUICIDE)),
        ("күлкіден өліп қалдым", None),
        ("в майнкрафте меня убили", None),
        ("я играл в роблокс а папа сейчас меня бьёт", Alarm(Danger.ATTACK)),
        ("мама меня убьёт за двойку", None),
        ("отчим сказал что меня убьёт", Alarm(Danger.ATTACK)),
        ("раньше хотела умереть, сейчас всё хорошо", None),
        ("раньше было хорошо, а сейчас хочу умереть", Alarm(Danger.SUICIDE)),
        ("моя дочь говорит что не хочет жить", Alarm(Danger.SUICIDE, other=True)),
        ("қызым өлгім келеді дейді", Alarm(Danger.SUICIDE, other=True)),
        ("папа сейчас бьёт маму", Alarm(Danger.ATTACK)),
        ("моего сына прямо сейчас избивают", Alarm(Danger.ATTACK, other=True)),
        ("папа бьёт меня ремнём", None),
        ("", None),
    ],
)
def test_what_is_danger(text: str, alarm: Alarm | None) -> None:
    found = find_danger(text)
    # Whether a phrase has proven itself changes with the lines.
    assert (found and replace(found, doubtful=False)) == alarm


def test_of_two_alarms_the_sure_one_counts() -> None:
    """A doubtful phrase before or after a proven one takes nothing from it."""
    doubtful, proven = "ағам қонаққа қой сойып жатыр", "өлгім келеді"
    assert (found := find_danger(doubtful)) is not None
    assert found.doubtful
    for text in (proven, f"{proven}. {doubtful}", f"{doubtful}. {proven}"):
        assert (found := find_danger(text)) is not None
        assert not found.doubtful


@pytest.mark.parametrize(
    "text",
    [
        "год назад я не хотел жить. сейчас хочу",
        "в шестом классе хотела умереть",
        "хочу сдохнуть от стыда ахаха",
        "рас еді, ол кезде өлгім келді",
        "өлгім келді деген ой жоқ",
    ],
)
def test_beside_a_past_or_laughter_also_what_is_proven_asks_the_model(text: str) -> None:
    assert (found := find_danger(text)) is not None
    assert found.doubtful


@pytest.mark.parametrize(
    "text", ["жить не хочу", "хочу умереть, завтра меня уже не будет", "өлгім келеді, мен ол кезде жоқпын"]
)
def test_plain_words_need_no_model(text: str) -> None:
    assert (found := find_danger(text)) is not None
    assert not found.doubtful


@pytest.mark.parametrize(
    "text",
    [
        "help", "HELP!!!", "sos", "SOS 🆘", "🆘", "🆘🆘🆘", "помогите", "ПОМОГИТЕ!!!", "памагите", "pomogite",
        "помощь", "көмек", "комек", "komek", "Көмектес", "көмектесіңдер", "komektesinder", "жәрдем",
        "спасите", "помоги помоги",
        "помогииите", "spasite", "құтқарыңдар", "хелп 😭",
    ],
)  # fmt: skip
def test_a_call_for_help(text: str) -> None:
    assert is_safe_word(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "привет",
        "помогите с домашкой",
        "сәлем",
        "👍",
        "спасибо за помощь",
        "мне 102 года",
        "көмек керек емес",
    ],
)
def test_no_call_for_help(text: str) -> None:
    assert not is_safe_word(text)


@settings(deadline=None)
@given(st.text(max_size=500))
def test_never_raises(text: str) -> None:
    find_danger(text)
    is_safe_word(text)


_OWN_WORDS = (
    "хочу",
    "не",
    "умереть",
    "жить",
    "в",
    "игре",
    ".",
    "папа",
    "бьёт",
    "сейчас",
    "өлгім",
    "келеді",
    "жоқ",
    "😂",
    "x",
)


@settings(deadline=None)
@given(st.lists(st.sampled_from(_OWN_WORDS), max_size=900))
def test_never_raises_on_its_own_words(words: list[str]) -> None:
    find_danger(" ".join(words))


def test_a_ban_after_a_gap_is_refused() -> None:
    """It would look as if it forbade a word anywhere behind, and forbids only the next one."""
    assert compile_phrase("терезеде .. тұр !ойнап", "kk", Vocabulary())
    with pytest.raises(ValueError, match="next word alone"):
        compile_phrase("терезеде .. тұр .. !ойнап", "kk", Vocabulary())
