"""Our pipeline beside others: what else was tried, and Rasa's default one, on the same lines in the same run."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from components.encoder import DANGER_MARK, Encoder
from components.folding import fold
from components.reading import ReadingClassifier, learn
from evaluate import DATA, HERE, LANGUAGES, ROOT, Row, macro, table, training_lines
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

# Endings of Kazakh and Russian words after folding, the longest first; a stem keeps three letters.
_ENDING = re.compile(
    r"(?<=\w{3})(?:лардын|лердин|ларды|лерди|лармен|лермен|лар|лер|дар|дер|тар|тер|ымды|имди|ымнын|имнин|ымнан|имнен"
    r"|ымен|имен|нын|нин|дын|дин|тын|тин|дан|ден|тан|тен|ган|ген|кан|кен|мын|мин|сын|син|ады|еди|йды|йди|ым|им"
    r"|ами|ями|ого|его|ому|ему|ыми|ими|ешь|ишь|ает|яет|уют|ают|ила|ала|или|али|ать|ить|еть|ый|ий|ая|ое|ые|ов|ев|ом|ем"
    r"|ах|ях|ою|ую|юю|а|я|о|е|ы|и|у|ю)\b"
)

Read = Callable[[Sequence[str]], Sequence[str]]


# -- candidates


def candidates(clean: list[Row]) -> str:
    """Ways of seeing a message, each trained and measured in this run."""
    texts, codes, _ = training_lines()
    words = {"ngram_range": (1, 2), "token_pattern": r"\w+", "min_df": 2}
    letters = {"analyzer": "char_wb", "ngram_range": (2, 5), "min_df": 2}

    def weighed(**settings: Any) -> Any:
        return TfidfVectorizer(sublinear_tf=True, **settings)

    def both() -> Any:
        return make_union(weighed(**words), weighed(**letters))

    def plain(text: str) -> str:
        return text.lower()

    def stems(text: str) -> str:
        return _ENDING.sub("", fold(text))

    def with_stems(text: str) -> str:
        folded = fold(text)
        return f"{folded} {_ENDING.sub('_', folded)}"

    tried: list[tuple[str, Callable[[str], str], Any, Any]] = [
        ("words, weighed", fold, weighed(**words), LinearSVC(C=0.5)),
        ("stems of words, weighed", stems, weighed(**words), LinearSVC(C=0.5)),
        ("letters, weighed", fold, weighed(**letters), LinearSVC(C=0.5)),
        ("words and letters, weighed", fold, both(), LinearSVC(C=0.5)),
        ("the same without folding", plain, both(), LinearSVC(C=0.5)),
        ("the same with stems beside the words", with_stems, both(), LinearSVC(C=0.5)),
        ("words and letters, counted, logistic regression", fold,
         make_union(CountVectorizer(**words), CountVectorizer(**letters)), LogisticRegression(max_iter=40)),
    ]  # fmt: skip
    lines = []
    for name, prepare, vectors, machine in tried:
        started = time.perf_counter()
        machine.fit(vectors.fit_transform([prepare(text) for text in texts]), codes)

        def read(
            some: Sequence[str], prepare: Callable[[str], str] = prepare, vectors: Any = vectors, machine: Any = machine
        ) -> Sequence[str]:
            return list(machine.predict(vectors.transform([prepare(text) for text in some])))

        lines.append(_line(name, read, clean, time.perf_counter() - started))
    lines += [_with_lexicon(texts, codes, both(), clean), _one_model_a_language(both, clean), *_ours(clean)]
    return table(["features", *LANGUAGES, "training"], lines)


def _line(name: str, read: Read, clean: list[Row], seconds: float) -> list[Any]:
    cells: list[Any] = [name]
    for language in LANGUAGES:
        rows = [r for r in clean if r["file"] == language]
        cells.append(macro([r["concern"] for r in rows], _no_code(read([r["text"] for r in rows]))))
    return [*cells, f"{seconds:.0f} s"]


def _no_code(read: Sequence[str]) -> list[str]:
    """ "I am safe" is understood, but it is no code of the taxonomy."""
    return ["off_topic" if code == "not_in_danger" else code for code in read]


def _with_lexicon(texts: Sequence[str], codes: Sequence[str], vectors: Any, clean: list[Row]) -> list[Any]:
    """The groups of words that the guard knows (kin, weapons, threats …), counted beside the n-grams."""
    groups = yaml.safe_load((ROOT / "bot" / "guard_lexicon.yaml").read_text("utf-8"))["words"]
    patterns = []
    for group in groups.values():
        stems_ = [fold(word) for written in group.values() for word in written.split()]
        patterns.append(re.compile(r"\b(?:" + "|".join(re.escape(w).replace(r"\*", r"\w*") for w in stems_) + r")\b"))

    def count(some: Sequence[str]) -> csr_matrix:
        return csr_matrix([[min(3, len(p.findall(fold(text)))) / 3 for p in patterns] for text in some])

    started = time.perf_counter()
    machine = LinearSVC(C=0.5)
    machine.fit(hstack([vectors.fit_transform([fold(text) for text in texts]), count(texts)]).tocsr(), codes)

    def read(some: Sequence[str]) -> Sequence[str]:
        return list(machine.predict(hstack([vectors.transform([fold(text) for text in some]), count(some)]).tocsr()))

    return _line("words and letters with the guard's lexicon", read, clean, time.perf_counter() - started)


def _one_model_a_language(both: Callable[[], Any], clean: list[Row]) -> list[Any]:
    """Trained on one language and the mixed lines each; which one reads is told to it, as if that were never wrong."""
    cells: list[Any] = ["one model for each language"]
    started = time.perf_counter()
    for language in ("ru", "kk"):
        texts, codes, _ = training_lines((language, "mixed"))
        vectors, machine = both(), LinearSVC(C=0.5)
        machine.fit(vectors.fit_transform([fold(text) for text in texts]), codes)
        rows = [r for r in clean if r["file"] == language]
        read = machine.predict(vectors.transform([fold(r["text"]) for r in rows]))
        cells.append(macro([r["concern"] for r in rows], _no_code(read)))
    return [*cells, "", f"{time.perf_counter() - started:.0f} s"]


def _ours(clean: list[Row]) -> list[list[Any]]:
    """The encoder alone, the n-grams as they are trained, and both: what answers children."""
    started = time.perf_counter()
    texts, codes, dangers = training_lines()
    config = yaml.safe_load((HERE / "config.yml").read_text("utf-8"))["pipeline"][0]
    encoder = Encoder()
    reader = learn(texts, codes, dangers, {**ReadingClassifier.get_default_config(), **config})
    seconds = time.perf_counter() - started

    def alone(some: Sequence[str]) -> Sequence[str]:
        codes_of = np.array([name.rstrip(DANGER_MARK) for name in encoder.classes])
        likely = encoder.read(some)
        summed = np.stack([likely[:, codes_of == code].sum(axis=1) for code in reader.intents], axis=1)
        return [reader.intents[i] for i in summed.argmax(axis=1)]

    def grams(some: Sequence[str]) -> Sequence[str]:
        return [reader.intents[i] for i in reader.read(some)[0].argmax(axis=1)]

    found = [
        _line("the encoder alone", alone, clean, 0.0),
        _line("n-grams, each code with danger and without", grams, clean, seconds),
    ]
    reader.add(encoder)
    return [*found, _line("both: chosen", grams, clean, seconds)]


# -- peers

# Rasa's default pipeline needs minutes for an epoch of all lines: both learn from each sixth one.
_EVERY = 6
# A network's speed does not depend on how many lines it has learnt from; ours does: the surer it is, the seldomer the
# encoder is asked.
_ANSWERS = "ours, trained on all lines: what answers children"
MODEL = HERE / "models" / "janymda.tar.gz"
DEFAULT = """
recipe: default.v1
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
"""


def peers(clean: list[Row], epochs: int) -> str:
    """Our pipeline and Rasa's default one: trained, loaded and asked by the same hands."""
    ours = {**yaml.safe_load((HERE / "config.yml").read_text("utf-8"))}
    ours.pop("policies", None)
    lines = []
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        _sample(Path(folder) / "lines")
        asked = Path(folder) / "asked.jsonl"
        asked.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in clean), "utf-8")
        default = f"Rasa's default (DIET, {epochs} epochs)"
        ways: tuple[tuple[str, str | None], ...] = (
            ("ours", yaml.safe_dump(ours)), (default, DEFAULT.format(epochs=epochs)), (_ANSWERS, None),
        )  # fmt: skip
        for name, config in ways:
            if config is None:
                measured: dict[str, Any] = {**_ask(MODEL, asked), "seconds": None}
            else:
                measured = _train_and_ask(Path(folder), name.split()[0], config, asked)
            by_file = []
            for language in LANGUAGES:
                kept = [i for i, r in enumerate(clean) if r["file"] == language]
                by_file.append(macro([clean[i]["concern"] for i in kept], [measured["read"][i] for i in kept]))
            rates.append(measured["rate"])
            taken = "" if measured["seconds"] is None else f"{measured['seconds']:.0f} s"
            lines.append(
                [name, *by_file, f"{measured['rate']:.0f}", f"{measured['p50']:.1f} / {measured['p95']:.1f} ms",
                 f"{measured['memory']:.0f} MB", f"{measured['size']:.1f} MB", taken]
            )  # fmt: skip
    for name, rate in (("ours", rates[0]), (_ANSWERS, rates[2])):
        lines.append([f"messages a second of {name} to the default's", "", "", "", f"{rate / rates[1]:.1f}", *[""] * 4])
    return table(["pipeline", *LANGUAGES, "messages/s", "p50 / p95", "memory", "file", "training"], lines)


