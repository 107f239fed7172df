"""Imminent danger, found in the text itself: in process, without Rasa, a database or a network.

It errs towards danger: a card too many can be answered with "I am not in danger", one too few
cannot be answered at all. What counts as danger is written in guard_lexicon.yaml. A phrase that has not
proven itself on many lines is doubtful: danger unless the model is sure of the opposite (docs/adr/013).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from bot.folding import foldings
from bot.phrases import KEY, Phrase, Reading, Span, Tongue, Vocabulary, compile_phrase, define_all, tokens
from content.yaml_files import read_yaml

_LEXICON = Path(__file__).parent / "guard_lexicon.yaml"
_TONGUES: tuple[Tongue, ...] = ("ru", "kk")
# Telegram sends 4,096 characters at most; of more, the beginning and the end are read.
_LONGEST = 4_096


class Danger(StrEnum):
    """What kind of danger; each has its own answer, `danger_<kind>`."""

    SUICIDE = "suicide"
    ATTACK = "attack"
    MEDICAL = "medical"
    OUTSIDE = "outside"
    TAKEN = "taken"
    SEXUAL = "sexual"


# Below this a doubtful alarm is none. Well under the threshold from which the model alone says danger (nlu/config.yml).
_SURELY_NONE = 0.12


@dataclass(frozen=True)
class Alarm:
    """Danger, whether it is somebody else who is in it, and whether the model may know better."""

    kind: Danger
    other: bool = False
    doubtful: bool = False

    def stands(self, likely: float | None) -> bool:
        """Is it danger, when the model takes danger for this likely? None: the model did not answer."""
        return not self.doubtful or likely is None or likely >= _SURELY_NONE


@dataclass(frozen=True)
class _Rule:
    """A phrase of danger.

    A firm one is danger next to a game or a film too; a weak one only with a sign of now or another phrase beside it;
    a doubtful one, which has not proven itself, unless the model knows better.
    """

    phrase: Phrase
    kind: Danger
    other: bool
    firm: bool
    weak: bool
    doubtful: bool


class _Shelf:
    """Phrases, found by the words that stand in a text."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._by_word: dict[int, list[tuple[int, Phrase]]] = {}
        for number, phrase in enumerate(phrases):
            for group in phrase.anchors:
                self._by_word.setdefault(group, []).append((number, phrase))

    def spans(self, reading: Reading) -> Iterator[tuple[int, Span]]:
        """Each phrase that stands in a text, by its number, in the order of the shelf."""
        candidates = {number: phrase for g in reading.places for number, phrase in self._by_word.get(g, ())}
        for number in sorted(candidates):
            for span in candidates[number].spans(reading):
                yield number, span


@dataclass(frozen=True)
class _Lexicon:
    """The lexicon, ready to be looked things up in."""

    vocabulary: Vocabulary
    rules: tuple[_Rule, ...]
    danger: _Shelf
    calm: _Shelf
    stories: _Shelf
    past: _Shelf
    well: _Shelf
    idle: _Shelf
    hints: _Shelf


# Which kind is answered when a message speaks of several.
_ORDER = (Danger.MEDICAL, Danger.SEXUAL, Danger.ATTACK, Danger.TAKEN, Danger.SUICIDE, Danger.OUTSIDE)
# How many words before and after a phrase a context still colours it.
_STORY_REACH, _PAST_REACH, _IDLE_REACH = (16, 10), (7, 3), (12, 12)
_WARD_REACH = (7, 2)
# How many signs are danger without a phrase, and in how many words.
_ENOUGH_SIGNS, _WINDOW = 3, 18
_SHORT = 8
# Before a phrase of the lexicon that has proven itself.
_PROVEN = "+"


@cache
def _lexicon() -> _Lexicon:
    content = read_yaml(_LEXICON)
    vocabulary = Vocabulary()
    define_all(content["words"], vocabulary)
    rules = [
        _Rule(
            phrase,
            Danger(section["kind"]),
            other=section.get("other", False),
            firm=section.get("firm", False),
            weak=section.get("weak", False),
            doubtful=not phrase.text.startswith(_PROVEN),
        )
        for section in sorted(content["danger"], key=lambda section: _ORDER.index(Danger(section["kind"])))
        for phrase in _phrases(section, vocabulary)
    ]
    return _Lexicon(
        vocabulary,
        tuple(rules),
        _Shelf(rule.phrase for rule in rules),
        *(_Shelf(_phrases(content[part], vocabulary)) for part in ("calm", "stories", "past", "well", "idle", "hints")),
    )


def _phrases(section: dict[str, Any], vocabulary: Vocabulary) -> Iterator[Phrase]:
    for tongue in _TONGUES:
        for written in section.get(tongue, ()):
            for phrase in compile_phrase(written.removeprefix(_PROVEN), tongue, vocabulary):
                yield replace(phrase, text=written)


