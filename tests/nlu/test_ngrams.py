"""The quick way from a message to its n-grams gives what scikit-learn learnt from (nlu/components/ngrams.py)."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The dialogue engine has a Python of its own.
PYTHON = ROOT / ".venv-nlu" / "bin" / "python"


def test_one_message_weighs_what_training_weighed() -> None:
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("weights.py")], check=True, capture_output=True, text=True, cwd=ROOT
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 40
    assert max(one["off"] for one in found) < 1e-6
    # Most of them share something with the lines: zero on both sides would prove nothing.
    assert sum(one["known"] > 3 for one in found) >= 24
