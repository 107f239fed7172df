"""What else was tried to read a message: each candidate trained on the same lines and measured in the same run."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import yaml
from components.encoder import DANGER_MARK, Encoder
from components.folding import fold
from components.reading import ReadingClassifier, learn
from evaluate import HERE, LANGUAGES, ROOT, Row, macro, table, training_lines
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


def candidates(clean: list[Row]) -> str:
    """Ways of seeing a message, each trained and measured in this run."""
    texts, codes, _ = training_lines()
    words = {"ngram_range": (1, 2), "token_pattern": r"\w+", "min_df": 3}
    letters = {"analyzer": "char_wb", "ngram_range": (2, 5), "min_df": 3}

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
