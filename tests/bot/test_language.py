"""The language of a message. All messages are invented."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.language import detect, is_foreign, reply_language

EVALUATION = Path(__file__).parent.parent / "evaluation"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("олгим келед", "kk"),
        ("мектепте мени мазактайды", "kk"),
        ("anam kunde urysady", "kk"),
        ("menin atym kim", "kk"),
        ("сәлем", "kk"),
        ("қалайсың", "kk"),
        ("меня обижают в классе", "ru"),
        ("pomogite mne plokho", "ru"),
        ("chto delat esli biyut", "ru"),
        ("телефоным", "kk"),
        ("автобуста", "kk"),
        ("чатына", "kk"),
        # Words of no list, and with no line to learn from: their letters tell.
        ("белдікшемен", "kk"),
        ("сандырактады", "kk"),
        ("тырнактап", "kk"),
        ("жулкыласып", "kk"),
        ("ыргалактап", "kk"),
        ("расцарапывают", "ru"),
        ("вышвырнули", "ru"),
        ("подтрунивает", "ru"),
        ("подзуживали", "ru"),
        ("привет", "ru"),
        ("в автобусе телефона нет", "ru"),
        ("папам ремнем ұрады помогите", "mixed"),
        ("меня үйден қуып шықты", "mixed"),
        ("я боюсь идти домой, өйткені әкем ұрады", "mixed"),
        ("түнде ұйықтай алмаймын, короче просто страшно", "mixed"),
        ("123", None),
        ("😭😭", None),
        ("ساعدني من فضلك", None),
        ("你好", None),
        ("ок", None),
        ("", None),
    ],
)
def test_detect(text: str, language: str | None) -> None:
    assert detect(text) == language


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_most_messages_are_recognised(language: str) -> None:
    lines = (EVALUATION / f"guard_{language}.jsonl").read_text(encoding="utf-8").splitlines()
    wrong = [text for line in lines if detect(text := json.loads(line)["text"]) != language]
    print(*wrong, sep="\n")
    assert len(wrong) <= len(lines) * 0.02


@pytest.mark.parametrize(
    ("text", "current", "answer"),
    [
        ("маған көмек керек", "ru", "kk"),
        ("мне нужна помощь", "kk", "ru"),
        ("папам ремнем ұрады помогите", "ru", "ru"),
        ("папам ремнем ұрады помогите", "kk", "kk"),
        ("папам ремнем ұрады, қазір қорқам помогите", None, "kk"),
        ("123", "kk", "kk"),
        ("123", None, None),
    ],
)
def test_the_language_to_answer_in(text: str, current: str | None, answer: str | None) -> None:
    assert reply_language(text, current) == answer


@settings(deadline=None)
@given(st.text(max_size=2_000))
def test_never_raises(text: str) -> None:
    assert detect(text) in ("kk", "ru", "mixed", None)


@pytest.mark.parametrize(
    "text",
    ["你好我很害怕", "ساعدني من فضلك", "help me please my father hurts me", "i am scared", "میں ڈرتا ہوں", "שלום עזרה"],
)
def test_other_languages_are_known_as_such(text: str) -> None:
    assert is_foreign(text)


@pytest.mark.parametrize(
    "text",
    ["pomogite menya byut", "olgim keledi", "akem meni urady", "help", "ok", "мне страшно", "маған көмек керек", "sos",
     "i v shkole menya byut", "privet", "menia obijaut doma", "hello", "min qaida baram", "😭", "13"],
)  # fmt: skip
def test_ours_in_any_letters_is_not_foreign(text: str) -> None:
    assert not is_foreign(text)
