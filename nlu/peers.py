"""Our pipeline beside Rasa's default one: trained on the same lines, asked the same messages, in turns."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from evaluate import DATA, HERE, LANGUAGES, Row, macro, table

MODEL = HERE / "models" / "janymda.tar.gz"
# Rasa's default pipeline needs minutes for an epoch of all lines: both learn from each sixth one.
_EVERY = 6
# So often all are asked, one after the other: what else the machine does falls on each. One message in four is timed.
_ROUNDS, _TIMED = 3, 4
# As Janymda starts its own (bot/rasa_process.py): the goal is counted on one core.
_ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
# A network's speed does not depend on how many lines it has learnt from; ours does: the surer it is, the seldomer the
# encoder is asked.
_ANSWERS = "ours, trained on all lines: what answers children"
# What Rasa 3.6 takes where a config names neither, with fewer epochs.
DEFAULT = """
recipe: default.v1
assistant_id: peer
language: kk
pipeline:
  - name: WhitespaceTokenizer
  - name: RegexFeaturizer
  - name: LexicalSyntacticFeaturizer
  - name: CountVectorsFeaturizer
  - name: CountVectorsFeaturizer
    analyzer: char_wb
    min_ngram: 1
    max_ngram: 4
  - name: DIETClassifier
    epochs: {epochs}
    random_seed: 7
policies:
  - name: MemoizationPolicy
  - name: RulePolicy
  - name: UnexpecTEDIntentPolicy
    max_history: 5
    epochs: 5
  - name: TEDPolicy
    max_history: 5
    epochs: 5
    constrain_similarities: true
