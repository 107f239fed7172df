"""Rasa's own validation of domain, rules and lines: training leaves it out, because it takes as long as reading them.

Without `--fail-on-warnings` a misspelt action or intent is a warning and no more. Rules that contradict each other
are found by training itself.
"""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
RASA = ROOT / ".venv-nlu" / "bin" / "rasa"


def test_rasa_finds_no_fault_in_what_it_is_trained_on() -> None:
    done = subprocess.run(
        [RASA, "data", "validate", "--domain", "domain", "--data", "data", "--fail-on-warnings"],
        check=False, cwd=ROOT / "nlu", capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-2000:]
    assert "No story structure conflicts found" in said
