"""Harm is not brushed aside as small talk (nlu/components/reading.py)."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-nlu" / "bin" / "python"

# Likelihoods of off_topic, bullying, hotline, thanks and neglect; what comes first.
CASES = [
    ([0.40, 0.30, 0.20, 0.10, 0.00], ["bullying", "off_topic"]),
    ([0.10, 0.30, 0.20, 0.40, 0.00], ["bullying", "thanks"]),
    ([0.45, 0.10, 0.42, 0.03, 0.00], ["bullying", "off_topic"]),
    ([0.60, 0.11, 0.10, 0.19, 0.00], ["off_topic", "thanks"]),
    # Which harm it is may be open: all together count, the likeliest is asked about.
    ([0.55, 0.05, 0.33, 0.01, 0.06], ["neglect", "off_topic"]),
    # A question is no small talk: the likelier of the two it stays.
    ([0.10, 0.30, 0.50, 0.10, 0.00], ["hotline", "bullying"]),
]


def test_small_talk_must_be_clearly_likelier_than_harm() -> None:
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("ranks.py")],
        input="\n".join(json.dumps(row) for row, _ in CASES), check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    assert [row[:2] for row in found] == [first for _, first in CASES]
    assert all(len(set(row)) == 5 for row in found)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("views.py")], check=True, capture_output=True, text=True, cwd=ROOT
    )
    views: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return views


def test_two_views_of_a_message_come_to_one(found: dict[str, Any]) -> None:
    assert found["intents"] == ["off_topic", "physical_violence"]
    assert found["classes"] == ["off_topic", "physical_violence", "physical_violence!"]
    likely, danger = found["alone"]
    assert sum(likely) == pytest.approx(1.0, abs=1e-5)
    # The n-grams are not sure, so the encoder is asked: once.
    assert 0.05 < danger < 0.95
    assert [found[name][2] for name in ("never danger", "surely danger", "without the class")] == [1, 1, 1]
    # What one of them rules out stays half as likely: a danger that only one sees is not outvoted.
    assert found["never danger"][1] == pytest.approx(danger / 2, abs=0.001)
    assert found["surely danger"][1] == pytest.approx((danger + 0.98) / 2, abs=0.001)
    # An intent is as likely as both take it for.
    assert 0.5 < found["never danger"][0][1] < likely[1]
    assert found["surely danger"][0][1] > likely[1]
    # A class that had no line when the encoder was tuned is left to the n-grams.
    assert found["without the class"][1] == pytest.approx((danger + 0.99 * danger / likely[1]) / 2, abs=0.001)
    assert "make encoder" in found["others"]


def test_a_question_does_not_hide_what_goes_on_beside_it(found: dict[str, Any]) -> None:
    read = found["in parts"]
    # A question takes over what a part of it is; told harm is one story, and a doubt beside a question none.
    assert read["danger"] == [0.97, 0.01, 0.01]
    assert read["asked"][3:] == [
        "куда звонить в городе", "папа душит маму",
        "куда звонить в городе", "папа опять сильно злится",
    ]  # fmt: skip
    assert read["parts"] == [["Папа бьёт маму.", "Куда мне звонить"], [], [], []]
    taxonomy = yaml.safe_load((ROOT / "content" / "taxonomy.yaml").read_text("utf-8"))
    assert read["questions"] == sorted({*taxonomy["requests"], "who_are_you", "stop_erase"})


def test_a_greeting_does_not_hide_what_is_told_behind_it(found: dict[str, Any]) -> None:
    read = found["in parts"]
    # What is told is the intent and danger is danger; a cat, or small talk of another kind before it, changes nothing.
    assert read["behind"] == ["bullying", "bullying", "greet", "off_topic", "bullying", "bullying"]
    assert read["alarms"] == [0.0, 0.97, 0.0, 0.0, 0.0, 0.0]


def test_a_part_is_as_dangerous_as_it_would_be_read_whole(found: dict[str, Any]) -> None:
    """The encoder is left out only where its answer could not make danger of a part."""
    alarms = found["alarms"]
    assert alarms["told"] == [alarm if alarm >= 0.8 else 0.0 for alarm in alarms["whole"]]
    assert any(alarms["told"])
    assert not all(alarms["told"])
    assert alarms["asked"] < alarms["asked_whole"]
