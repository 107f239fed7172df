"""Sees in a message that help must come first, whatever its concern is."""

from __future__ import annotations

from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.featurizers.featurizer import Featurizer
from rasa.shared.nlu.constants import INTENT, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.sparse import csr_matrix, vstack
from sklearn.linear_model import LogisticRegression

DANGER_INTENT = "imminent_danger"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class DangerClassifier(GraphComponent, IntentClassifier):
    """A second, binary reading of the same features: is this message one of imminent danger?

    Learns from training lines whose block says `metadata: {danger: true}`. When it fires, the
    intent becomes `imminent_danger`, so that one Rasa rule answers in every state and form; what
    the message is about stays readable as `concern`.
    """

    @classmethod
    def required_components(cls) -> list[type]:
        return [Featurizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"threshold": 0.5, "C": 3.0, "max_iter": 200}

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = {**self.get_default_config(), **config}
        self._model_storage = model_storage
        self._resource = resource
        self._weights: np.ndarray = np.zeros(0)
        self._bias = 0.0

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> DangerClassifier:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [e for e in training_data.intent_examples if e.get(TEXT) and e.get(INTENT)]
        labels = np.array([_is_danger(e) for e in examples])
        if labels.any() and not labels.all():
            model = LogisticRegression(
                C=self._config["C"],
                max_iter=self._config["max_iter"],
                class_weight="balanced",
                random_state=42,
            ).fit(vstack([_features(e) for e in examples]), labels)
            self._weights, self._bias = model.coef_[0], float(model.intercept_[0])
        with self._model_storage.write_to(self._resource) as folder:
            # Plain numbers: nothing in a model file of ours can run when it is loaded.
            np.savez(folder / "danger.npz", weights=self._weights, bias=self._bias)
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> DangerClassifier:
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            stored = np.load(folder / "danger.npz", allow_pickle=False)
            component._weights, component._bias = stored["weights"], float(stored["bias"])
        return component

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            intent = message.get(INTENT) or {}
            ranking = message.get("intent_ranking") or []
            # FallbackClassifier puts nlu_fallback first; the concern is the best real reading.
            best = next((i for i in ranking if i.get("name") != "nlu_fallback"), intent)
            message.set("concern", best, add_to_output=True)
            danger = self._probability(message)
            message.set("danger", danger, add_to_output=True)
            if danger >= self._config["threshold"]:
                message.set(INTENT, {"name": DANGER_INTENT, "confidence": danger}, add_to_output=True)
        return messages

    def _probability(self, message: Message) -> float:
        if not self._weights.size:
            return 0.0
        score = _features(message).dot(self._weights)[0] + self._bias
        return float(1.0 / (1.0 + np.exp(-score)))


def _is_danger(example: Message) -> bool:
    """Read `metadata: {danger: true}` of a line, or of the block it stands in."""
    metadata = example.get(METADATA) or {}
    found = {**(metadata.get("intent") or {}), **(metadata.get("example") or {})}
    return found.get("danger") is True


def _features(message: Message) -> csr_matrix:
    sparse = message.get_sparse_features(attribute=TEXT)[1]
    return csr_matrix(sparse.features)