def _sample(folder: Path) -> None:
    """Each sixth line of every block, in files like ours."""
    folder.mkdir()
    for path in sorted(DATA.glob("*/*.yml")):
        content = yaml.safe_load(path.read_text("utf-8"))
        for block in content["nlu"]:
            block["examples"] = "\n".join(block["examples"].splitlines()[::_EVERY])
        (folder / f"{path.parent.name}_{path.name}").write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


def _train_and_ask(folder: Path, name: str, config: str, asked: Path) -> dict[str, Any]:
    (folder / f"{name}.yml").write_text(config, "utf-8")
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "rasa", "train", "nlu", "--config", str(folder / f"{name}.yml"),
         "--nlu", str(folder / "lines"), "--out", str(folder / "models"), "--fixed-model-name", name],
        check=True, env=_env(), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    model = folder / "models" / f"{name}.tar.gz"
    return {**_ask(model, asked), "seconds": seconds}


def _ask(model: Path, asked: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, str(model), str(asked)], check=True, env=_env(), capture_output=True, text=True
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**answer, "size": model.stat().st_size / 1e6}


def _env() -> dict[str, str]:
    return {
        **os.environ, "PYTHONPATH": str(HERE), "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3",
        "LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip


def ask(model: str, asked: Path) -> None:
    """In a process of its own: load a model, read every message, print what it took."""
    from rasa.core.agent import Agent
    from rasa.utils.log_utils import configure_structlog

    # As it answers children (bot/rasa_process.py): without the lines in which Rasa quotes every message.
    configure_structlog(logging.CRITICAL)
    agent = Agent.load(model)
    rows = [json.loads(line) for line in asked.read_text("utf-8").splitlines()]

    async def read() -> tuple[list[str], list[float]]:
        codes, taken = [], []
        for row in rows:
            started = time.perf_counter()
            parsed = await agent.parse_message(row["text"])
            taken.append((time.perf_counter() - started) * 1000)
            codes.append((parsed.get("concern") or parsed["intent"])["name"])
        return codes, taken

    asyncio.run(read())  # warm
    codes, taken = asyncio.run(read())
    # Of this process since it began: what getrusage tells is inherited from whoever started it.
    status = Path("/proc/self/status").read_text()
    memory = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(
        json.dumps(
            {"read": codes, "rate": 1000 * len(taken) / sum(taken), "p50": float(np.percentile(taken, 50)),
             "p95": float(np.percentile(taken, 95)), "memory": memory}
        )
    )  # fmt: skip


if __name__ == "__main__":
    ask(sys.argv[1], Path(sys.argv[2]))
