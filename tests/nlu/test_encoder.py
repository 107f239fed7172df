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
    "меня дома никто не слушает и я плачу ночами": ("neglect", 0.384),
    "әкем ішіп келсе бәріміз көшеге қашамыз": ("neglect", 0.488),
    "просит фото, обещает скины в игре": ("online_sexual_exploitation", 0.996),
    "досым сабаққа келмей қойды, хат жазып кетіпті": ("sadness", 0.238),
    "physruk ustaz meni bailap tastady": ("sexual_abuse", 0.737),
    "сосед зовет в машину и дает деньги": ("trafficking", 0.574),
    "мамам атам берген ақшаны алып қойды": ("family_conflict", 0.414),
}


def test_the_encoder_reads_alike_everywhere() -> None:
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("pinned.py")],
        input=json.dumps(list(READ)), check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    for (name, likely), (wanted, sure) in zip(found, READ.values(), strict=True):
        assert name == wanted
        assert likely == pytest.approx(sure, abs=0.02)
