"""The evaluation messages through the live path: figures may not fall, and nothing of them stands in training."""

import json
import subprocess
from typing import Any

import pytest
import yaml

from bot.folding import fold
from tests.conftest import JANYMDA, ROOT, Running
from tests.evaluation.readings import BLIND, SETS, in_latin, messages

Pairs = list[tuple[dict[str, Any], dict[str, Any]]]
File = tuple[str, str]

# What is to be reached (docs/understanding.md) over all blind sets together: macro-F1 over all codes, recall and precision
# of danger.
GOALS = {
    "ru": (0.90, 0.99, 0.90), "kk": (0.90, 0.99, 0.90), "mixed": (0.85, 0.99, 0.90), "Latin": (0.85, 0.99, 0.90),
}  # fmt: skip
# The same by set, where one message is up to three hundredths: what was reached, with room for one message, so that it
# cannot be lost unseen. Danger is told from a likelihood of 0.24 on: a card too many can be answered, a missed one cannot.
FLOORS: dict[File, tuple[float, float, float]] = {
    ("fresh", "ru"): (0.91, 0.98, 0.80), ("fresh", "kk"): (0.89, 0.97, 0.75), ("fresh", "mixed"): (0.93, 0.94, 0.80),
    ("later", "ru"): (0.94, 0.98, 0.81), ("later", "kk"): (0.95, 0.98, 0.86), ("later", "mixed"): (0.94, 0.92, 0.89),
    ("newest", "ru"): (0.94, 0.98, 0.81), ("newest", "kk"): (0.94, 0.98, 0.91), ("newest", "mixed"): (0.96, 0.98, 0.94),
    ("fourth", "ru"): (0.95, 0.99, 0.95), ("fourth", "kk"): (0.96, 0.98, 0.98), ("fourth", "mixed"): (0.96, 0.99, 0.93),
    ("fifth", "ru"): (0.90, 0.98, 0.93), ("fifth", "kk"): (0.94, 0.98, 0.97), ("fifth", "mixed"): (0.94, 0.99, 0.92),
    ("sixth", "ru"): (0.91, 0.99, 0.94), ("sixth", "kk"): (0.96, 0.98, 0.98), ("sixth", "mixed"): (0.95, 0.98, 0.93),
    ("seventh", "ru"): (0.91, 0.97, 0.93), ("seventh", "kk"): (0.92, 0.98, 0.95), ("seventh", "mixed"): (0.94, 0.99, 0.94),
    ("messages", "ru"): (0.96, 0.97, 0.68), ("messages", "kk"): (0.95, 0.93, 0.83), ("messages", "mixed"): (0.95, 0.96, 0.86),
}  # fmt: skip
# "mixed" is what was asked for: often a Kazakh line with one Russian word, which may as well be called Kazakh.
LANGUAGE_FLOORS = {"ru": 0.98, "kk": 0.98, "mixed": 0.58}
VIOLENCE = frozenset((
    "sexual_abuse", "online_sexual_exploitation", "trafficking", "physical_violence", "emotional_abuse", "neglect",
    "bullying", "cyberbullying", "forced_marriage", "self_harm",
))  # fmt: skip
HARMLESS = frozenset(("off_topic", "insult", "greet", "thanks", "goodbye"))
MOST_HARMLESS = 0.0012


@pytest.fixture(scope="session")
def read(live: Running) -> dict[File, Pairs]:
    """Each message with its reading by `janymda parse --jsonl`, the contract itself."""
    return {file: _parse(messages(*file), live) for file in FLOORS}