def find_danger(text: str) -> Alarm | None:
    """The danger that a message tells of, the most pressing first; None when there is none."""
    if len(text) > 2 * _LONGEST:
        text = f"{text[:_LONGEST]}\n{text[-_LONGEST:]}"
    verdicts = [_find(form) for form in foldings(text)]
    # Latin letters have several readings; one that understands a figure of speech is the right one.
    understood = [alarm for alarm, is_calmed in verdicts if is_calmed]
    found = [alarm for alarm in understood or [alarm for alarm, _ in verdicts] if alarm]
    return min(found, key=lambda alarm: alarm.doubtful, default=None)


def _find(form: str) -> tuple[Alarm | None, bool]:
    """The danger in one reading of a text, and whether something else looked like it."""
    lexicon = _lexicon()
    words = tokens(form)
    is_short = len(words) <= _SHORT
    reading = Reading(words, lexicon.vocabulary)
    # A figure of speech ends with its sentence: "…школа. Өзімді өлтіргім келеді" is none.
    calm = [span for _, span in lexicon.calm.spans(reading) if not reading.breaks(span)]
    reading.blot(calm)
    is_calmed = bool(calm)
    setting, heard = _Setting(reading), _Heard()
    for number, span in lexicon.danger.spans(reading):
        rule = lexicon.rules[number]
        if setting.tells(rule, span):
            is_calmed = True
            continue
        signs = setting.signs(span)
        if rule.kind is not Danger.SUICIDE and signs < 0:
            # Words of other talk prevail: a question to a lawyer, a lesson, a joke.
            continue
        alone = not rule.weak or signs > 1 or (signs > 0 and (setting.is_now(span) or is_short))
        doubtful = rule.doubtful or setting.hints(span)
        alarm = Alarm(rule.kind, rule.other or _is_about_a_ward(span, reading), doubtful)
        if heard.add(alarm, rule.phrase.text, alone=alone):
            break
    if heard.alarm or is_calmed:
        return heard.alarm, is_calmed
    return _by_signs(reading, setting), is_calmed


class _Heard:
    """What the phrases of a message come to, one after another: a weak one needs a second one beside it."""

    def __init__(self) -> None:
        self.alarm: Alarm | None = None
        self._weak: tuple[Alarm, str] | None = None

    def add(self, alarm: Alarm, phrase: str, *, alone: bool) -> bool:
        """Hear one more phrase, which is danger alone or is not; True when no further one can change the alarm."""
        if not alone and (self._weak is None or self._weak[1] == phrase):
            self._weak = self._weak or (alarm, phrase)
            return False
        # What the first of two phrases tells of is answered, and one sure phrase makes both sure.
        first = self._weak[0] if self._weak else alarm
        alarm = replace(first, doubtful=alarm.doubtful and first.doubtful)
        if self.alarm is None or not alarm.doubtful:
            self.alarm = alarm
        return not alarm.doubtful


def _by_signs(reading: Reading, setting: "_Setting") -> Alarm | None:
    """Danger told without any phrase of the lexicon, by several words that stand beside danger."""
    vocabulary = _lexicon().vocabulary
    groups = {kind: vocabulary[f"sign_{kind}"] for kind in _ORDER}
    places = reading.where((*groups.values(), vocabulary["sign_moment"]))
    start = 0
    while rest := places >> start:
        start += (rest & -rest).bit_length() - 1
        window = (start, start + _WINDOW)
        if setting.signs(window, 0) >= _ENOUGH_SIGNS and not setting.tells_all(window):
            kind = max(_ORDER, key=lambda kind: reading.count((groups[kind],), window))
            return Alarm(kind, _is_about_a_ward(window, reading), doubtful=True)
        start += 1
    return None


