"""Which language a message is in: Kazakh, Russian or both, in whatever letters it is typed."""

import json
import re
from functools import cache
from math import tanh
from pathlib import Path
from typing import Literal, TypeAlias

from bot.folding import foldings
from content.yaml_files import read_yaml

Language: TypeAlias = Literal["kk", "ru", "mixed"]
# A word or two ("Павлодар", "ок") do not show the language of a talk.
TELLING_WORDS = 3
_WORDS = Path(__file__).parent / "language_words.yaml"
_LETTERS = Path(__file__).parent / "language_letters.json"
# The letters of a word are looked at in pieces of so many; of a wall of letters the beginning tells enough.
_PIECES, _LONGEST_WORD = range(1, 5), 40
# More than this tells nothing new: the beginning and the end of a long message are read.
_HEAD, _TAIL = 700, 300
_WORD = re.compile(r"[^\W\d_]+(?:['’`][^\W\d_]+)*['’`]?")
_KAZAKH_LETTERS, _CYRILLIC = re.compile(r"[әғқңөұүһі]"), re.compile(r"[а-я]")

# A word that is known outweighs one that only looks like a language. What the letters tell is worth three quarters of
# what it can be where their sum comes to the slope.
_KNOWN, _LOOKS, _SLOPE = 3.0, 1.5, 3.0
# A line is mixed when the weaker language holds at least this share of the evidence, and this much.
_MIXED_SHARE, _MIXED_LEAST = 0.12, 2.0


@cache
def _known() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    lists = read_yaml(_WORDS)
    # Each list holds its words in every folding, so that Latin spellings meet them too.
    kazakh, russian, shared = (
        frozenset(form for word in lists[name].split() for form in _forms(word)) for name in ("kk", "ru", "shared")
    )
    return kazakh - shared, russian - shared, shared


@cache
def _letters() -> dict[str, float]:
    """How much pieces of a word speak for Kazakh or, below nought, for Russian: nlu/languages.py learns it."""
    pieces: dict[str, float] = json.loads(_LETTERS.read_text("utf-8"))
    return pieces


def _looks_kazakh(form: str) -> float:
    """How much the letters of a folded word speak for Kazakh, from -1 (Russian) to 1."""
    if not _CYRILLIC.search(form):
        return 0.0
    letters, word = _letters(), f"<{form[:_LONGEST_WORD]}>"
    pieces = dict.fromkeys(word[i : i + size] for size in _PIECES for i in range(len(word) - size + 1))
    return tanh((letters[""] + sum(letters.get(piece, 0.0) for piece in pieces)) / _SLOPE)


def _forms(word: str) -> tuple[str, ...]:
    """A word in its foldings, with and without soft signs, which Latin spelling leaves out."""
    forms = foldings(word)
    return tuple(dict.fromkeys((*forms, *(form.replace("ь", "") for form in forms))))


def _evidence(text: str) -> tuple[float, float]:
    """How much in a text speaks for Kazakh and how much for Russian."""
    if len(text) > _HEAD + _TAIL:
        text = f"{text[:_HEAD]} {text[-_TAIL:]}"
    kazakh = russian = 0.0
    seen: dict[str, tuple[float, float]] = {}
    for word in _WORD.findall(text.lower()):
        if word not in seen:
            seen[word] = _evidence_of_word(word)
        kazakh, russian = kazakh + seen[word][0], russian + seen[word][1]
    return kazakh, russian


def _evidence_of_word(word: str) -> tuple[float, float]:
    if _KAZAKH_LETTERS.search(word):
        return _KNOWN, 0.0
    known_kazakh, known_russian, shared = _known()
    forms = _forms(word)
    is_kazakh = any(form in known_kazakh for form in forms)
    is_russian = any(form in known_russian for form in forms)
    if is_kazakh != is_russian:
        return (_KNOWN, 0.0) if is_kazakh else (0.0, _KNOWN)
    if is_kazakh or len(word) < 3 or any(form in shared for form in forms):
        return 0.0, 0.0
    looks = _LOOKS * max((_looks_kazakh(form) for form in forms), key=abs)
    return (looks, 0.0) if looks > 0 else (0.0, -looks)


def detect(text: str) -> Language | None:
    """The language of a text; None when nothing in it tells."""
    kazakh, russian = _evidence(text)
    weaker, total = min(kazakh, russian), kazakh + russian
    if total == 0:
        return None
    if weaker / total >= _MIXED_SHARE and weaker >= _MIXED_LEAST:
        return "mixed"
    if kazakh == russian:
        return None
    return "kk" if kazakh > russian else "ru"


def reply_language(text: str, current: str | None) -> Literal["kk", "ru"] | None:
    """The language to answer in: the text's; for a mixed one the current, or the stronger."""
    found = detect(text)
    if found == "kk" or found == "ru":
        return found
    if current == "kk" or current == "ru":
        return "kk" if current == "kk" else "ru"
    if found == "mixed":
        kazakh, russian = _evidence(text)
        return "kk" if kazakh >= russian else "ru"
    return None


_OURS = re.compile(r"[a-zışçğäöüñа-яёәғқңөұүһі]", re.IGNORECASE)
_ENGLISH_SHARE, _FEW = 0.6, 2


@cache
def _english() -> frozenset[str]:
    words: str = read_yaml(_WORDS)["en"]
    return frozenset(words.split())


def is_foreign(text: str) -> bool:
    """Is a message in a script or language that is neither Kazakh nor Russian?"""
    letters = [letter for letter in text if letter.isalpha()]
    if letters and sum(bool(_OURS.match(letter)) for letter in letters) < len(letters) / 2:
        return True
    words = re.findall(r"[a-z']+", text.lower())
    if len(words) < _FEW or re.search(r"[а-яё]", text, re.IGNORECASE):
        return False
    return sum(word in _english() for word in words) / len(words) >= _ENGLISH_SHARE
