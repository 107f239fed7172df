"""Reads a message: what it is about, how sure that is, and whether help must come first."""

from __future__ import annotations

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
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from components.encoder import Encoder
from components.ngrams import NGrams

DANGER_INTENT = "imminent_danger"
FALLBACK_INTENT = "nlu_fallback"
_RANKED = 5
# What letters without sense are taken for.
_SMALL_TALK = frozenset(("off_topic", "insult", "goodbye", "greet", "thanks"))
# What others do to a child, and what it may do to itself: never brushed aside as small talk without being sure.
_HARM = frozenset((
    "sexual_abuse", "online_sexual_exploitation", "trafficking", "physical_violence", "emotional_abuse", "neglect",
    "bullying", "cyberbullying", "forced_marriage", "discrimination", "self_harm",
))  # fmt: skip
# How many times likelier than any harm small talk must be.
_CAUTION = 1.5
_FOLDS = 2
# Behind an intent's name: its lines of danger.
_DANGER_MARK = "!"
# Temperatures tried for the confidences; the likeliest on held-out folds is kept.
_TEMPERATURES = np.geomspace(0.05, 2.0, 60)


# The n-grams alone decide where they are this sure of a reading, and this sure for or against danger.
_SURE, _NO_DANGER, _DANGER = 0.85, 0.04, 0.9
# What the encoder's view weighs beside theirs.
_SHARE = 0.5


class Reader:
    """Two classifiers over one set of n-grams, as plain arrays; and the encoder, where they are not sure."""

    def __init__(self, grams: NGrams, arrays: dict[str, Any], encoder: Encoder | None = None) -> None:
        self.grams = grams
        self.arrays = arrays
        self._encoder: Encoder | None = None
        classes = [str(name) for name in arrays["classes"]]
        self.intents = sorted({name.rstrip(_DANGER_MARK) for name in classes})
        # Which intent each class belongs to, and which classes are of danger.
        self._sums = np.zeros((len(classes), len(self.intents)))
        for row, name in enumerate(classes):
            self._sums[row, self.intents.index(name.rstrip(_DANGER_MARK))] = 1.0
        self._dangerous = np.array([name.endswith(_DANGER_MARK) for name in classes])
        # Kept in eight bits: a message needs few of the rows.
        self._coef, self._scale = arrays["coef"], arrays["scale"].astype(np.float32)
        self._danger = arrays["danger"].astype(np.float32)
        self._bias, self._danger_bias = arrays["bias"], float(arrays["danger_bias"])
        self._temperature = float(arrays["temperature"])
        if encoder is not None:
            self.add(encoder)

    def add(self, encoder: Encoder) -> None:
        """Ask this encoder too from now on; raises ValueError when it was tuned for other intents."""
        if sorted(encoder.codes) != self.intents:
            raise ValueError("nlu/encoder was tuned for other intents than the training data has: make encoder")
        self._encoder = encoder
        self._order = [encoder.codes.index(name) for name in self.intents]

    def read(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """For each text the probability of every intent, and that of danger."""
        likely, danger = self._read_grams(texts)
        if self._encoder is None:
            return likely, danger
        unsure = (likely.max(axis=1) < _SURE) | ((danger > _NO_DANGER) & (danger < _DANGER))
        some = np.flatnonzero(unsure)
        if some.size:
            seen, alarm = self._encoder.read([texts[i] for i in some])
            mixed = likely[some] ** (1 - _SHARE) * (seen[:, self._order] + 1e-6) ** _SHARE
            likely[some] = mixed / mixed.sum(axis=1, keepdims=True)
            danger[some] = danger[some] * (1 - _SHARE) + alarm * _SHARE
        return likely, danger

    def _read_grams(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        scores = np.empty((len(texts), len(self._scale)), dtype=np.float32)
        alarm = np.empty(len(texts), dtype=np.float32)
        for row, text in enumerate(texts):
            # Only the columns that a message has: most of the weights are never looked at.
            columns, weights = self.grams.weigh(text)
            scores[row] = weights @ self._coef[columns]
            alarm[row] = weights @ self._danger[columns]
        likely = _softmax((scores * self._scale + self._bias) / self._temperature)
        alarm += self._danger_bias
        # Two views of danger err in different places; their mean errs less than either.
        danger = (likely[:, self._dangerous].sum(axis=1) + 1.0 / (1.0 + np.exp(-alarm))) / 2
        return likely @ self._sums, danger


def learn(texts: Sequence[str], intents: Sequence[str], dangers: Sequence[bool], config: dict[str, Any]) -> Reader:
    """Train both classifiers, and find how sure the first one may be.

    The first knows every intent twice, with danger and without: a beating told of and one going on
    share few words. The second knows only danger.
    """
    grams = NGrams()
    rows = grams.fit(texts)
    classes = np.array([name + _DANGER_MARK * bool(danger) for name, danger in zip(intents, dangers, strict=True)])
    rare = {name for name, count in zip(*np.unique(classes, return_counts=True), strict=True) if count < _FOLDS}
    kept = np.array([name not in rare for name in classes])
    # A fixed seed: two trainings on the same lines read every message alike.
    machine = LinearSVC(C=config["C"], class_weight="balanced", random_state=42)
    kept_rows, kept_classes = rows[kept], classes[kept]
    # Half of the lines show how sure a machine may be that has learnt from the other half.
    taught, asked = next(iter(StratifiedKFold(_FOLDS).split(kept_rows, kept_classes)))
    alarm = LogisticRegression(C=config["danger_C"], solver="liblinear", random_state=42)
    # Processes, not threads: liblinear draws its lots from one place in a process, and two trainings must be alike.
    machine, other, alarm = Parallel(n_jobs=2)(
        delayed(learner.fit)(lines, right)
        for learner, lines, right in (
            (machine, kept_rows, kept_classes),
            (clone(machine), kept_rows[taught], kept_classes[taught]),
            (alarm, rows, np.array(dangers)),
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
        "danger": alarm.coef_[0].astype(np.float16),
        "danger_bias": alarm.intercept_[0],
        "temperature": _temperature(held_out, np.array([order[name] for name in kept_classes[asked]])),
    }
    return Reader(grams, arrays)


def _temperature(scores: np.ndarray, right: np.ndarray) -> float:
    """The temperature under which the right readings of held-out lines are likeliest."""
    rows = np.arange(len(right))

    def loss(temperature: float) -> float:
        return float(-np.log(_softmax(scores / temperature)[rows, right] + 1e-12).mean())

    return float(min(_TEMPERATURES, key=loss))


def rank(row: np.ndarray, intents: Sequence[str]) -> list[int]:
    """The places of the intents, likeliest first; but harm before small talk that is not clearly likelier."""
    best: list[int] = np.argsort(row)[::-1].tolist()
    if intents[best[0]] in _SMALL_TALK:
        harm = next((place for place in best if intents[place] in _HARM), None)
        if harm is not None and row[harm] * _CAUTION >= row[best[0]]:
            best.remove(harm)
            best.insert(0, harm)
    return best


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
        return {"threshold": 0.3, "danger_threshold": 0.3, "C": 0.5, "danger_C": 30.0}

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
            component._reader = Reader(NGrams.load(stored), dict(stored), Encoder())
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
        return intent in _SMALL_TALK and not self._reader.grams.knows_a_word(text)


def _is_danger(example: Message) -> bool:
    """Read `metadata: {danger: true}` of a line, or of the block it stands in."""
    metadata = example.get(METADATA) or {}
    found = {**(metadata.get("intent") or {}), **(metadata.get("example") or {})}
    return found.get("danger") is True
