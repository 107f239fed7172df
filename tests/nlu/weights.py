"""Run with the dialogue engine's Python: how far the n-grams of one message lie from scikit-learn's own."""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

sys.path.insert(0, str(Path(__file__).parents[2] / "nlu"))

from components.folding import fold
from components.ngrams import _LEAST, _SETTINGS, NGrams

LINES = [
    "папа бьёт меня и маму",
    "папа бьет маму и меня",
    "әкем мені ұрады",
    "мама бьёт меня меня меня",
    "әкем мамамды ұрады",
]
ASKED = [*LINES, "papa byet menya", "а", "", "ничего общего здесь", "әкем   әкем"]
# What is remembered must be words of the lines, never one that only a message had.
OWN = {word for text in ASKED for word in fold(text).split()} - {word for text in LINES for word in fold(text).split()}

grams = NGrams()
rows = grams.fit(LINES).toarray()
learnt = {name: part.transform for name, part in grams._parts.items()}
# As scikit-learn by itself learns each part.
alone = [
    TfidfVectorizer(lowercase=False, min_df=_LEAST, **settings).fit_transform(map(fold, LINES)).toarray()
    for settings in _SETTINGS.values()
]
assert abs(rows - np.concatenate(alone, axis=1)).max() < 1e-6, "the lines are learnt otherwise"
found = []
for again in (grams, NGrams.load(grams.dump())):
    # Twice: the n-grams of known words are found once and then remembered.
    for text in (*ASKED, *ASKED):
        columns, weights = again.weigh(text)
        row = np.zeros(rows.shape[1])
        row[columns] = weights
        wanted = np.concatenate([transform([fold(text)]).toarray()[0] for transform in learnt.values()])
        found.append({"off": float(abs(row - wanted).max()), "known": len(columns)})
    remembered = again._views[1].found
    assert remembered, "nothing is remembered"
    assert not OWN & set(remembered), "a word that no line has is remembered"
print(json.dumps(found))
