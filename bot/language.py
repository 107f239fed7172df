"""Which language a message is in: Kazakh, Russian or both, in whatever letters it is typed."""

import re
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from bot.folding import foldings
from content.yaml_files import read_yaml

Language: TypeAlias = Literal["kk", "ru", "mixed"]
# A word or two ("Павлодар", "ок") do not show the language of a talk.
TELLING_WORDS = 3
_WORDS = Path(__file__).parent / "language_words.yaml"
# More than this tells nothing new: the beginning and the end of a long message are read.
_HEAD, _TAIL = 700, 300
_WORD = re.compile(r"[^\W\d_]+(?:['’`][^\W\d_]+)*['’`]?")
_KAZAKH_LETTERS = re.compile(r"[әғқңөұүһі]")

# Endings (after folding) that only one of the languages has.
_KAZAKH_ENDING = re.compile(
    r"(?:мын|мин|сын|син|мыз|миз|лар|лер|дар|дер|тар|тер|дын|дин|тын|тин|нын|нин|дан|ден|тан|тен"
    r"|ган|ген|кан|кен|ады|еди|иди|йды|йди|атын|етин|йтын|йтин|пын|пин|ып|ип|сам|сем|сан|сен|лык|лик"
    r"|дык|дик|тык|тик|ыма|име|ымды|имди|ымнын|иминин|гым|гим|кым|ким|мей|май|бай|бей|пай|пей"
    r"|ыны|ини|йын|йин|уга|уге|шы|ши|ау|еу|ынша|инше|дай|дей|тай|тей|галы|гели|ымен|имен|пен|бен|жок)$"
)
_RUSSIAN_ENDING = re.compile(
    r"(?:ть|ться|тся|ает|яет|ует|ешь|ишь|ила|ала|ыла|или|али|ого|его|ему|ому|ыми|ими|ах|ях|ами|ями|ость"
    r"|ение|ания|ании|ения|ный|ная|ное|ные|ский|ская|ские|юсь|лся|лась|лось|лись|ют|ят|ую|юю|ей|ой|ий|ый|ая|яя|ое"
    r"|ые|ие|ия|ии|ка|ку|ки|ок|ец|ник|ова|ева|уешь|аешь|нул|нула|зу|жу|сь|чь|ет|ит|ал|ел|ил|ела)$"
)
# Letters and beginnings that no Kazakh word of its own has.
_RUSSIAN_SPELLING = re.compile(
    r"[ёщъьэцфвчё]|^(?:бл|бр|вз|вс|гл|гн|гр|дв|др|жд|зв|зд|зл|зн|кл|кн|кр|кт|мн|пл|пр|пс|пт|ск|сл|см|сн|сп|ср|ст|сч|тр"
    r"|хв|хл|хр|чл|чт|шк|шл|шп|шт)"
)
# What Kazakh hangs on a word that both languages have ("телефоным", "автобуста"); Russian has none of them there.
_ON_A_LOAN = (
    r"(?:[ыи]?м(?:д[ыи]|нан|нен)?|с?[ыи]н(?:а|да)|с[ыи]|[дт][ыи]н?|н[ыи]н?"
    r"|[дтн][ае]н?|[гк][ае]|[мпб]ен|[дт][ае]п|[лдт][ае]р)"
)
# A word that is known outweighs one that only looks like a language.
_KNOWN, _LOOKS = 3.0, 1.5
# A line is mixed when the weaker language holds at least this share of the evidence, and this much.
_MIXED_SHARE, _MIXED_LEAST = 0.18, 3.0


@cache
def _known() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    lists = read_yaml(_WORDS)
    # Each list holds its words in every folding, so that Latin spellings meet them too.
    kazakh, russian, shared = (
        frozenset(form for word in lists[name].split() for form in _forms(word)) for name in ("kk", "ru", "shared")
    )
    return kazakh - shared, russian - shared, shared


@cache
def _loan_with_an_ending() -> re.Pattern[str]:
    stems = sorted((re.escape(word) for word in _known()[2] if len(word) >= 3), key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(stems)}){_ON_A_LOAN}")


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
    if any(_loan_with_an_ending().fullmatch(form) for form in forms):
        return _LOOKS, 0.0
    looks_kazakh = any(_KAZAKH_ENDING.search(form) for form in forms)
    # An ending tells more than a letter: "видеоны" is Kazakh though it has a в.
    looks_russian = any(_RUSSIAN_ENDING.search(form) for form in forms) or (
        not looks_kazakh and any(_RUSSIAN_SPELLING.search(form) for form in forms)
    )
    if looks_kazakh == looks_russian:
        return 0.0, 0.0
    return (_LOOKS, 0.0) if looks_kazakh else (0.0, _LOOKS)


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
