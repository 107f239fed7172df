"""Imminent danger, found in the text itself: in process, without Rasa, a database or a network.

It errs towards danger: a card too many can be answered with "I am not in danger", one too few
cannot be answered at all.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml

from bot.folding import LETTERS, foldings

_LEXICON = Path(__file__).parent / "guard_lexicon.yaml"
# Looked at in pieces, so that a wall of text costs no more than its length, and overlapping, so that
# nothing is cut in two.
_PIECE, _OVERLAP = 700, 120
_LONGEST = 4_096


class Danger(StrEnum):
    """What kind of danger; each has its own answer, `danger_<kind>`."""

    SUICIDE = "suicide"
    ATTACK = "attack"
    MEDICAL = "medical"
    OUTSIDE = "outside"
    TAKEN = "taken"
    SEXUAL = "sexual"


@dataclass(frozen=True)
class Alarm:
    """Danger, and whether it is somebody else who is in it."""

    kind: Danger
    other: bool = False


@dataclass(frozen=True)
class _Lexicon:
    """The patterns, each kind joined into one."""

    plain: dict[Danger, re.Pattern[str]]
    contextual: re.Pattern[str]
    suicide_other: re.Pattern[str]
    calm: re.Pattern[str]
    stories: re.Pattern[str]


# Which kind is answered when a message speaks of several.
_ORDER = (Danger.MEDICAL, Danger.SEXUAL, Danger.ATTACK, Danger.TAKEN, Danger.SUICIDE, Danger.OUTSIDE)
# In a game or a film these happen all the time; a wish to die is one's own even there.
_HAPPENS_IN_STORIES = frozenset((Danger.MEDICAL, Danger.ATTACK, Danger.TAKEN, Danger.SEXUAL, Danger.OUTSIDE))
_JUMP = re.compile(r"прыгн|спрыгн|сброс|секир|кула|выпрыгн|шагн")
_SOMEBODY_ELSE = re.compile(
    r"\b(?:подруг|подруж|мо(?:й|и|его|ему|ей|ю|я) "
    r"(?:друг|доч|сын|внук|внуч|брат|сестр|учени|однокласс|ребен|племян|сосед)"
    r"|доч(?:ка|ку|ери|ке|ка)?\b|сын(?:а|у|ок|ом)?\b|внук|внучк|ребен(?:ка|ок|ку)|учени[кц]|однокласс|сосед|сестр|братишк"
    r"|кыз(?:ым|ымды|ымнын|ыма)\b|ул(?:ым|ымды|ымнын)\b|бала(?:м|мды|мнын|сы|сын)\b|немере|окушы|шакирт|сыныптас"
    r"|дос(?:ым|ымды|ымнын)\b|курбым|синлим|карындас|иним|бауырым|корши)"
)
_MYSELF = re.compile(r"\b(?:меня|мне|мной|я|мы|нас|нам|мени|маган|мен|бизди|менин|озим\w*|ози)\b")


@cache
def _lexicon() -> _Lexicon:
    content = yaml.safe_load(_LEXICON.read_text(encoding="utf-8"))
    return _Lexicon(
        plain={kind: _joined(content[kind.value]["plain"]) for kind in Danger},
        contextual=_joined(content["suicide"]["contextual"]),
        suicide_other=_joined(content["suicide_other"]["plain"]),
        calm=_joined(content["calm"]),
        stories=_joined(content["stories"]),
    )


def _joined(patterns: list[str]) -> re.Pattern[str]:
    """One expression of many, folded like the text, `~` as up to four words in between."""
    written = "|".join(f"(?:{pattern})" for pattern in patterns)
    written = written.replace("~ ", "~").replace("~", r"(?: \w[\w-]*){0,4} ").translate(LETTERS)
    written = written.replace(r"{0,4} |", "{0,4}|").replace(r"{0,4} )", "{0,4})")
    return re.compile(rf"(?<!\w)(?:{written})")


def find_danger(text: str) -> Alarm | None:
    """The danger that a message tells of, the most pressing first; None when there is none."""
    text = text[:_LONGEST]
    if len(text) <= _PIECE:
        return _find(text)
    starts = range(0, len(text), _PIECE - _OVERLAP)
    return next((alarm for start in starts if (alarm := _find(text[start : start + _PIECE]))), None)


def _find(text: str) -> Alarm | None:
    for form in foldings(text):
        words = " ".join(re.findall(r"[\w-]+|[.!?]", form))
        alarm = _find_in(words, _lexicon().stories.search(text.lower()) is not None)
        if alarm:
            return alarm
    return None


def _find_in(words: str, story: bool) -> Alarm | None:
    lexicon = _lexicon()
    story = story or lexicon.stories.search(words) is not None
    left = lexicon.calm.sub(" . ", words)
    for kind in _ORDER:
        if story and kind in _HAPPENS_IN_STORIES:
            continue
        found = lexicon.plain[kind].search(left)
        if found and not (story and _JUMP.search(found.group())):
            return Alarm(kind, _is_about_another(kind, left, found))
    if lexicon.suicide_other.search(left) and not story:
        return Alarm(Danger.SUICIDE, other=True)
    if not story and lexicon.contextual.search(left):
        return Alarm(Danger.SUICIDE)
    return None


def _is_about_another(kind: Danger, words: str, found: re.Match[str]) -> bool:
    """Is the danger that of somebody else? A wish to die in the first person never is."""
    if kind is Danger.SUICIDE:
        return bool(_lexicon().suicide_other.search(words)) and not _MYSELF.search(found.group())
    return bool(_SOMEBODY_ELSE.search(words)) and not _MYSELF.search(found.group())


_SAFE_WORDS = frozenset(
    {
        "help", "helpme", "sos", "хелп", "сос", "комек", "комектес", "комектесиндер", "комектесиниз",
        "комек керек", "помогите", "помоги", "помощь", "нужна помощь", "памагите", "помагите", "спасите",
        "спаси", "жардем", "жардем керек", "жардем бер", "куткар", "куткарындар", "на помощь",
        "маган комек керек", "мне нужна помощь", "караул", "112", "102",
    }
)  # fmt: skip
_SIGNS = re.compile(r"[^\w\s]")


def is_safe_word(text: str) -> bool:
    """Is the message nothing but a call for help, in any script, with or without signs?"""
    if "🆘" in text and len(text) < 20:
        return True
    if len(text) > 40:
        return False
    bare = " ".join(_SIGNS.sub(" ", text).split())
    return bare.lower() in _SAFE_WORDS or any(form in _SAFE_WORDS for form in foldings(bare))
