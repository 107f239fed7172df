"""A message as weighted n-grams of words and letters, after folding: what the classifiers see."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

from components.folding import fold

# Words and pairs of words; two to five letters within a word. Measured: docs/understanding.md.
_SETTINGS: dict[str, dict[str, Any]] = {
    "words": {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"\w+", "sublinear_tf": True},
    "letters": {"analyzer": "char_wb", "ngram_range": (2, 5), "sublinear_tf": True},
}
_WORD = re.compile(r"\w+")
# What fewer lines have tells little, and doubles the file.
_LEAST = 3


@dataclass(frozen=True)
class _View:
    """One part of what a text is seen as: its n-grams, which of them are known, and where their columns begin."""

    cut: Callable[[str], list[str]]
    columns: dict[str, int]
    rarity: np.ndarray
    first: int

    def find(self, folded: str) -> list[int | None]:
        """The column of each n-gram, None for one that is not known."""
        return list(map(self.columns.get, self.cut(folded)))

    def weigh(self, folded: str) -> tuple[np.ndarray, np.ndarray]:
        # All in C, a third of the time: a message has some two hundred n-grams.
        counts = Counter(self.find(folded))
        counts.pop(None, None)
        columns = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
        times = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
        weights = (1.0 + np.log(times)) * self.rarity[columns]
        length = float(np.sqrt(weights @ weights))
        return columns + self.first, weights / length if length else weights


@dataclass(frozen=True)
class _Letters(_View):
    """The n-grams of letters, none of which reaches beyond its word: those of known words are found once.

    Four of five words in a message are such as the training lines have; of what a child alone writes nothing is kept.
    """

    known: dict[str, int]
    found: dict[str, list[int | None]] = field(default_factory=dict)

    def find(self, folded: str) -> list[int | None]:
        columns: list[int | None] = []
        for word in folded.split():
            of_word = self.found.get(word)
            if of_word is None:
                of_word = super().find(word)
                if word in self.known:
                    self.found[word] = of_word
            columns += of_word
        return columns


class NGrams:
    """Learns a vocabulary with its weights, and turns a text into columns and what each weighs."""

    def __init__(self) -> None:
        self._parts = {"words": TfidfVectorizer(lowercase=False, min_df=_LEAST, **_SETTINGS["words"])}
        self._views: list[_View] = []

    def fit(self, texts: Sequence[str]) -> csr_matrix:
        """Learn from texts; gives their rows."""
        folded = [fold(text) for text in texts]
        rows = csr_matrix(hstack([self._parts["words"].fit_transform(folded), self._fit_letters(folded)]))
        self._look()
        return rows

    def _fit_letters(self, folded: Sequence[str]) -> csr_matrix:
        """As scikit-learn learns them, in less time: each word is cut once, however many lines have it."""
        lines = CountVectorizer(analyzer=str.split)
        of_lines = lines.fit_transform(folded)
        cut = CountVectorizer(lowercase=False, analyzer="char_wb", ngram_range=_SETTINGS["letters"]["ngram_range"])
        counts = of_lines @ cut.fit_transform(lines.get_feature_names_out())
        kept = np.flatnonzero(counts.getnnz(axis=0) >= _LEAST)
        weighing = TfidfTransformer(sublinear_tf=True)
        rows = weighing.fit_transform(counts[:, kept])
        self._parts["letters"] = _learnt("letters", cut.get_feature_names_out()[kept], weighing.idf_)
        return rows

    def weigh(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """The columns that a text has, and the weight of each: what `fit` gives for a line, as two short arrays.

        Scikit-learn's own way makes and checks a sparse matrix for each message, at ten times the time.
        """
        folded = fold(text)
        found = [view.weigh(folded) for view in self._views]
        return np.concatenate([columns for columns, _ in found]), np.concatenate([weights for _, weights in found])

    def _look(self) -> None:
        words, letters = (self._parts[name] for name in ("words", "letters"))
        known = words.vocabulary_
        self._views = [
            _View(words.build_analyzer(), known, words.idf_.astype(np.float32), 0),
            _Letters(letters.build_analyzer(), letters.vocabulary_, letters.idf_.astype(np.float32), len(known), known),
        ]

    def knows_a_word(self, text: str) -> bool:
        """Is there a word in a text that the training lines have, too?"""
        known = self._parts["words"].vocabulary_
        return any(len(word) > 1 and word in known for word in _WORD.findall(fold(text)))

    def dump(self) -> dict[str, np.ndarray]:
        """What was learnt, as plain arrays."""
        stored = {}
        for name, part in self._parts.items():
            terms = sorted(part.vocabulary_, key=part.vocabulary_.__getitem__)
            stored[f"{name}_terms"] = np.frombuffer("\n".join(terms).encode(), dtype=np.uint8)
            stored[f"{name}_weights"] = part.idf_.astype(np.float32)
        return stored

    @classmethod
    def load(cls, stored: Any) -> NGrams:
        """From what `dump` gave."""
        made = cls()
        for name in _SETTINGS:
            terms = bytes(stored[f"{name}_terms"]).decode().split("\n")
            made._parts[name] = _learnt(name, terms, stored[f"{name}_weights"].astype(np.float64))
        made._look()
        return made


def _learnt(name: str, terms: Sequence[str], weights: np.ndarray) -> TfidfVectorizer:
    """A part that knows these n-grams, in this order, and what each weighs."""
    part = TfidfVectorizer(lowercase=False, vocabulary={t: i for i, t in enumerate(terms)}, **_SETTINGS[name])
    part.idf_ = weights
    # Setting the weights copied the vocabulary: ten megabytes that nobody asks for.
    part.vocabulary = None
    return part
