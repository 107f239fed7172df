"""The rules that every text for a child keeps, checked by machine; what it cannot see, people review."""

import json
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from content.model import (
    CONTENT,
    LOCALES,
    REGISTERS,
    Catalogue,
    Locale,
    Register,
    Reply,
    load_catalogue,
    load_taxonomy,
)
from content.yaml_files import read_yaml

# Reading limits by register: words a sentence, sentences a message, characters a message.
LIMITS: dict[Register, tuple[int, int, int]] = {
    "7-10": (8, 3, 300),
    "11-13": (12, 3, 300),
    "14-17": (16, 3, 300),
    "adult": (20, 4, 400),
}
LABEL_LENGTH = 20
MOST_QUESTIONS = 1
MOST_MESSAGES = 4
# Filled in by the program, or bilingual by nature: the reading limits do not fit them.
_UNMEASURED = frozenset(("service_card", "ask_language", "handover_preview"))

_FORBIDDEN: tuple[tuple[str, str], ...] = (
    (r"аноним", "promises anonymity"),
    (r"\bсекрет|құпия|жасырын қал", "promises secrecy"),
    (r"никто не узна|ешкім біл(?:мей|меу)", "promises secrecy"),
    (r"вс[её] будет хорошо|мы тебя спас|бәрі жақсы бол", "promises an outcome"),
    (r"\bпочему\b|\bзачем\b|\bнеге\b|не үшін", "asks why"),
    (r"доказ|дәлел|подробн|егжей", "asks for proof or details"),
    (r"сам\w* виноват|надо было|өзің кінәлі", "blames"),
    (r"\bжертв|құрбан", "calls the child a victim"),
    (r"суицид|покончи|неудачн\w* попытк|успешн\w* попытк", "breaks the rules of safe messaging"),
    (r"другим (?:ещ[её] )?хуже|басқаларға одан", "compares"),
    (r"\bобязан\w* прост|все родители любят|барлық ата-ана жақсы көр", "sends the child back"),
)
# Rights texts for adults may name evidence and duty as the law does.
_ADULT_MAY = frozenset(("asks for proof or details",))
_FEMALE_OR_MALE = re.compile(r"\bты (?:не )?(?:один|одна|сам|сама|\w{2,}(?:л|ла))\b", re.IGNORECASE)
_PHONE_LIKE = re.compile(r"(?<!\d)(?:1\d{2,4}|\+?[78][\d ()-]{9,})(?!\d)")
_SENTENCE = re.compile(r"[^.!?…\n]+")
_WORD = re.compile(r"[\w’'-]+")


@dataclass(frozen=True)
class Fault:
    place: str
    what: str


@dataclass(frozen=True)
class Report:
    """What was checked and what was found."""

    faults: tuple[Fault, ...]
    keys: int
    texts: int
    labels: int
    files: int
    pending: int


def check_content(content: Path = CONTENT, nlu: Path | None = None) -> Report:
    """Check all content; raises ContentError when a file cannot be read at all."""
    catalogue = load_catalogue(content)
    numbers = known_numbers(content / "directory")
    domain = nlu if nlu is not None else content.parent / "nlu"
    faults = [
        *_check_keys(catalogue, domain),
        *(f for key, reply in catalogue.replies.items() for f in check_reply(key, reply, numbers)),
        *_check_labels(catalogue),
    ]
    return Report(
        faults=tuple(faults),
        keys=len(catalogue.replies),
        texts=sum(len(texts) for _, _, _, texts in _texts(catalogue)),
        labels=len(catalogue.labels),
        files=len(catalogue.review),
        pending=sum(state == "pending" for state in catalogue.review.values()),
    )


def known_numbers(folder: Path) -> frozenset[str]:
    """Every phone number of the seed directory."""
    found: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("number"), str):
                found.add(value["number"])
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    for path in folder.glob("*.json"):
        walk(json.loads(path.read_text(encoding="utf-8")))
    return frozenset(found)


