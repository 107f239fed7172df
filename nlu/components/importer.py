"""Rasa's own reading of the training lines, once: Rasa reads, copies and hashes them all several times a training."""

from __future__ import annotations

from typing import Any

from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.training_data import loading
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData


class Line(Message):
    """A training line. Nothing in our pipeline changes one, so a copy may be the line itself."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Line:
        return self

    def set(self, prop: str, info: Any, add_to_output: bool = False) -> None:
        """Set a property; its fingerprint is forgotten only when something changes."""
        if add_to_output or self.get(prop) != info:
            super().set(prop, info, add_to_output)


class LineImporter(RasaFileImporter):
    """Reads the lines when they are first asked for, and remembers them."""

    def __init__(
        self,
        config_file: str | None = None,
        domain_path: str | None = None,
        training_data_paths: list[str] | str | None = None,
    ) -> None:
        super().__init__(config_file, domain_path, training_data_paths)
        self._lines: TrainingData | None = None

    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        if self._lines is None:
            files = [loading.load_data(path, language or "en") for path in self._nlu_files]
            for file in files:
                file.training_examples = [
                    Line(line.data, line.output_properties, line.time, line.features) for line in file.training_examples
                ]
            self._lines = TrainingData().merge(*files)
        return self._lines
