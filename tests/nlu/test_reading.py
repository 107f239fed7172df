"""Harm is not brushed aside as small talk (nlu/components/reading.py)."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-nlu" / "bin" / "python"

# Likelihoods of off_topic, bullying, hotline and thanks; what comes first.
CASES = [
    ([0.40, 0.30, 0.20, 0.10], ["bullying", "off_topic"]),
    ([0.10, 0.30, 0.20, 0.40], ["bullying", "thanks"]),
    ([0.55, 0.20, 0.22, 0.03], ["off_topic", "hotline"]),
    # A question is no small talk: the likelier of the two it stays.
    ([0.10, 0.30, 0.50, 0.10], ["hotline", "bullying"]),
]


def test_small_talk_must_be_clearly_likelier_than_harm() -> None:
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("ranks.py")],
        input="\n".join(json.dumps(row) for row, _ in CASES), check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    assert [row[:2] for row in found] == [first for _, first in CASES]
    assert all(len(set(row)) == 4 for row in found)
