"""In the dialogue engine's Python, for test_reading.py: what two views of a message come to together."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "nlu"))

import numpy as np
from components.kinds import QUESTIONS
from components.parts import parts_of
from components.reading import Reader, learn

# Invented. Told and going on share some words; what nobody wrote shares hardly any.
LINES = [
    ("папа бьёт меня по выходным", "physical_violence", False),
    ("папа бил меня раньше", "physical_violence", False),
    ("отец бил нас летом", "physical_violence", False),
    ("папа бьёт меня сейчас", "physical_violence", True),
    ("он бьёт маму прямо сейчас", "physical_violence", True),
    ("отец ломает дверь сейчас", "physical_violence", True),
    ("играл в футбол вчера", "off_topic", False),
    ("какая погода вчера была", "off_topic", False),
    ("мы играли в снежки", "off_topic", False),
]
CLASSES = ["off_topic", "physical_violence", "physical_violence!"]
UNSURE = "бьёт"


class Told:
    """An encoder that answers what it is told to, and remembers what it was asked."""

    def __init__(self, classes: list[str], row: Sequence[float]) -> None:
        self.classes, self._row, self.asked = classes, row, 0

    def read(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += len(texts)
        return np.tile(np.array(self._row), (len(texts), 1))


class Table(Reader):
    """A reader that has every text's intent and danger by heart; what it does not have is small talk."""

    intents: list[str]

    def __init__(self, known: dict[str, tuple[str, float]]) -> None:
        self._known = known
        self.intents = ["bullying", "greet", "hotline", "off_topic"]
        self.asked: list[str] = []

    def _read_whole(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        self.asked += texts
        found = [self._known.get(text, ("off_topic", 0.0)) for text in texts]
        return (
            np.array([[0.85 if name == intent else 0.05 for name in self.intents] for intent, _ in found]),
            np.array([danger for _, danger in found]),
        )

    def _loud(self, parts: Sequence[str]) -> np.ndarray:
        return np.arange(len(parts))


def alarms(reader: Reader) -> dict[str, object]:
    """What parts are taken for when an encoder is surely for danger, and when each part is read whole by both."""
    parts = ["папа бьёт меня сейчас", "играл в футбол вчера", "бьёт", "отец ломает дверь сейчас"]
    encoder = Told(CLASSES, [0.01, 0.01, 0.98])
    both = Reader(reader.grams, reader.arrays, encoder)  # type: ignore[arg-type] # answers like an encoder
    told = both._alarms(parts)
    asked = encoder.asked
    whole = both._read_whole(parts)[1]
    return {"told": told.tolist(), "whole": whole.tolist(), "asked": asked, "asked_whole": encoder.asked - asked}


def in_parts() -> dict[str, object]:
    """What a question, harm, and a question with a doubt beside it come to."""
    question, harm = "куда звонить в городе, папа душит маму", "в классе дразнят меня, папа душит маму"
    doubtful = "куда звонить в городе, папа опять сильно злится"
    reader = Table({
        question: ("hotline", 0.01), harm: ("bullying", 0.01), doubtful: ("hotline", 0.01),
        "папа душит маму": ("bullying", 0.97), "папа опять сильно злится": ("bullying", 0.7),
    })  # fmt: skip
    _, danger = reader.read([question, harm, doubtful])
    hello = Table({
        "привет! в классе дразнят меня": ("greet", 0.0), "в классе дразнят меня": ("bullying", 0.0),
        "привет! папа душит маму": ("greet", 0.01), "папа душит маму": ("bullying", 0.97),
        "привет! у меня кот": ("greet", 0.0), "вопрос! в классе дразнят меня": ("off_topic", 0.0),
        # What follows is read whole: its second half alone would be danger.
        "привет! меня дразнят все, я не могу": ("greet", 0.0), "меня дразнят все, я не могу": ("bullying", 0.04),
        "я не могу": ("bullying", 0.96),
        # A second opening is passed over.
        "привет! как твои дела? в классе дразнят меня": ("greet", 0.0),
        "как твои дела? в классе дразнят меня": ("greet", 0.0),
    })  # fmt: skip
    openings = [
        "привет! в классе дразнят меня", "привет! папа душит маму", "привет! у меня кот", "вопрос! в классе дразнят меня",
        "привет! меня дразнят все, я не могу", "привет! как твои дела? в классе дразнят меня",
    ]  # fmt: skip
    likely, alarms = hello.read(openings)
    return {
        "behind": [hello.intents[place] for place in likely.argmax(axis=1)],
        "alarms": alarms.tolist(),
        "danger": danger.tolist(),
        "asked": reader.asked,
        "questions": sorted(QUESTIONS),
        "parts": [
            parts_of(text)
            for text in ("Папа бьёт маму. Куда мне звонить", "Папа бьёт. Куда мне звонить сейчас", "куда звонить", "")
        ],
    }


def main() -> None:
    texts, codes, dangers = zip(*LINES, strict=True)
    reader = learn(texts, codes, dangers, {"C": 0.5, "tolerance": 0.1})
    found: dict[str, object] = {"intents": reader.intents, "classes": [str(c) for c in reader.arrays["classes"]]}

    def read(classes: list[str], row: Sequence[float]) -> tuple[list[float], float, int]:
        encoder = Told(classes, row)
        both = Reader(reader.grams, reader.arrays, encoder)  # type: ignore[arg-type] # answers like an encoder
        likely, danger = both.read([UNSURE])
        return likely[0].tolist(), float(danger[0]), encoder.asked

    likely, danger = reader.read([UNSURE])
    found["alone"] = (likely[0].tolist(), float(danger[0]))
    found["never danger"] = read(CLASSES, [0.5, 0.5, 0.0])
    found["surely danger"] = read(CLASSES, [0.01, 0.01, 0.98])
    # Tuned before the code had any line of danger.
    found["without the class"] = read(CLASSES[:2], [0.01, 0.99])
    try:
        read(["off_topic", "bullying"], [0.5, 0.5])
    except ValueError as error:
        found["others"] = str(error)
    found["in parts"] = in_parts()
    found["alarms"] = alarms(reader)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