class _Setting:
    """What a message tells around its phrases: a game, a film, a past that is over, what happens at times."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def tells(self, rule: _Rule, span: Span) -> bool:
        """Is a phrase only told of, and no danger now?"""
        may_be_idle = not rule.firm and (rule.kind is not Danger.SUICIDE or rule.other)
        return (may_be_idle and self._is_idle(span)) or self._is_over(rule, span) or self._is_a_story(rule, span)

    def is_now(self, span: Span) -> bool:
        """Does a sign of now stand near a phrase?"""
        return self._reading.near(_lexicon().vocabulary["present"], span, *_IDLE_REACH)

    def hints(self, span: Span) -> bool:
        """Is there near a phrase what may make it a past, a story or a joke, and the model shall be asked?"""
        return any(_reaches(places, span, _IDLE_REACH) for places in (self._hints, self._past, self._stories))

    def signs(self, span: Span, around: int = 12) -> int:
        """How many different words of danger stand around a phrase, less the words of other talk?"""
        vocabulary = _lexicon().vocabulary
        wide = (span[0] - around, span[1] + around)
        signs = [vocabulary[f"sign_{name}"] for name in (*_ORDER, "moment")]
        return self._reading.count(signs, wide) - self._reading.count((vocabulary["plain"],), wide)

    def tells_all(self, span: Span) -> bool:
        """Is there a game, a past or a habit around a window of words?"""
        return any(_reaches(places, span, (0, 0)) for places in (self._idle, self._past, self._stories))

    def _is_idle(self, span: Span) -> bool:
        """Is it asked in general, feared, or told of what happens again and again, with nothing of now?"""
        return not self.is_now(span) and _reaches(self._idle, span, _IDLE_REACH)

    def _is_over(self, rule: _Rule, span: Span) -> bool:
        if not _reaches(self._past, span, _PAST_REACH):
            return False
        # "He has been drinking for years and is beating me now" is not past.
        now = self._reading.near(_lexicon().vocabulary["now"], span, 2, 2)
        return self._last_well >= span[1] or not (rule.firm or now)

    def _is_a_story(self, rule: _Rule, span: Span) -> bool:
        if not _reaches(self._stories, span, _STORY_REACH):
            return False
        vocabulary = _lexicon().vocabulary
        if rule.firm:
            return self._reading.near(vocabulary["character"], span, 4, 4)
        # "I was playing and stepfather is beating me": kin and oneself together are no story.
        return not all(self._reading.near(vocabulary[name], span, 3, 2) for name in ("kin", "me"))

    @cached_property
    def _idle(self) -> int:
        return self._places(_lexicon().idle)

    @cached_property
    def _past(self) -> int:
        return self._places(_lexicon().past)

    @cached_property
    def _stories(self) -> int:
        return self._places(_lexicon().stories)

    @cached_property
    def _hints(self) -> int:
        return self._places(_lexicon().hints)

    @cached_property
    def _last_well(self) -> int:
        return max((span[0] for _, span in _lexicon().well.spans(self._reading)), default=-1)

    def _places(self, shelf: _Shelf) -> int:
        """The places of the phrases of a shelf, each with the one right after it, as bits of a number."""
        bits = 0
        for _, (start, end) in shelf.spans(self._reading):
            bits |= (1 << end + 1) - (1 << start)
        return bits


def _reaches(places: int, span: Span, reach: tuple[int, int]) -> bool:
    start = max(0, span[0] - reach[0])
    return bool(places >> start & ((1 << span[1] + reach[1] + 1 - start) - 1))


def _is_about_a_ward(span: Span, reading: Reading) -> bool:
    """Is it a child, pupil or friend of the writer who is in danger, and not the writer?"""
    vocabulary = _lexicon().vocabulary
    if not reading.near(vocabulary["ward"], span, *_WARD_REACH):
        return False
    said = reading.near(vocabulary["say"], span, *_WARD_REACH)
    return said or not reading.near(vocabulary["me"], span, 1, 0)


_SAFE_WORDS_WRITTEN = (
    "help", "help me", "sos", "хелп", "сос", "помогите", "помоги", "помогите мне", "помоги мне", "памагите",
    "помощь", "на помощь", "нужна помощь", "мне нужна помощь", "помогите пожалуйста", "спасите", "спаси",
    "спасите меня", "караул", "көмек", "көмектес", "көмектесіңіз", "көмектесіңіздер", "көмектесіңдер",
    "көмектесіңдерші", "көмектесші", "көмектесіңізші", "маған көмек керек", "көмек керек", "маған көмектес",
    "маған көмектесіңдер", "маған көмектесіңіз", "көмек беріңдер", "жәрдем", "жәрдем керек", "жәрдем бер",
    "жәрдем беріңіз", "жәрдемдес", "құтқар", "құтқарыңдар", "құтқарыңдаршы", "құтқарыңыз", "құтқарыңызшы",
    "құтқарыңыздар", "112", "102",
)  # fmt: skip
_SIGNS = re.compile(r"[^\w\s]|_")


def _heard(text: str) -> set[str]:
    """How a call for help sounds, in all its readings and both languages."""
    forms = (tokens(_SIGNS.sub(" ", form)) for form in foldings(text))
    return {key for words in forms for key in _keys(words)}


def _keys(words: list[str]) -> Iterator[str]:
    for tongue in _TONGUES:
        # A call repeated is the same call.
        yield " ".join(dict.fromkeys(KEY[tongue](word) for word in words))


SAFE_WORDS: frozenset[str] = frozenset(key for word in _SAFE_WORDS_WRITTEN for key in _heard(word))


def is_safe_word(text: str) -> bool:
    """Is the message nothing but a call for help, in any script, with or without signs?"""
    if len(text) > 60:
        return False
    if "🆘" in text and not any(character.isalnum() for character in text):
        return True
    return bool(_heard(text) & SAFE_WORDS)
