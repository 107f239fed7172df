"""A small language of phrases over words, in which the guard's lexicon is written.

A phrase is words in a row: `want die`. `..` stands for up to four words in between, `a & b` for both near
each other in any order, `a/b` for either, `(a)` for a word that may be missing, `!a` for a word
that must not stand there: right before the first word, or right after the last one. A name in Latin
letters is a group of words; a Cyrillic word is itself, and `бьют*` also every word that begins so.
`не a` is a negated a; a plain `a` never is one.

The places of a word in a message are the bits of a number: "up to four words later" is a few shifts,
and a message of 4,096 characters costs hardly more than a short one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias

from bot.folding import fold

Tongue: TypeAlias = Literal["ru", "kk"]
Span: TypeAlias = tuple[int, int]

GAP = 4
NEAR = 8
# How far after "не" the word may stand that it negates, past words that only fill.
_NEGATED_GAP = 3
_TOKEN = re.compile(r"[^\W_]+|[.!?\n…]+|[\U0001F602\U0001F923\U0001F606\U0001F639]+")
_END = "."
_LAUGHTER = "хаха"

_FILLERS = frozenset(
    {
        "я", "мы", "уже", "больше", "очень", "даже", "совсем", "вообще", "так", "просто", "бы", "пока",
        "никогда", "никому", "сейчас", "тебя", "вас", "его", "ее",
    }
)  # fmt: skip
# Kazakh negates a participle at the end: ұрып жатқан жоқ.
_NOT_AFTER = frozenset({"жок", "емес", "емеспин", "жокпын", "емен"})
_PARTICIPLE = ("ган", "ген", "кан", "кен", "ып", "ип", "паган", "мекши", "макшы")
# "нехочу" is two words.
_GLUED_NOT = re.compile(r"не(?=хоч|хач|могу|буду|дыш|вижу)")

# How Russian sounds to somebody who spells by ear: unstressed о is а, е and я are и; Я stays я.
_BY_EAR = str.maketrans("оеэяйЯ", "аиииия", "ьъ")
_SOFT_BEFORE_VOWEL = re.compile(r"ь(?=[еюяи])")
# Within a word: "ее" alone must not come to sound like "и".
_DOUBLE = re.compile(r"([^\W\d_])\1(?=\w)|(?<=\w)([^\W\d_])\2")
_HUSHING = re.compile(r"(?<=[жшцч])ы")
_REFLEXIVE = re.compile(r"т(?:ь?с|ц)[ияа]\b|(?<=[аеиоуыя])ц[ая]\b")
# "убет" for "убьет" and "пяный" for "пьяный", as Latin spelling leaves it.
_LOST_SOFT = re.compile(r"\b((?:у|при|изо|за)?б)(?=[ею]т\b|ю\b)|\b(п)(?=ян)")
_FIRST_YA = re.compile(r"\bя")
_KAZAKH_BY_EAR = str.maketrans("ыйэ", "иие", "ьъ")


def russian_key(folded: str) -> str:
    """How folded words sound in Russian."""
    heard = _LOST_SOFT.sub(lambda found: f"{found.group()}ь", folded)
    heard = _REFLEXIVE.sub("тци", _DOUBLE.sub(r"\1\2", heard))
    # A word that begins with я stays apart from those that begin with и.
    heard = _FIRST_YA.sub("Я", _SOFT_BEFORE_VOWEL.sub("и", heard)).translate(_BY_EAR)
    return _HUSHING.sub("и", heard)


def kazakh_key(folded: str) -> str:
    """How folded words sound in Kazakh, where ы, і and й, and н and нг, are written for one another."""
    return _DOUBLE.sub(r"\1\2", folded.translate(_KAZAKH_BY_EAR).replace("нг", "н"))


KEY: dict[Tongue, Callable[[str], str]] = {"ru": russian_key, "kk": kazakh_key}


def tokens(folded: str) -> list[str]:
    """The words of a folded text; the end of a sentence is a token too, and laughing signs are laughter."""
    words: list[str] = []
    for found in _TOKEN.findall(folded):
        if not found[0].isalnum():
            words.append(_LAUGHTER if found[0] > "\U0001f000" else _END)
        elif _GLUED_NOT.match(found):
            words += ["не", found[2:]]
        else:
            words.append(found)
    return words


class _Table:
    """Words and stems of one language, by how they sound."""

    def __init__(self) -> None:
        self._whole: dict[str, set[int]] = {}
        self._stems: dict[str, set[int]] = {}
        self._lengths: dict[str, set[int]] = {}

    def add(self, key: str, group: int, *, stem: bool) -> None:
        (self._stems if stem else self._whole).setdefault(key, set()).add(group)
        if stem:
            self._lengths.setdefault(key[:2], set()).add(len(key))

    def look_up(self, key: str) -> set[int]:
        found = set(self._whole.get(key, ()))
        for length in self._lengths.get(key[:2], ()):
            found |= self._stems.get(key[:length], set())
        return found


class Vocabulary:
    """Groups of words, found by one look at each word of a text."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self.tables: dict[Tongue, _Table] = {"ru": _Table(), "kk": _Table()}

    def define(self, name: str, tongue: Tongue, words: Iterable[str]) -> int:
        """Add words, or stems that end in `*`, to a group."""
        group = self._ids.setdefault(name, len(self._ids))
        for word in words:
            key = KEY[tongue](fold(word.rstrip("*")))
            if len(key) < 1 + word.endswith("*") or not key.isalnum():
                raise ValueError(f"{word!r} in {name!r} can never be one word of a message")
            self.tables[tongue].add(key, group, stem=word.endswith("*"))
        return group

    def __getitem__(self, name: str) -> int:
        return self._ids[name]


