"""`python -m tests.evaluation.readings OUT`: every evaluation message read by the live path, with and without noise."""

import asyncio
import json
import random
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.app import Core, core_for_a_while, free_port
from bot.terminal import understand
from referrals.settings import load_settings
from tests.evaluation.noise import NOISES

FOLDER = Path(__file__).parent
LANGUAGES = ("ru", "kk", "mixed")
# The blind sets, in the order in which they were written: only counted. The earlier one served to find faults.
BLIND, SEEN = ("fresh", "later", "newest", "fourth", "fifth", "sixth", "seventh"), "messages"
SETS = (*BLIND, SEEN)
NOISY = BLIND[0]


def messages(name: str, language: str) -> list[dict[str, Any]]:
    """An evaluation file, as far as its codes are those of the taxonomy."""
    lines = (FOLDER / f"{name}_{language}.jsonl").read_text("utf-8").splitlines()
    return [message for message in map(json.loads, lines) if message["concern"] != "not_in_danger"]


def in_latin(text: str) -> bool:
    """Is it written in Latin letters, but for a letter or two?"""
    scripts = Counter(unicodedata.name(letter).split()[0] for letter in text if letter.isalpha())
    return scripts["LATIN"] > 9 * scripts["CYRILLIC"]


async def read_all(core: Core) -> Iterator[dict[str, Any]]:
    """Each message as it was read, those of the first set with every noise too; the same noise every time."""
    found = []
    for name in SETS:
        noises = NOISES if name == NOISY else {"as written": NOISES["as written"]}
        for language in LANGUAGES:
            for noise, change in noises.items():
                chance = random.Random(7)
                for message in messages(name, language):
                    text = change(message["text"], chance)
                    started = time.perf_counter()
                    read = await understand(core, text)
                    found.append(
                        {**message, "set": name, "file": language, "latin": in_latin(text), "noise": noise, "read": read,
                         "ms": (time.perf_counter() - started) * 1000}
                    )  # fmt: skip
    return iter(found)


async def main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=Path(folder), rasa_port=free_port(), rasa_timeout=20.0)
        async with core_for_a_while(settings, print) as core:
            rows = await read_all(core)
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
