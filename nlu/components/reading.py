"""Reads a message: what it is about, how sure that is, and whether help must come first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from components.encoder import DANGER_MARK, Encoder
from components.kinds import OPENINGS, QUESTIONS, SMALL_TALK, TALK, rank
from components.ngrams import NGrams
from components.parts import parts_of, rests_of

DANGER_INTENT = "imminent_danger"
FALLBACK_INTENT = "nlu_fallback"
_RANKED = 5
# What the classifier over n-grams is kept as, beside the n-grams.
_ARRAYS = frozenset(("classes", "coef", "scale", "bias", "temperature"))
# How likely danger must be in a part of a question or behind an opening, and what is told there.
_PART_DANGER, _REST = 0.8, 0.8
_FOLDS = 2
# No class is ever taken for less likely: one view alone cannot rule out what the other sees.
_LEAST = 1e-6
# Temperatures tried for the confidences; the likeliest on held-out folds is kept.
_TEMPERATURES = np.geomspace(0.05, 2.0, 60)
# The n-grams alone decide where they are this sure of a reading, and this sure for or against danger.
_SURE, _NO_DANGER, _DANGER = 0.85, 0.00015, 0.95
# What either view weighs where both are asked: docs/adr/014-one-question.md.
_GRAMS, _ENCODER = 0.55, 0.45


class Reader:
    """A classifier over n-grams, as plain arrays; and the encoder, where that is not sure.

    Both answer one question: which intent, and with danger or without. A beating told of and one going on share
    few words, so each intent is two classes. Where both are asked, an intent is as likely as both take it for, and
    danger as likely as they take it for on the average.
    """

    def __init__(self, grams: NGrams, arrays: dict[str, Any], encoder: Encoder | None = None) -> None:
        self.grams = grams
        self.arrays = arrays
        self._encoder: Encoder | None = None
        self._classes = [str(name) for name in arrays["classes"]]
        self.intents = sorted({name.rstrip(DANGER_MARK) for name in self._classes})
        # Which intent each class belongs to, and which classes are of danger.
        self._sums = np.zeros((len(self._classes), len(self.intents)))
        for row, name in enumerate(self._classes):
            self._sums[row, self.intents.index(name.rstrip(DANGER_MARK))] = 1.0
        self._dangerous = np.array([name.endswith(DANGER_MARK) for name in self._classes])
        # Kept in eight bits: a message needs few of the rows.
        self._coef, self._scale = arrays["coef"], arrays["scale"].astype(np.float32)
        self._bias, self._temperature = arrays["bias"], float(arrays["temperature"])
        if encoder is not None:
            self.add(encoder)

    def add(self, encoder: Encoder) -> None:
        """Ask this encoder too from now on; raises ValueError when it was tuned for other intents."""
        places = {name: place for place, name in enumerate(encoder.classes)}
        if sorted({name.rstrip(DANGER_MARK) for name in places}) != self.intents:
            raise ValueError("nlu/encoder was tuned for other intents than the training data has: make encoder")
        self._encoder = encoder
        # A class that had no line when the encoder was tuned: it is asked for the intent's other one.
        self._order = [
            places.get(name, places.get(name.rstrip(DANGER_MARK), places.get(name + DANGER_MARK, 0)))
            for name in self._classes
        ]
        self._twins = [
            [row for row, place in enumerate(self._order) if place == asked]
            for asked, count in Counter(self._order).items()
            if count > 1
        ]

    def _ask_encoder(self, texts: Sequence[str], grams: np.ndarray) -> np.ndarray:
        """What the encoder takes texts for; what it cannot tell apart is divided as the n-grams do."""
        assert self._encoder is not None
        seen: np.ndarray = self._encoder.read(texts)[:, self._order]
        for twins in self._twins:
            seen[:, twins] *= grams[:, twins] / grams[:, twins].sum(axis=1, keepdims=True)
        return seen

    def read(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """For each text the probability of every intent, and that of danger.

        Danger in a part of a question is danger; behind an opening danger is danger, and what is told the intent.
        """
        likely, danger = self._read_whole(texts)
        best = [self.intents[place] for place in likely.argmax(axis=1)]
        parts = [(row, part) for row, intent in enumerate(best) if intent in QUESTIONS for part in parts_of(texts[row])]
        rests = [(row, rest) for row, intent in enumerate(best) if intent in OPENINGS for rest in rests_of(texts[row])]
        if parts:
            for (row, _), alarm in zip(parts, self._alarms([part for _, part in parts]), strict=True):
                danger[row] = max(danger[row], alarm)
        if rests:
            about, alarms = self._read_whole([rest for _, rest in rests])
            self._hear_rests([row for row, _ in rests], about, alarms, likely, danger)
        return likely, danger

    def _alarms(self, parts: Sequence[str]) -> np.ndarray:
        """For each part of a message the probability of danger where it is enough to tell, else nought.

        Danger is a mean of two views: where the n-grams see too little, the other need not be asked.
        """
        alarms = np.zeros(len(parts))
        loud = self._loud(parts)
        if loud.size:
            alarms[loud] = self._read_whole([parts[i] for i in loud])[1]
        alarms[alarms < _PART_DANGER] = 0.0
        return alarms

    def _loud(self, parts: Sequence[str]) -> np.ndarray:
        """The places of those parts in which the n-grams see enough for the mean to come to danger."""
        return np.flatnonzero(self._danger(self._read_grams(parts)) >= 2 * _PART_DANGER - 1)

    def _hear_rests(
        self, rows: list[int], about: np.ndarray, alarms: np.ndarray, likely: np.ndarray, danger: np.ndarray
    ) -> None:
        """The longest rest of a row that surely is no talk is what follows; torn out of it a clause sounds graver."""
        heard: set[int] = set()
        for place, row in enumerate(rows):
            best = int(about[place].argmax())
            if row in heard or self.intents[best] in TALK or about[place, best] < _REST:
                continue
            heard.add(row)
            likely[row] = about[place]
            if alarms[place] >= _PART_DANGER:
                danger[row] = max(danger[row], alarms[place])

    def _read_whole(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        classes = self._read_grams(texts)
        danger = self._danger(classes)
        if self._encoder is not None:
            unsure = ((classes @ self._sums).max(axis=1) < _SURE) | ((danger > _NO_DANGER) & (danger < _DANGER))
            some = np.flatnonzero(unsure)
            if some.size:
                seen = self._ask_encoder([texts[i] for i in some], classes[some])
                classes[some] = _softmax(_GRAMS * np.log(classes[some] + _LEAST) + _ENCODER * np.log(seen + _LEAST))
                # What only one of them sees is half as likely, and no less: a danger is not outvoted.
                danger[some] = (danger[some] + self._danger(seen)) / 2
        return classes @ self._sums, danger

    def _danger(self, classes: np.ndarray) -> np.ndarray:
        return classes[:, self._dangerous].sum(axis=1)

    def _read_grams(self, texts: Sequence[str]) -> np.ndarray:
        scores = np.empty((len(texts), len(self._scale)), dtype=np.float32)
        for row, text in enumerate(texts):
            # Only the columns that a message has: most of the weights are never looked at.
            columns, weights = self.grams.weigh(text)
            scores[row] = weights @ self._coef[columns]
        return _softmax((scores * self._scale + self._bias) / self._temperature)


def learn(texts: Sequence[str], intents: Sequence[str], dangers: Sequence[bool], config: dict[str, Any]) -> Reader:
    """Train the classifier over n-grams, and find how sure it may be."""
    grams = NGrams()
    rows = grams.fit(texts)
    classes = np.array([name + DANGER_MARK * bool(danger) for name, danger in zip(intents, dangers, strict=True)])
    rare = {name for name, count in zip(*np.unique(classes, return_counts=True), strict=True) if count < _FOLDS}
    kept = np.array([name not in rare for name in classes])
    # A fixed seed: two trainings on the same lines read every message alike.
    machine = LinearSVC(C=config["C"], tol=config["tolerance"], random_state=42)
    kept_rows, kept_classes = rows[kept], classes[kept]
    # Half of the lines show how sure a machine may be that has learnt from the other half.
    taught, asked = next(iter(StratifiedKFold(_FOLDS).split(kept_rows, kept_classes)))
    # Processes, not threads: liblinear draws its lots from one place in a process, and two trainings must be alike.
    machine, other = Parallel(n_jobs=2)(
        delayed(learner.fit)(lines, right)
        for learner, lines, right in (
            (machine, kept_rows, kept_classes),
            (clone(machine), kept_rows[taught], kept_classes[taught]),
        )
    )
    held_out = other.decision_function(kept_rows[asked])
    order = {name: place for place, name in enumerate(machine.classes_)}
    # Eight bits a weight, each class with its own scale: the file is a quarter as large, and readings stay.
    scale = np.abs(machine.coef_).max(axis=1) / 127
    arrays = {
        "classes": np.array(machine.classes_),
        "coef": np.round(machine.coef_ / scale[:, None]).T.astype(np.int8),
        "scale": scale.astype(np.float32),
        "bias": machine.intercept_,
        "temperature": _temperature(held_out, np.array([order[name] for name in kept_classes[asked]])),
    }
    return Reader(grams, arrays)


def _temperature(scores: np.ndarray, right: np.ndarray) -> float:
    """The temperature under which the right readings of held-out lines are likeliest."""
    rows = np.arange(len(right))

    def loss(temperature: float) -> float:
        return float(-np.log(_softmax(scores / temperature)[rows, right] + 1e-12).mean())

    return float(min(_TEMPERATURES, key=loss))


def _softmax(scores: np.ndarray) -> np.ndarray:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return result


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class ReadingClassifier(GraphComponent, IntentClassifier):
    """Sets the intent, its ranking, the concern and the danger of a message.

    When danger is likely the intent becomes `imminent_danger`, so that one rule answers it in every
    state and form; what the message is about stays readable as `concern`. When no reading is
    sure enough the intent becomes `nlu_fallback`: Janymda asks instead of guessing. Danger is
    learnt from training lines whose block says `metadata: {danger: true}`.
    """

    @classmethod
    def required_components(cls) -> list[type]:
        return []

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"threshold": 0.3, "danger_threshold": 0.3, "C": 0.5, "tolerance": 0.2}

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = {**self.get_default_config(), **config}
        self._model_storage = model_storage
        self._resource = resource
        self._reader: Reader | None = None

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ReadingClassifier:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [e for e in training_data.intent_examples if e.get(TEXT) and e.get(INTENT)]
        self._reader = learn(
            [e.get(TEXT) for e in examples],
            [e.get(INTENT) for e in examples],
            [_is_danger(e) for e in examples],
            self._config,
        )
        with self._model_storage.write_to(self._resource) as folder:
            # Plain numbers and letters: nothing in a model file of ours can run when it is loaded.
            arrays = {**self._reader.grams.dump(), **self._reader.arrays}
            np.savez_compressed(folder / "reading.npz", **arrays)
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ReadingClassifier:
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder, np.load(folder / "reading.npz", allow_pickle=False) as stored:
            grams = NGrams.load(stored)
            component._reader = Reader(grams, {name: stored[name] for name in stored if name in _ARRAYS}, Encoder())
        return component

    def process(self, messages: list[Message]) -> list[Message]:
        assert self._reader is not None  # trained or loaded before anything is processed
        told = [message for message in messages if message.get(TEXT)]
        if not told:
            return messages
        likely, danger = self._reader.read([message.get(TEXT) for message in told])
        for message, row, alarm in zip(told, likely, danger, strict=True):
            self._set(message, row, float(alarm))
        return messages

    def _set(self, message: Message, row: np.ndarray, danger: float) -> None:
        assert self._reader is not None
        best = rank(row, self._reader.intents)[:_RANKED]
        ranking = [{"name": self._reader.intents[i], "confidence": float(row[i])} for i in best]
        intent = ranking[0]
        message.set("concern", intent, add_to_output=True)
        message.set("danger", danger, add_to_output=True)
        if danger >= self._config["danger_threshold"]:
            intent = {"name": DANGER_INTENT, "confidence": danger}
        elif intent["confidence"] < self._config["threshold"] or self._is_noise(intent["name"], message.get(TEXT)):
            intent = {"name": FALLBACK_INTENT, "confidence": 1.0 - intent["confidence"]}
        message.set(INTENT, intent, add_to_output=True)
        message.set("intent_ranking", ranking, add_to_output=True)

    def _is_noise(self, intent: str, text: str) -> bool:
        """Letters without a known word tell nothing, least of all that somebody wants small talk."""
        assert self._reader is not None
        return intent in SMALL_TALK and not self._reader.grams.knows_a_word(text)


def _is_danger(example: Message) -> bool:
    """Read `metadata: {danger: true}` of a line, or of the block it stands in."""
    metadata = example.get(METADATA) or {}
    found = {**(metadata.get("intent") or {}), **(metadata.get("example") or {})}
    return found.get("danger") is True
