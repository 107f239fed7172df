"""By which letters a word is Kazakh or Russian, learnt from the training lines for bot/language.py.

`make languages` writes bot/language_letters.json: pieces of one to four letters of a folded word, `<` before its first
and `>` behind its last, each with how much it speaks for Kazakh (above nought) or Russian (below). Only pieces that ten
words have, and that tell something, are kept.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
from components.folding import fold
from evaluate import ROOT, training_lines
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

OUT = ROOT / "bot" / "language_letters.json"
_WORD = re.compile(r"[а-яёәғқңөұүһі]+")
_LONGEST, _LEAST_WORDS, _LEAST_WEIGHT = 4, 10, 0.1
# A word that is said often weighs more, but not as often as it is said: "мен" shows little of how words are made.
_COMMON = 0.75


def words_of(language: str) -> Counter[str]:
    """The words of a language's lines in Cyrillic letters, folded, and how often each is said."""
    texts, _, _ = training_lines((language,))
    return Counter(fold(word) for text in texts for word in _WORD.findall(text.lower()))


def learn(kazakh: Counter[str], russian: Counter[str]) -> dict[str, float]:
    """How much each piece tells; under "" what is added to every word."""
    words = [*kazakh, *russian]
    is_kazakh = np.array([True] * len(kazakh) + [False] * len(russian))
    weights = np.array([*kazakh.values(), *russian.values()], dtype=float) ** _COMMON
    # There are more Kazakh lines; a word must not be taken for Kazakh for that.
    for side in (is_kazakh, ~is_kazakh):
        weights[side] *= len(words) / 2 / weights[side].sum()
    cut = CountVectorizer(analyzer="char", ngram_range=(1, _LONGEST), min_df=_LEAST_WORDS, binary=True, lowercase=False)
    rows = cut.fit_transform(f"<{word}>" for word in words)
    machine = LogisticRegression(C=0.3, solver="liblinear", max_iter=300).fit(rows, is_kazakh, sample_weight=weights)
    told = dict(zip(cut.get_feature_names_out(), machine.coef_[0], strict=True))
    kept = {piece: round(float(weight), 2) for piece, weight in sorted(told.items()) if abs(weight) >= _LEAST_WEIGHT}
    return {"": round(float(machine.intercept_[0]), 2), **kept}


def write(pieces: dict[str, float], path: Path = OUT) -> None:
    path.write_text(json.dumps(pieces, ensure_ascii=False, indent=0) + "\n", "utf-8", newline="\n")


if __name__ == "__main__":
    write(learn(words_of("kk"), words_of("ru")))