"""
_HEADS = ["pipeline", *LANGUAGES, "messages/s", "p50 / p95", "turns/s", "memory", "file", "training"]


def peers(clean: list[Row], epochs: int) -> str:
    """A table: macro-F1, messages read and turns answered a second, memory, size of the file, time to train."""
    ours = {**yaml.safe_load((HERE / "config.yml").read_text("utf-8")), "policies": [{"name": "RulePolicy"}]}
    default = f"Rasa's default (DIET, {epochs} epochs; TED)"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _sample(folder / "data")
        asked = folder / "asked.jsonl"
        asked.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in clean), "utf-8")
        trained = {
            "ours": _train(folder, "ours", yaml.safe_dump(ours)),
            default: _train(folder, "default", DEFAULT.format(epochs=epochs)),
            _ANSWERS: (MODEL, None),
        }
        rounds = [{name: _ask(model, asked) for name, (model, _) in trained.items()} for _ in range(_ROUNDS)]
        lines = [_line(name, [r[name] for r in rounds], *trained[name], clean) for name in trained]
    for name in ("ours", _ANSWERS):
        ratios = [f"{r[name]['rate'] / r[default]['rate']:.1f}" for r in rounds]
        turns = [f"{r[name]['turns'] / r[default]['turns']:.1f}" for r in rounds if r[name]["turns"]]
        lines.append(
            [f"times the default's: {name}, each round", *[""] * 3, ", ".join(ratios), "", ", ".join(turns), *[""] * 3]
        )
    return table(_HEADS, lines)


def _line(
    name: str, rounds: list[dict[str, Any]], model: Path, seconds: float | None, clean: list[Row]
) -> list[str | float]:
    """The middle of the rounds."""
    by_file = []
    for language in LANGUAGES:
        kept = [i for i, r in enumerate(clean) if r["file"] == language]
        by_file.append(macro([clean[i]["concern"] for i in kept], [rounds[0]["read"][i] for i in kept]))
    middle = {key: float(np.median([r[key] for r in rounds])) for key in ("rate", "p50", "p95", "turns", "memory")}
    return [
        name, *by_file, f"{middle['rate']:.0f}", f"{middle['p50']:.1f} / {middle['p95']:.1f} ms",
        f"{middle['turns']:.0f}" if middle["turns"] else "", f"{middle['memory']:.0f} MB",
        f"{model.stat().st_size / 1e6:.1f} MB" if model.exists() else "", f"{seconds:.0f} s" if seconds else "",
    ]  # fmt: skip


def _sample(folder: Path) -> None:
    """Each sixth line of every block, in files like ours; and for each intent one answer, as a rule and as a story."""
    folder.mkdir()
    intents = set()
    for path in sorted(DATA.glob("*/*.yml")):
        content = yaml.safe_load(path.read_text("utf-8"))
        for block in content["nlu"]:
            block["examples"] = "\n".join(block["examples"].splitlines()[::_EVERY])
            intents.add(block["intent"])
        (folder / f"{path.parent.name}_{path.name}").write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    extra = ["imminent_danger", "nlu_fallback"]

    def step(name: str) -> list[dict[str, str]]:
        return [{"intent": name}, {"action": f"utter_{name}"}]

    answered = sorted({*intents, *extra})
    talks = {
        "rules": [{"rule": name, "steps": step(name)} for name in answered],
        "stories": [{"story": name, "steps": step("greet") + step(name) + step("thanks")} for name in sorted(intents)],
    }
    (folder / "talks.yml").write_text(yaml.safe_dump(talks), "utf-8")
    domain = {"intents": answered, "responses": {f"utter_{name}": [{"text": name}] for name in answered}}
    (folder.parent / "domain.yml").write_text(yaml.safe_dump(domain), "utf-8")


def _train(folder: Path, name: str, config: str) -> tuple[Path, float]:
    (folder / f"{name}.yml").write_text(config, "utf-8")
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "rasa", "train", "--config", str(folder / f"{name}.yml"), "--domain",
         str(folder / "domain.yml"), "--data", str(folder / "data"), "--out", str(folder / "models"),
         "--fixed-model-name", name],
        check=True, env=_env(), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return folder / "models" / f"{name}.tar.gz", time.perf_counter() - started


def _ask(model: Path, asked: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, str(model), str(asked)], check=True, env={**_env(), **_ONE_CORE},
        capture_output=True, text=True,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _env() -> dict[str, str]:
    return {
        **os.environ, "PYTHONPATH": str(HERE), "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3",
        "LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip


def ask(model: str, asked: Path) -> None:
    """In a process of its own: load a model, read every message, time some, print what came out.

    `rate` and `turns` are messages a second, read and answered; `turns` is 0 for the model that answers children:
    its actions live in another process.
    """
    from rasa.core.agent import Agent
    from rasa.utils.log_utils import configure_structlog

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    # As it answers children (bot/rasa_process.py): without the lines in which Rasa quotes every message.
    configure_structlog(logging.CRITICAL)
    agent = Agent.load(model)
    texts = [json.loads(line)["text"] for line in asked.read_text("utf-8").splitlines()]

    async def read_all() -> list[str]:
        parsed = [await agent.parse_message(text) for text in texts]
        return [(p.get("concern") or p["intent"])["name"] for p in parsed]

    async def timed(answer: Callable[[str], Awaitable[Any]]) -> np.ndarray:
        taken = []
        for text in texts[::_TIMED]:
            started = time.perf_counter()
            await answer(text)
            taken.append((time.perf_counter() - started) * 1000)
        return np.array(taken)

    async def answer(text: str) -> None:
        # A child each: what was said before would make the default's policies slower.
        said = await agent.handle_text(text, sender_id=str(hash(text)))
        assert said, "a peer that answers nothing is no peer"

    codes = asyncio.run(read_all())
    taken = asyncio.run(timed(agent.parse_message))
    turns = 0.0 if Path(model) == MODEL else 1000 / asyncio.run(timed(answer)).mean()
    # Of this process since it began: what getrusage tells is inherited from whoever started it.
    memory = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    found = {
        "read": codes, "rate": 1000 / taken.mean(), "p50": np.percentile(taken, 50), "p95": np.percentile(taken, 95),
        "turns": turns, "memory": memory,
    }  # fmt: skip
    print(json.dumps(found, default=float))


if __name__ == "__main__":
    ask(sys.argv[1], Path(sys.argv[2]))
