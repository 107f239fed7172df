"""A small language of phrases over words, in which the guard's lexicon is written.

A phrase is words in a row: `want die`. `..` stands for up to four words in between, `a & b` for both near
each other in any order, `a/b` for either, `(a)` for a word that may be missing, `!a` for a word
that must not stand there. A name in Latin letters is a group of words; a Cyrillic word is itself, and
`бьют*` also every word that begins so. `не a` is a negated a; a plain `a` never is one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal, TypeAlias

Tongue: TypeAlias = Literal["ru", "kk"]
Span: TypeAlias = tuple[int, int]

GAP = 4
NEAR = 8
_TOKEN = re.compile(r"[^\W_]+|[.!?\n…]+|[\U0001F602\U0001F923\U0001F606\U0001F639]+")
_END = "."
_LAUGHTER = "хаха"
_GLANCE = 14  # no stem is longer

_NOT = frozenset({"не", "ни", "нe"})
# Words that may stand between "не" and what it negates.
_FILLERS = frozenset(
    "я мы уже больше очень даже совсем вообще так просто бы пока никогда никому сейчас тебя вас его ее".split()
)
# Kazakh negates at the end: ұрып жатқан жоқ.
_NOT_AFTER = frozenset({"жок", "емес", "емеспин", "жокпын"})

# How Russian sounds to somebody who spells by ear: unstressed о is а, е and я are и.
_BY_EAR = str.maketrans("оеэяй", "аиииии"[:5], "ъ")
_SOFT_BEFORE_VOWEL = re.compile(r"ь(?=[еюяи])")
_DOUBLE = re.compile(r"(.)\1")
_HUSHING = re.compile(r"(?<=[жшц])ы")
_REFLEXIVE = re.compile(r"т[ь]?с(?=[ия]|$)")
_KAZAKH_BY_EAR = str.maketrans("ыйэ", "иие", "ьъ")


def russian_key(word: str) -> str:
    """How a folded word sounds in Russian."""
    word = _REFLEXIVE.sub("ц", _DOUBLE.sub(r"\1", word))
    word = _SOFT_BEFORE_VOWEL.sub("j", word).replace("ь", "")
    # A single я must not become the word "и".
    return _HUSHING.sub("и", word[:1] + word[1:].translate(_BY_EAR)).replace("ъ", "") if word[:1] in "яеэ" else (
        _HUSHING.sub("и", word.translate(_BY_EAR))
    )


def kazakh_key(word: str) -> str:
    """How a folded word sounds in Kazakh, where ы, і and й are written for one another."""
    return _DOUBLE.sub(r"\1", word.translate(_KAZAKH_BY_EAR))


KEY = {"ru": russian_key, "kk": kazakh_key}


def tokens(folded: str) -> list[str]:
    """The words of a folded text; the end of a sentence is a token too, and laughing signs are laughter."""
    return [
        found if found[0].isalnum() else _LAUGHTER if found[0] > "\U0001f000" else _END
        for found in _TOKEN.findall(folded)
    ]


class Vocabulary:
    """Groups of words, found by one look at each word of a text."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._whole: dict[Tongue, dict[str, set[int]]] = {"ru": {}, "kk": {}}
        self._stems: dict[Tongue, dict[str, set[int]]] = {"ru": {}, "kk": {}}

    def define(self, name: str, tongue: Tongue, words: Iterable[str]) -> int:
        """Add folded words, or stems that end in `*`, to a group."""
        number = self._ids.setdefault(name, len(self._ids))
        for word in words:
            table = self._stems if word.endswith("*") else self._whole
            key = KEY[tongue](word.rstrip("*"))
            table[tongue].setdefault(key[:_GLANCE] if word.endswith("*") else key, set()).add(number)
        return number

    def __getitem__(self, name: str) -> int:
        return self._ids[name]

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def groups(self, word: str) -> frozenset[int]:
        """The groups that a folded word belongs to."""
        found: set[int] = set()
        for tongue in ("ru", "kk"):
            key = KEY[tongue](word[:40])
            found |= self._whole[tongue].get(key, set())
            stems = self._stems[tongue]
            for length in range(1, min(len(key), _GLANCE) + 1):
                if (more := stems.get(key[:length])) is not None:
                    found |= more
        return frozenset(found)


class Reading:
    """A text as the groups that its words belong to."""

    def __init__(self, words: list[str], vocabulary: Vocabulary) -> None:
        seen: dict[str, frozenset[int]] = {}
        for word in words:
            if word not in seen:
                seen[word] = vocabulary.groups(word)
        self.words = words
        self._groups = [seen[word] for word in words]
        self._negated = _negated(words)
        self._locate()

    def _locate(self) -> None:
        """Where each group stands; what is negated is another group, the complement of its number."""
        self.places: dict[int, list[int]] = {}
        for place, (groups, negated) in enumerate(zip(self._groups, self._negated, strict=True)):
            for group in groups:
                self.places.setdefault(~group if negated else group, []).append(place)
        self.present = frozenset(self.places)

    def has(self, group: int, place: int) -> bool:
        """Does the word there belong to the group, negated for a complement?"""
        if not 0 <= place < len(self.words):
            return False
        if group < 0:
            return self._negated[place] and ~group in self._groups[place]
        return not self._negated[place] and group in self._groups[place]

    def near(self, group: int, span: Span, before: int, after: int) -> bool:
        """Does the group stand so many words around a span, negated or not?"""
        places = [*self.places.get(group, ()), *self.places.get(~group, ())]
        return any(span[0] - before <= place < span[1] + after for place in places)

    def blot(self, span: Span) -> None:
        """Take the words of a span out of the reading."""
        for place in range(*span):
            self._groups[place] = frozenset()

    def settle(self) -> None:
        """See anew where the groups stand, after some were blotted."""
        self._locate()