def _parse(given: list[dict[str, Any]], live: Running) -> Pairs:
    done = subprocess.run(
        [str(JANYMDA), "parse", "--jsonl"], input="".join(m["text"] + "\n" for m in given),
        env=live.env, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    readings = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(readings) == len(given)
    return list(zip(given, readings, strict=True))


def _macro_f1(pairs: Pairs) -> float:
    codes = {given["concern"] for given, _ in pairs}
    total = 0.0
    for code in codes:
        hit = sum(g["concern"] == r["concern"] == code for g, r in pairs)
        told = sum(r["concern"] == code for _, r in pairs)
        had = sum(g["concern"] == code for g, _ in pairs)
        total += 2 * hit / (told + had)
    return total / len(codes)


def test_every_set_has_its_floor() -> None:
    assert {name for name, _ in FLOORS} == set(SETS)


@pytest.mark.parametrize("language", GOALS)
def test_the_goals_are_reached(language: str, read: dict[File, Pairs]) -> None:
    blind = [
        pair
        for name in BLIND
        for pair in read[name, "mixed" if language == "Latin" else language]
        if language != "Latin" or in_latin(pair[0]["text"])
    ]
    _compare(f"all blind sets {language}", blind, GOALS[language])


@pytest.mark.parametrize(("name", "language"), FLOORS)
def test_the_figures_do_not_fall(name: str, language: str, read: dict[File, Pairs]) -> None:
    _compare(f"{name} {language}", read[name, language], FLOORS[name, language])


def _compare(name: str, pairs: Pairs, floor: tuple[float, float, float]) -> None:
    f1 = _macro_f1(pairs)
    hit = sum(g["danger"] and r["danger"] for g, r in pairs)
    recall = hit / sum(g["danger"] for g, _ in pairs)
    precision = hit / max(1, sum(r["danger"] for _, r in pairs))
    print(f"{name}: macro-F1 {f1:.3f}, danger recall {recall:.3f}, precision {precision:.3f}, {len(pairs)} messages")
    assert f1 >= floor[0]
    assert recall >= floor[1]
    assert precision >= floor[2]


@pytest.mark.parametrize(("language", "least"), LANGUAGE_FLOORS.items())
def test_the_language_is_seen(language: str, least: float, read: dict[File, Pairs]) -> None:
    """Over the blind sets; a message of the mixed files in Latin letters is often of one language."""
    pairs = [
        pair for name in BLIND for pair in read[name, language] if language != "mixed" or not in_latin(pair[0]["text"])
    ]
    seen = [r["language"] == language for _, r in pairs]
    print(f"{language}: {sum(seen) / len(seen):.3f} of {len(seen)}")
    assert sum(seen) / len(seen) >= least


def test_violence_is_hardly_ever_taken_for_small_talk(read: dict[File, Pairs]) -> None:
    """And where it is, its confidence must be so low that Janymda asks, or it is answered as danger."""
    pairs = [pair for file in FLOORS for pair in read[file] if pair[0]["concern"] in VIOLENCE]
    taken = [(g["concern"], r) for g, r in pairs if r["concern"] in HARMLESS and not r["danger"]]
    print(f"{len(taken)} of {len(pairs)} messages of violence read as small talk")
    assert len(taken) / len(pairs) <= MOST_HARMLESS


def test_every_reading_keeps_the_contract(read: dict[File, Pairs]) -> None:
    taxonomy = yaml.safe_load((ROOT / "content" / "taxonomy.yaml").read_text())
    codes = {*taxonomy["concerns"], *taxonomy["requests"], *taxonomy["meta"]}
    for file in FLOORS:
        for _, reading in read[file]:
            assert list(reading) == ["language", "concern", "danger", "confidence", "by"]
            assert reading["language"] in ("kk", "ru", "mixed")
            assert reading["concern"] in codes
            assert 0.0 <= reading["confidence"] <= 1.0
            assert reading["by"] in ("guard", "nlu", "both")


def test_no_evaluation_message_stands_in_training() -> None:
    training = set()
    for path in (ROOT / "nlu" / "data" / "nlu").glob("*/*.yml"):
        for block in yaml.safe_load(path.read_text("utf-8"))["nlu"]:
            training |= {_bare(line.removeprefix("- ")) for line in block["examples"].splitlines()}
    # One word is everybody's: "иә" cannot be kept apart.
    both = {
        m["text"]
        for file in FLOORS
        for m in messages(*file)
        if _bare(m["text"]) in training and len(m["text"].split()) > 2
    }  # fmt: skip
    assert both == set()


def _bare(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in fold(text)).split())


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_every_code_is_written_often_enough(language: str) -> None:
    taxonomy = yaml.safe_load((ROOT / "content" / "taxonomy.yaml").read_text())
    counts = {}
    for code in (*taxonomy["concerns"], *taxonomy["requests"]):
        for folder in (language, "mixed"):
            blocks = yaml.safe_load((ROOT / "nlu" / "data" / "nlu" / folder / f"{code}.yml").read_text("utf-8"))["nlu"]
            counts[folder, code] = sum(len(block["examples"].splitlines()) for block in blocks)
    assert {k: n for k, n in counts.items() if n < (25 if k[0] == "mixed" else 60)} == {}
