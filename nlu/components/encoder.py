"""A small language model beside the n-grams: it knows words that no training line has.

Four layers of multilingual-e5-small (MIT), tuned on the training lines by nlu/encoder/tune.py and kept in
eight bits. It is asked only where the n-grams are not sure: docs/adr/012-a-small-encoder.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from components.folding import lightly

FOLDER = Path(__file__).resolve().parent.parent / "encoder"
# Behind an intent's name: its messages of danger.
DANGER_MARK = "!"
# Pieces of words that are read of one message; what is behind them tells nothing new.
LONGEST = 80
_SPACE = "\u2581"
_BATCH = 64


class Pieces:
    """Cuts words into the pieces that the encoder knows: the likeliest cut, as SentencePiece's unigram does it."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._known: dict[str, tuple[int, float]] = {}
        # Not splitlines: some pieces are signs that it takes for the end of a line.
        for number, line in enumerate((folder / "pieces.tsv").read_text("utf-8").rstrip("\n").split("\n")):
            piece, score = line.rsplit("\t", 1)
            self._known[piece] = (number, float(score))
        self.begin, self.end, self.pad, self.unknown = (
            self._known.pop(name)[0] for name in ("<s>", "</s>", "<pad>", "<unk>")
        )
        self._longest = max(map(len, self._known))
        # A letter that no piece has costs more than any piece.
        self._strange = min(score for _, score in self._known.values()) - 10.0
        self._cut_once = lru_cache(maxsize=20_000)(self._cut)

    def numbers(self, text: str) -> list[int]:
        """A message as the numbers of its pieces, between a beginning and an end."""
        found: list[int] = []
        for word in lightly(text).split():
            found.extend(self._cut_once(_SPACE + word))
            if len(found) >= LONGEST:
                break
        return [self.begin, *found[:LONGEST], self.end]

    def _cut(self, word: str) -> tuple[int, ...]:
        best = [0.0] + [-1e30] * len(word)
        came: list[tuple[int, int]] = [(0, 0)] * (len(word) + 1)
        for start in range(len(word)):
            for stop in range(start + 1, min(len(word), start + self._longest) + 1):
                known = self._known.get(word[start:stop])
                if known is not None and best[start] + known[1] > best[stop]:
                    best[stop], came[stop] = best[start] + known[1], (start, known[0])
            if best[start] + self._strange > best[start + 1]:
                best[start + 1], came[start + 1] = best[start] + self._strange, (start, self.unknown)
        numbers, place = [], len(word)
        while place:
            place, number = came[place]
            numbers.append(number)
        return tuple(reversed(numbers))


class Encoder:
    """For each text the probability of every class: an intent, with danger or without."""

    def __init__(self, folder: Path = FOLDER) -> None:
        import onnxruntime

        self._pieces = Pieces(folder)
        about: dict[str, Any] = json.loads((folder / "encoder.json").read_text("utf-8"))
        self.classes: list[str] = about["classes"]
        self._temperature = float(about["temperature"])
        options = onnxruntime.SessionOptions()
        # One core: more threads would take turns with everything else that answers children.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        onnxruntime.set_default_logger_severity(3)
        self._session = onnxruntime.InferenceSession(
            str(folder / "encoder.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """Texts of like length are read together; the order stays the caller's."""
        numbers = [self._pieces.numbers(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda i: len(numbers[i]))
        scores = np.zeros((len(texts), len(self.classes)), dtype=np.float32)
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            scores[some] = self._scores([numbers[i] for i in some])
        likely = np.exp((scores - scores.max(axis=1, keepdims=True)) / self._temperature)
        found: np.ndarray = likely / likely.sum(axis=1, keepdims=True)
        return found

    def _scores(self, numbers: list[list[int]]) -> np.ndarray:
        width = max(map(len, numbers))
        ids = np.full((len(numbers), width), self._pieces.pad, dtype=np.int64)
        here = np.zeros((len(numbers), width), dtype=np.float32)
        for row, one in enumerate(numbers):
            ids[row, : len(one)], here[row, : len(one)] = one, 1.0
        found: np.ndarray = self._session.run(None, {"ids": ids, "here": here})[0]
        return found
