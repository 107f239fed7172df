"""Our reading of the training lines gives what Rasa's gives (nlu/components/importer.py)."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-nlu" / "bin" / "python"


def test_the_lines_are_those_that_rasa_reads() -> None:
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("lines.py")], check=True, capture_output=True, text=True, cwd=ROOT
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["ours"] == found["theirs"]
    assert found["ours"][0] > 3_000
    assert found["danger"] > 500
    assert found["alike"]
    # Read and copied once; but a line that does change is known to have changed.
    assert found["read once"]
    assert not found["copied"]
    assert found["unchanged"]
    assert found["changed"]
