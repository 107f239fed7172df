"""A message as weighted n-grams of words and letters, after folding: what the classifiers see."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

from components.folding import fold

# Words and pairs of words; two to five letters within a word. Measured: docs/understanding.md.
_SETTINGS: dict[str, dict[str, Any]] = {
    "words": {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"\w+", "sublinear_tf": True},
    "letters": {"analyzer": "char_wb", "ngram_range": (2, 5), "sublinear_tf": True},
}
_WORD = re.compile(r"\w+")
# What only one line has tells little, and doubles the file.
_LEAST = 2


class NGrams:
    """Learns a vocabulary with its weights, and turns texts into rows of numbers."""

    def __init__(self) -> None:
        self._parts = {
            name: TfidfVectorizer(lowercase=False, min_df=_LEAST, **settings) for name, settings in _SETTINGS.items()
        }

    def fit(self, texts: Sequence[str]) -> csr_matrix:
        """Learn from texts; gives their rows."""
        folded = [fold(text) for text in texts]
        return csr_matrix(hstack([part.fit_transform(folded) for part in self._parts.values()]))

    def rows(self, texts: Sequence[str]) -> csr_matrix:
        """Texts as rows."""
        folded = [fold(text) for text in texts]
        return csr_matrix(hstack([part.transform(folded) for part in self._parts.values()]))

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
        for name, settings in _SETTINGS.items():
            terms = bytes(stored[f"{name}_terms"]).decode().split("\n")
            part = TfidfVectorizer(lowercase=False, vocabulary={t: i for i, t in enumerate(terms)}, **settings)
            part.idf_ = stored[f"{name}_weights"].astype(np.float64)
            made._parts[name] = part
        return made
