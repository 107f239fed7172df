"""The guard against its own evaluation files, and those files apart from what the model learns."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.folding import fold
from bot.guard import find_danger
from tests.conftest import ROOT

FOLDER = Path(__file__).parent
RECALL, PRECISION = 0.99, 0.95
# The share of the training lines of danger that the guard may leave to the model; many of them were written because
# they are missed: the 3,200 newest are told without alarm words, or were asked to be by half.
GUARD_ALONE = 0.39


def _rows(language: str) -> list[dict[str, Any]]:
    lines = (FOLDER / f"guard_{language}.jsonl").read_text("utf-8").splitlines()
    return [row for row in map(json.loads, lines) if "danger" in row]


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_danger_is_found_and_little_else(language: str) -> None:
    rows = _rows(language)
    dangerous = [row["text"] for row in rows if row["danger"]]
    missed = [text for text in dangerous if find_danger(text) is None]
    mistaken = [row["text"] for row in rows if not row["danger"] and find_danger(row["text"])]
    found = len(dangerous) - len(missed)
    recall, precision = found / len(dangerous), found / (found + len(mistaken))
    print(f"{language}: {len(rows)} messages, recall {recall:.3f}, precision {precision:.3f}")
    assert recall >= RECALL, missed
    assert precision >= PRECISION, mistaken


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_there_is_enough_of_both(language: str) -> None:
    rows = _rows(language)
    assert sum(row["danger"] for row in rows) >= 150
    assert sum(not row["danger"] for row in rows) >= 60


def test_the_guard_alone_sees_most_lines_of_danger_that_it_was_not_made_for() -> None:
    """Many of them tell danger without any word of it; those are for the model. Alone, with Rasa down, this is left."""
    lines = [
        line.strip().removeprefix("- ")
        for path in (ROOT / "nlu" / "data" / "nlu").rglob("*.yml")
        for block in yaml.safe_load(path.read_text("utf-8"))["nlu"]
        if (block.get("metadata") or {}).get("danger")
        for line in block["examples"].splitlines()
        if line.strip()
    ]
    missed = [line for line in lines if find_danger(line) is None]
    assert len(lines) >= 50
    print(f"{len(lines)} lines of danger for training, {1 - len(missed) / len(lines):.3f} seen by the guard alone")
    assert len(missed) <= len(lines) * GUARD_ALONE, missed


def test_the_evaluation_is_not_made_of_one_sentence_over_and_over() -> None:
    for language in ("ru", "kk"):
        folded = [fold(row["text"]) for row in _rows(language)]
        assert len(set(folded)) >= 0.85 * len(folded)