class Reading:
    """A text as the places of each group of words, one bit for each place."""

    def __init__(self, words: list[str], vocabulary: Vocabulary) -> None:
        where: dict[str, int] = {}
        for place, word in enumerate(words):
            where[word] = where.get(word, 0) | 1 << place
        self.places: dict[int, int] = {}
        self._words: dict[int, list[int]] = {}
        self._ends = where.get(_END, 0)
        negated = _negated(words, where)
        for tongue, table in vocabulary.tables.items() if where else ():
            keys = KEY[tongue](" ".join(where)).split(" ")
            for key, bits in zip(keys, where.values(), strict=True):
                for group in table.look_up(key):
                    self._words.setdefault(group, []).append(bits)
                    self._put(group, bits & ~negated)
                    # What is negated belongs to the group's complement.
                    self._put(~group, bits & negated)

    def _put(self, group: int, bits: int) -> None:
        if bits:
            self.places[group] = self.places.get(group, 0) | bits

    def where(self, groups: Iterable[int]) -> int:
        """The places of any of the groups."""
        bits = 0
        for group in groups:
            bits |= self.places.get(group, 0)
        return bits

    def near(self, group: int, span: Span, before: int, after: int) -> bool:
        """Does the group stand so many words around a span, negated or not?"""
        start = max(0, span[0] - before)
        window = ((1 << span[1] + after) - 1) >> start << start
        return bool(self.where((group, ~group)) & window)

    def count(self, groups: Iterable[int], span: Span) -> int:
        """How many different words of the groups stand within a span?"""
        window = (1 << span[1]) - (1 << max(0, span[0]))
        return len({bits for group in groups for bits in self._words.get(group, ()) if bits & window})

    def breaks(self, span: Span) -> bool:
        """Does a sentence end within a span?"""
        return bool(self._ends >> span[0] & ((1 << span[1] - span[0]) - 1))

    def blot(self, spans: Iterable[Span]) -> None:
        """Take the words of some spans out of the reading."""
        blotted = 0
        for start, end in spans:
            blotted |= (1 << end) - (1 << start)
        self.places = {group: left for group, bits in self.places.items() if (left := bits & ~blotted)}


def _negated(words: list[str], where: Mapping[str, int]) -> int:
    negated = 0
    for place in _bits(where.get("не", 0) | where.get("ни", 0)):
        target = place + 1
        while target < len(words) - 1 and target - place < _NEGATED_GAP and words[target] in _FILLERS:
            target += 1
        negated |= 1 << target
    for word in _NOT_AFTER:
        for place in _bits(where.get(word, 0) >> 1):
            if words[place].endswith(_PARTICIPLE):
                negated |= 1 << place
    return negated


def _bits(number: int) -> Iterator[int]:
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


@dataclass(frozen=True)
class _Item:
    """One place of a phrase: any of some groups, after a gap; a ban is of groups that may not stand there."""

    groups: tuple[int, ...]
    gap: int = 0
    ban: bool = False