def _negated(words: list[str]) -> list[bool]:
    negated = [False] * len(words)
    for place, word in enumerate(words):
        if word in _NOT:
            target = place + 1
            while target < len(words) - 1 and target - place < 3 and words[target] in _FILLERS:
                target += 1
            if target < len(words):
                negated[target] = True
        elif word in _NOT_AFTER and place:
            negated[place - 1] = True
    return negated


@dataclass(frozen=True)
class _Item:
    """One place of a phrase: any of some groups; `gap` words may come before it, `ban` groups may not stand there."""

    groups: tuple[int, ...] = ()
    gap: int = 0
    ban: bool = False


@dataclass(frozen=True)
class Phrase:
    """A compiled phrase: parts that stand near each other, in any order."""

    parts: tuple[tuple[_Item, ...], ...]
    text: str

    def spans(self, reading: Reading) -> Iterator[Span]:
        """Where the phrase stands in a reading."""
        found = [list(_spans(part, reading)) for part in self.parts]
        if len(found) == 1:
            yield from found[0]
        elif all(found):
            for first, second in product(found[0][:60], found[1][:60]):
                start, end = min(first[0], second[0]), max(first[1], second[1])
                apart = first[1] <= second[0] or second[1] <= first[0]
                if apart and end - start <= NEAR:
                    yield start, end

    def possible(self, reading: Reading) -> bool:
        """Are all the words there at all? Most phrases end here."""
        places = reading.places
        for part in self.parts:
            for item in part:
                if not item.ban and not any(group in places for group in item.groups):
                    return False
        return True


def _spans(part: tuple[_Item, ...], reading: Reading) -> Iterator[Span]:
    before = next(index for index, item in enumerate(part) if not item.ban)
    bans, first, rest = part[:before], part[before], part[before + 1 :]
    for group in first.groups:
        for place in reading.places.get(group, ()):
            if any(reading.has(banned, place - 1) for ban in bans for banned in ban.groups):
                continue
            end = _follow(rest, place + 1, reading)
            if end is not None:
                yield place, end


def _follow(items: tuple[_Item, ...], place: int, reading: Reading) -> int | None:
    """Where a phrase ends whose remaining items begin at a place, or None."""
    if not items:
        return place
    item = items[0]
    if item.ban:
        banned = any(reading.has(group, place) or reading.has(~group, place) for group in item.groups)
        return None if banned else _follow(items[1:], place, reading)
    for here in range(place, place + item.gap + 1):
        if any(reading.has(group, here) for group in item.groups):
            end = _follow(items[1:], here + 1, reading)
            if end is not None:
                return end
    return None


def compile_phrase(text: str, tongue: Tongue, vocabulary: Vocabulary) -> list[Phrase]:
    """The phrases that a line of the lexicon stands for: one for each choice of its optional words."""
    choices = [(token[1:-1], None) if token.startswith("(") else (token,) for token in text.split()]
    phrases = []
    for chosen in product(*choices):
        kept = [token for token in chosen if token is not None]
        parts = " ".join(kept).split("&")
        phrases.append(Phrase(tuple(_part(part.split(), tongue, vocabulary) for part in parts), text))
    return phrases


def _part(written: list[str], tongue: Tongue, vocabulary: Vocabulary) -> tuple[_Item, ...]:
    items: list[_Item] = []
    gap, negated = 0, False
    for previous, token in pairwise(["", *written]):
        if token == "..":
            gap = GAP
        elif token == "не" and previous != "не":
            negated = True
        elif token.startswith("!"):
            items.append(_Item(_groups(token[1:], tongue, vocabulary), ban=True))
        else:
            groups = _groups(token, tongue, vocabulary)
            items.append(_Item(tuple(~group for group in groups) if negated else groups, gap))
            gap, negated = 0, False
    return tuple(items)


def _groups(token: str, tongue: Tongue, vocabulary: Vocabulary) -> tuple[int, ...]:
    groups = []
    for word in token.split("/"):
        if word.isascii():
            groups.append(vocabulary[word])
        else:
            groups.append(vocabulary.define(f"{tongue}:{word}", tongue, [word]))
    return tuple(groups)


def define_all(words: Mapping[str, Mapping[Tongue, str]], vocabulary: Vocabulary) -> None:
    """Take the groups of a lexicon into a vocabulary."""
    from bot.folding import fold

    for name, tongues in words.items():
        for tongue, listed in tongues.items():
            vocabulary.define(name, tongue, [fold(word) for word in listed.split()])