def check_reply(key: str, reply: Reply, numbers: frozenset[str]) -> Iterator[Fault]:
    """Everything that can be said against the texts of one key."""
    for locale in LOCALES:
        texts = reply.kk if locale == "kk" else reply.ru
        for register in REGISTERS:
            place = f"{key} {locale} {register}"
            if register not in texts:
                yield Fault(place, "is missing; write it")
                continue
            if len(texts[register]) > MOST_MESSAGES:
                yield Fault(place, f"has more than {MOST_MESSAGES} messages")
            for text in texts[register]:
                yield from (Fault(place, what) for what in _check_text(key, text, locale, register, numbers))
                unknown = _names(text) - set(reply.facts)
                if unknown:
                    yield Fault(place, f"uses {sorted(unknown)}, which `facts` does not list")
    yield from _check_placeholders(key, reply)


def _check_placeholders(key: str, reply: Reply) -> Iterator[Fault]:
    for register in REGISTERS:
        kk = {name for text in reply.kk.get(register, ()) for name in _names(text)}
        ru = {name for text in reply.ru.get(register, ()) for name in _names(text)}
        if kk != ru:
            yield Fault(f"{key} {register}", f"kk and ru differ in facts: {sorted(kk ^ ru)}")


def _check_text(key: str, text: str, locale: Locale, register: Register, numbers: frozenset[str]) -> Iterator[str]:
    if text != text.strip() or "  " in text:
        yield "has stray spaces"
    if re.search(r"<\w|https?://|www\.", text):
        yield "has a link or HTML"
    if key not in _UNMEASURED:
        yield from _check_reading(text, register)
    for found in _PHONE_LIKE.findall(text):
        if found.strip() not in numbers:
            yield f"names the number {found.strip()}, which the directory does not have"
    for pattern, what in _FORBIDDEN:
        if register == "adult" and what in _ADULT_MAY:
            continue
        if re.search(pattern, text, re.IGNORECASE):
            yield what
    if locale == "ru" and register != "adult" and _FEMALE_OR_MALE.search(text):
        yield "takes the child for a boy or a girl"


def _check_reading(text: str, register: Register) -> Iterator[str]:
    words, sentences, characters = LIMITS[register]
    found = [s for s in _SENTENCE.findall(text) if _WORD.search(s)]
    if len(text) > characters:
        yield f"has {len(text)} characters; at most {characters}"
    if len(found) > sentences:
        yield f"has {len(found)} sentences; at most {sentences}"
    for sentence in found:
        count = len(_WORD.findall(sentence))
        if count > words:
            yield f"has a sentence of {count} words; at most {words}"
    if text.count("?") > MOST_QUESTIONS:
        yield "asks more than one question"


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _check_labels(catalogue: Catalogue) -> Iterator[Fault]:
    for name, words in catalogue.labels.items():
        for locale in LOCALES:
            text = words.text(locale)
            if not text or text != text.strip() or len(text) > LABEL_LENGTH:
                yield Fault(f"label {name} {locale}", f"must have 1 to {LABEL_LENGTH} characters")


def _check_keys(catalogue: Catalogue, nlu: Path) -> Iterator[Fault]:
    """Every key that the dialogue can say, and every button, has words."""
    needed, labels = domain_keys(nlu)
    taxonomy = load_taxonomy()
    for concern, about in taxonomy.concerns.items():
        needed |= {f"told_{concern}", f"confirm_{concern}", f"steps_{concern}"}
        needed |= {f"{kind}_{choice}" for choice in about.choices for kind in ("choice", "help")}
        labels |= {f"concern_{concern}", *(f"choice_{choice}" for choice in about.choices)}
    for key in sorted(needed - catalogue.replies.keys()):
        yield Fault(key, "the dialogue says it, but no content stands under it")
    for name in sorted(labels - catalogue.labels.keys()):
        yield Fault(f"label {name}", "a button has it, but it has no words")


def domain_keys(nlu: Path) -> tuple[set[str], set[str]]:
    """The reply keys and button labels in Rasa's domain."""
    keys: set[str] = set()
    labels: set[str] = set()
    for path in sorted((nlu / "domain").glob("*.yml")):
        domain = read_yaml(path)
        for variants in (domain.get("responses") or {}).values():
            for variant in variants:
                keys.add(variant["custom"]["reply"])
                labels |= {button["label"] for button in variant["custom"].get("buttons", ())}
    return keys, labels


def _texts(
    catalogue: Catalogue,
) -> Iterator[tuple[str, Locale, Register, tuple[str, ...]]]:
    for key, reply in catalogue.replies.items():
        for locale in LOCALES:
            for register, texts in (reply.kk if locale == "kk" else reply.ru).items():
                yield key, locale, register, texts
