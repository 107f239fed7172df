"""What the model gets right: tables, confusions, calibration and peers, written to docs/understanding.md.

Run by `make evaluate`: first the live path reads every evaluation message (tests/evaluation/readings.py),
then this, in the dialogue engine's environment, counts, and trains the candidates and Rasa's default
pipeline on the same lines in the same run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent
DATA = HERE / "data" / "nlu"
OUT = ROOT / "docs" / "understanding.md"
PLOTS = ROOT / "docs" / "understanding"
LANGUAGES = ("ru", "kk", "mixed")
# The evaluation set that is read with every noise and makes most tables, and the one whose faults were looked at.
FIRST, SEEN = "fresh", "messages"
REGISTERS = ("7-10", "11-13", "14-17", "adult")
TARGETS = {"ru": 0.90, "kk": 0.90, "mixed": 0.85}
VIOLENCE = frozenset((
    "sexual_abuse", "online_sexual_exploitation", "trafficking", "physical_violence", "emotional_abuse", "neglect",
    "bullying", "cyberbullying", "forced_marriage", "self_harm",
))  # fmt: skip
HARMLESS = frozenset(("off_topic", "insult", "greet", "thanks", "goodbye"))
META = frozenset((
    "greet", "thanks", "goodbye", "affirm", "deny", "unsure", "change_language", "stop_erase", "who_are_you",
    "off_topic", "insult", "not_in_danger",
))  # fmt: skip
PARSED = 300

Row = dict[str, Any]


def training_lines(folders: Sequence[str] = ("kk", "mixed", "ru")) -> tuple[list[str], list[str], list[bool]]:
    """Texts, codes and danger of every training line."""
    texts, codes, dangers = [], [], []
    for path in sorted(path for folder in folders for path in (DATA / folder).glob("*.yml")):
        for block in yaml.safe_load(path.read_text("utf-8"))["nlu"]:
            for line in block["examples"].splitlines():
                texts.append(line.removeprefix("- "))
                codes.append(block["intent"])
                dangers.append(bool((block.get("metadata") or {}).get("danger")))
    return texts, codes, dangers


def scores(right: Sequence[str], read: Sequence[str]) -> dict[str, tuple[float, float, float, int]]:
    """Precision, recall, F1 and number of messages, by code."""
    both, told, had = Counter(), Counter(read), Counter(right)
    both.update(a for a, b in zip(right, read, strict=True) if a == b)
    found = {}
    for code in sorted(had):
        precision = both[code] / told[code] if told[code] else 0.0
        recall = both[code] / had[code]
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        found[code] = (precision, recall, f1, had[code])
    return found


def macro(right: Sequence[str], read: Sequence[str], without_meta: bool = False) -> float:
    """Macro-F1 over the codes that occur; without the talk about the talk when asked."""
    table = scores(right, read)
    kept = [f1 for code, (_, _, f1, _) in table.items() if not (without_meta and code in META)]
    return float(np.mean(kept)) if kept else 0.0


def macro_of(rows: Sequence[Row], without_meta: bool = False) -> float:
    return macro([r["concern"] for r in rows], [r["read"]["concern"] for r in rows], without_meta)


def danger_of(rows: Sequence[Row]) -> tuple[float, float, int]:
    """Recall and precision of danger, and how many messages are of it."""
    right = [r["danger"] for r in rows]
    told = [r["read"]["danger"] for r in rows]
    hit = sum(a and b for a, b in zip(right, told, strict=True))
    return hit / max(1, sum(right)), hit / max(1, sum(told)), sum(right)


# -- tables


def table(head: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows) + "\n"


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def overview(clean: list[Row]) -> str:
    lines = []
    for language in LANGUAGES:
        rows = [r for r in clean if r["file"] == language]
        recall, precision, count = danger_of(rows)
        lines.append(
            [language, len(rows), macro_of(rows), macro_of(rows, without_meta=True), TARGETS[language],
             f"{recall:.3f} of {count}", precision, _language_accuracy(rows, language)]
        )  # fmt: skip
    head = ["file", "messages", "macro-F1", "without meta", "target", "danger recall", "precision", "language"]
    return table(head, lines)


def by_set(blind: list[Row]) -> str:
    """Every blind set by itself, and all of them together; of the mixed ones also those in Latin letters."""
    columns = [*((name, lambda r, name=name: r["file"] == name) for name in LANGUAGES), ("Latin", lambda r: r["latin"])]
    lines = []
    for name in (*dict.fromkeys(r["set"] for r in blind), "all"):
        cells: list[Any] = [name]
        for _, belongs in columns:
            rows = [r for r in blind if belongs(r) and name in (r["set"], "all")]
            recall, precision, count = danger_of(rows)
            cells.append(f"{macro_of(rows):.3f} ({len(rows)}); {round(recall * count)} of {count} at {precision:.3f}")
        lines.append(cells)
    return table(["set", *(f"{name}: macro-F1 (n); danger found at precision" for name, _ in columns)], lines)


def _language_accuracy(rows: list[Row], language: str) -> float:
    return float(np.mean([r["read"]["language"] == language for r in rows])) if language != "mixed" else float("nan")


def by_language(blind: list[Row]) -> str:
    """What language the messages of each kind of file are taken for; those of the mixed ones by their letters."""
    kinds = [*((name, lambda r, name=name: r["file"] == name) for name in ("ru", "kk")),
             ("mixed, Cyrillic letters", lambda r: r["file"] == "mixed" and not r["latin"]),
             ("mixed, Latin letters", lambda r: r["latin"])]  # fmt: skip
    lines = []
    for name, belongs in kinds:
        taken = Counter(r["read"]["language"] for r in blind if belongs(r))
        lines.append([name, taken.total(), *(taken[language] / taken.total() for language in LANGUAGES)])
    return table(["file", "messages", *LANGUAGES], lines)


def by_register(clean: list[Row]) -> str:
    lines = []
    for register in REGISTERS:
        cells: list[Any] = [register]
        for language in LANGUAGES:
            rows = [r for r in clean if r["file"] == language and r["register"] == register]
            right = float(np.mean([r["concern"] == r["read"]["concern"] for r in rows])) if rows else 0.0
            cells.append(f"{right:.3f} ({len(rows)})")
        lines.append(cells)
    return table(["register", *LANGUAGES], lines)


def by_code(clean: list[Row]) -> str:
    tables = {
        language: scores(
            [r["concern"] for r in clean if r["file"] == language],
            [r["read"]["concern"] for r in clean if r["file"] == language],
        )
        for language in LANGUAGES
    }
    codes = sorted({code for found in tables.values() for code in found})
    lines = []
    for code in codes:
        cells: list[Any] = [code]
        for language in LANGUAGES:
            precision, recall, f1, count = tables[language].get(code, (0.0, 0.0, 0.0, 0))
            cells.append(f"{precision:.2f} / {recall:.2f} / **{f1:.2f}** ({count})")
        lines.append(cells)
    return table(["code", *(f"{language}: P / R / F1 (n)" for language in LANGUAGES)], lines)


def by_noise(rows: list[Row]) -> str:
    noises = list(dict.fromkeys(r["noise"] for r in rows))
    lines = []
    for noise in noises:
        cells: list[Any] = [noise]
        for language in LANGUAGES:
            kept = [r for r in rows if r["file"] == language and r["noise"] == noise]
            recall, _, _ = danger_of(kept)
            cells.append(f"{macro_of(kept):.3f}, danger {recall:.3f}")
        lines.append(cells)
    return table(["noise", *LANGUAGES], lines)


def confusions(clean: list[Row]) -> tuple[str, int]:
    """The pairs that hurt, and how often violence was taken for something harmless."""
    wrong = Counter((r["concern"], r["read"]["concern"]) for r in clean if r["concern"] != r["read"]["concern"])
    lines = [[right, read, count] for (right, read), count in wrong.most_common(15)]
    hurt = sum(count for (right, read), count in wrong.items() if right in VIOLENCE and read in HARMLESS)
    return table(["meant", "read as", "times"], lines), hurt


def calibration(clean: list[Row]) -> tuple[str, float, list[tuple[float, float, int]]]:
    """How often a reading of a certain confidence is right; the expected calibration error."""
    sure = np.array([r["read"]["confidence"] for r in clean])
    right = np.array([r["concern"] == r["read"]["concern"] for r in clean])
    points, error = [], 0.0
    for low in np.arange(0.0, 1.0, 0.1):
        inside = (sure >= low) & (sure < low + 0.1 + (low > 0.85))
        if inside.any():
            points.append((float(sure[inside].mean()), float(right[inside].mean()), int(inside.sum())))
            error += abs(points[-1][0] - points[-1][1]) * inside.mean()
    return table(["confidence", "right", "messages"], points), float(error), points


# -- plots


def draw(clean: list[Row], points: list[tuple[float, float, int]]) -> None:
    """The confusions and the calibration as SVG."""
    import matplotlib

    matplotlib.use("svg")
    # Fixed names inside, so that the same figures give the same file.
    matplotlib.rcParams.update({"svg.hashsalt": "janymda", "font.size": 7})
    from matplotlib import pyplot

    PLOTS.mkdir(parents=True, exist_ok=True)
    codes = sorted({r["concern"] for r in clean})
    grid = np.zeros((len(codes), len(codes)))
    for row in clean:
        if row["read"]["concern"] in codes:
            grid[codes.index(row["concern"]), codes.index(row["read"]["concern"])] += 1
    grid /= np.maximum(1, grid.sum(axis=1, keepdims=True))
    figure, axes = pyplot.subplots(figsize=(9, 8))
    axes.imshow(grid, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(codes)), codes, rotation=90)
    axes.set_yticks(range(len(codes)), codes)
    axes.set_xlabel("read as")
    axes.set_ylabel("meant")
    figure.tight_layout()
    figure.savefig(PLOTS / "confusion.svg", metadata={"Date": None})
    figure, axes = pyplot.subplots(figsize=(4, 4))
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.plot([p[0] for p in points], [p[1] for p in points], marker="o")
    axes.set_xlabel("confidence")
    axes.set_ylabel("share that is right")
    figure.tight_layout()
    figure.savefig(PLOTS / "calibration.svg", metadata={"Date": None})


def write(rows: list[Row], epochs: int) -> None:
    """Count everything and write the page."""
    import compare
    import peers

    first = [r for r in rows if r["set"] == FIRST]
    clean = [r for r in first if r["noise"] == "as written"]
    seen = [r for r in rows if r["set"] == SEEN]
    blind = [r for r in rows if r["set"] != SEEN and r["noise"] == "as written"]
    pairs, hurt = confusions(clean)
    sure, error, points = calibration(clean)
    draw(clean, points)
    taken = [r["ms"] for r in clean]
    texts, codes, dangers = training_lines()
    page = (HERE / "understanding.template.md").read_text("utf-8").format(
        lines=len(texts), codes=len(set(codes)), dangers=sum(dangers), messages=len(clean),
        overview=overview(clean), seen=overview(seen), register=by_register(clean), code=by_code(clean),
        noise=by_noise(first), sets=by_set(blind), languages=by_language(blind),
        confusions=pairs, hurt=hurt, calibration=sure, error=f"{error:.3f}",
        p50=f"{np.percentile(taken, 50):.1f}", p95=f"{np.percentile(taken, 95):.1f}",
        candidates=compare.candidates(clean),
        peers=peers.peers(clean, epochs) if epochs else "Not measured in this run.\n",
    )  # fmt: skip
    OUT.write_text(page, "utf-8")
    print(overview(clean))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--readings", type=Path, required=True)
    options.add_argument("--epochs", type=int, default=8, help="of Rasa's default classifier; 0 leaves it out")
    given = options.parse_args()
    rows = [json.loads(line) for line in given.readings.read_text("utf-8").splitlines()]
    write(rows, given.epochs)


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main()
