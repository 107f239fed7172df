"""The small encoder reads alike on every processor (nlu/encoder, docs/adr/012)."""

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-nlu" / "bin" / "python"

# Invented lines, and how they are read. Sums of eight-bit numbers are exact, if none is cut off: with signed weights a
# processor without VNNI cut them off, and was half as sure of the fourth (docs/adr/012). After `make encoder`: note anew.
READ = {
    "меня дома никто не слушает и я плачу ночами": ("emotional_abuse", 0.45),
    "әкем ішіп келсе бәріміз көшеге қашамыз": ("neglect", 0.388),
    "просит фото, обещает скины в игре": ("online_sexual_exploitation", 0.982),
    "досым сабаққа келмей қойды, хат жазып кетіпті": ("self_harm!", 0.763),
    "physruk ustaz meni bailap tastady": ("sexual_abuse", 0.509),
    "сосед зовет в машину и дает деньги": ("sexual_abuse", 0.402),
    "мамам атам берген ақшаны алып қойды": ("trafficking", 0.527),
}


def _with_pictures(text: str) -> str:
    first, rest = text.split(" ", 1)
    return f"😭 {first} 🙏🏽{rest}💔😂\u2764\ufe0f"


def test_the_encoder_reads_alike_everywhere_and_pictures_change_nothing() -> None:
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("pinned.py")],
        input=json.dumps([*READ, *(_with_pictures(text) for text in READ)]), check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    assert found[len(READ) :] == found[: len(READ)]
    for (name, likely), (wanted, sure) in zip(found, READ.values(), strict=False):
        assert name == wanted
        assert likely == pytest.approx(sure, abs=0.02)
