"""Which language a message is in: Kazakh, Russian or both, in whatever letters it is typed."""

import re
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

import yaml

from bot.folding import foldings

Language: TypeAlias = Literal["kk", "ru", "mixed"]
_WORDS = Path(__file__).parent / "language_words.yaml"
_KAZAKH_LETTERS = re.compile(r"[әғқңөұүһі]", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")

# Endings (after folding) that only one of the languages has.
_KAZAKH_ENDING = re.compile(
    r"(?:мын|мин|сын|син|мыз|миз|лар|лер|дар|дер|тар|тер|дын|дин|тын|тин|нын|нин|дан|ден|тан|тен"
    r"|ган|ген|кан|кен|ады|еди|йды|йди|атын|етин|йтын|йтин|пын|пин|ып|ип|сам|сем|сан|сен|лык|лик"
    r"|дык|дик|тык|тик|ыма|име|ымды|имди|ымнын|иминин|гым|гим|кым|ким|сын|син|мей|май|бай|бей|пай|пей"
    r"|ыны|ини|йын|йин|уга|уге|шы|ши|ау|еу)$"
)
_RUSSIAN_ENDING = re.compile(
    r"(?:ть|ться|тся|ает|яет|ует|ешь|ишь|ила|ала|ыла|или|али|ого|ему|ому|ыми|ими|ах|ях|ами|ями|ость"
    r"|ение|ания|ании|ения|ный|ная|ное|ные|ский|ская|юсь|лся|лась|ют|ят|ила|нет|ую|юю|ей|ой|ий|ый|ая|ое|ые)$"
)
_RUSSIAN_ONLY = re.compile(r"[щъьэцф]")
# A word that is known outweighs one that only looks like a language.
_KNOWN, _LOOKS, _LETTERS = 3.0, 1.0, 3.0
# A line is mixed when the weaker language holds at least this share of the evidence.
_MIXED_SHARE = 0.22


@cache
def _known() -> tuple[frozenset[str], frozenset[str]]:
    lists = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
    return frozenset(_folded(lists["kk"])), frozenset(_folded(lists["ru"]))


def _folded(words: str) -> list[str]:
    return [form for word in words.split() for form in foldings(word)]


def _evidence(text: str) -> tuple[float, float]:
    """How much in a text speaks for Kazakh and how much for Russian."""
    kazakh = russian = 0.0
    for word in _WORD.findall(text.lower()):
        one, other = _evidence_of_word(word)
        kazakh, russian = kazakh + one, russian + other
    return kazakh, russian


def _evidence_of_word(word: str) -> tuple[float, float]:
    if _KAZAKH_LETTERS.search(word):
        return _LETTERS, 0.0
    known_kazakh, known_russian = _known()
    forms = foldings(word)
    is_kazakh = any(form in known_kazakh for form in forms)
    is_russian = any(form in known_russian for form in forms)
    if is_kazakh != is_russian:
        return (_KNOWN, 0.0) if is_kazakh else (0.0, _KNOWN)
    if is_kazakh or len(word) < 4:
        return 0.0, 0.0
    looks_kazakh = any(_KAZAKH_ENDING.search(form) for form in forms)
    looks_russian = any(_RUSSIAN_ENDING.search(form) for form in forms) or bool(_RUSSIAN_ONLY.search(word))
    if looks_kazakh == looks_russian:
        return 0.0, 0.0
    return (_LOOKS, 0.0) if looks_kazakh else (0.0, _LOOKS)


def detect(text: str) -> Language | None:
    """The language of a text; None when nothing in it tells."""
    kazakh, russian = _evidence(text)
    total = kazakh + russian
    if total == 0:
        return None
    if min(kazakh, russian) / total >= _MIXED_SHARE and min(kazakh, russian) >= _KNOWN:
        return "mixed"
    return "kk" if kazakh > russian else "ru"


def reply_language(text: str, current: str | None) -> Literal["kk", "ru"] | None:
    """The language to answer in: the text's; for a mixed one the current, or the stronger."""
    found = detect(text)
    if found in ("kk", "ru"):
        return found
    if found == "mixed" and current is None:
        kazakh, russian = _evidence(text)
        return "kk" if kazakh >= russian else "ru"
    return "ru" if current == "ru" else "kk" if current == "kk" else None