@dataclass(frozen=True)
class Phrase:
    """A compiled phrase: parts that stand near each other, in any order."""

    parts: tuple[tuple[_Item, ...], ...]
    text: str

    @property
    def anchors(self) -> tuple[int, ...]:
        """The groups of which one stands wherever the phrase does: those of its narrowest place."""
        return min((item.groups for part in self.parts for item in part if not item.ban), key=len)

    def spans(self, reading: Reading) -> list[Span]:
        """Where the phrase stands in a reading."""
        found: list[Span] = []
        for number, part in enumerate(self.parts):
            spans = _spans(part, reading)
            found = _near(found, spans) if number else spans
            if not found:
                break
        return found


def _near(some: list[Span], others: list[Span]) -> list[Span]:
    return [
        (start, end)
        for one, other in product(some[:80], others[:80])
        if (one[1] <= other[0] or other[1] <= one[0])
        and (end := max(one[1], other[1])) - (start := min(one[0], other[0])) <= NEAR
    ]


def _spans(part: tuple[_Item, ...], reading: Reading) -> list[Span]:
    """Where one part stands: forward from place to place, then back from each end to its beginning."""
    layers: list[tuple[int, int]] = []
    forbidden_first, now = 0, 0
    for item in part:
        here = reading.where(item.groups)
        if item.ban:
            # Forbidden right before the first word, or right after the last one.
            forbidden_first |= here << 1
            if layers:
                now &= ~(here >> 1)
                layers[-1] = (now, layers[-1][1])
        elif not layers:
            now = here & ~forbidden_first
            layers.append((now, 0))
        else:
            now = here & _later(now, item.gap)
            layers.append((now, item.gap))
        if layers and not now:
            return []
    return [(_beginning(layers, end), end + 1) for end in _bits(now)]


def _later(places: int, gap: int) -> int:
    reached = 0
    for distance in range(1, gap + 2):
        reached |= places << distance
    return reached


def _beginning(layers: list[tuple[int, int]], end: int) -> int:
    place = end
    for index in range(len(layers) - 1, 0, -1):
        gap, before = layers[index][1], layers[index - 1][0]
        window = before & ((1 << place) - 1)
        place = max(window.bit_length() - 1, place - gap - 1)
    return place


def compile_phrase(text: str, tongue: Tongue, vocabulary: Vocabulary) -> list[Phrase]:
    """The phrases that a line of the lexicon stands for: one for each choice of its optional words."""
    choices = [(token[1:-1], None) if token.startswith("(") else (token,) for token in text.split()]
    phrases = []
    for chosen in product(*choices):
        parts = " ".join(token for token in chosen if token is not None).split("&")
        phrases.append(Phrase(tuple(_part(part.split(), tongue, vocabulary) for part in parts), text))
    return phrases


def _part(written: list[str], tongue: Tongue, vocabulary: Vocabulary) -> tuple[_Item, ...]:
    items: list[_Item] = []
    gap, negated = 0, False
    for token in written:
        if token == "..":
            gap = GAP
        elif token == "не":
            negated = True
        elif token.startswith("!"):
            if gap:
                raise ValueError(
                    f"{' '.join(written)!r}: a ban is of the next word alone, so write no .. before {token}"
                )
            groups = _groups(token[1:], tongue, vocabulary)
            items.append(_Item((*groups, *(~group for group in groups)), ban=True))
        else:
            groups = _groups(token, tongue, vocabulary)
            if negated:
                # "не" itself, and what may follow it, stands before the word.
                groups, gap = tuple(~group for group in groups), max(gap, _NEGATED_GAP)
            items.append(_Item(groups, gap))
            gap, negated = 0, False
    if negated or all(item.ban for item in items):
        raise ValueError(f"nothing to find in {' '.join(written)!r}")
    return tuple(items)


def _groups(token: str, tongue: Tongue, vocabulary: Vocabulary) -> tuple[int, ...]:
    return tuple(
        vocabulary[word]
        if word.isascii() and not word.isdigit()
        else vocabulary.define(f"{tongue}:{word}", tongue, [word])
        for word in token.split("/")
    )


def define_all(words: Mapping[str, Mapping[Tongue, str]], vocabulary: Vocabulary) -> None:
    """Take the groups of a lexicon into a vocabulary."""
    for name, tongues in words.items():
        for tongue, listed in tongues.items():
            vocabulary.define(name, tongue, listed.split())
