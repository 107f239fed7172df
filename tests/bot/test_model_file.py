"""When the model is trained from nothing, and when from what Rasa kept (bot/model_file.py)."""

import json
from pathlib import Path

from bot.model_file import inputs_digest, training_command


def test_code_that_reads_lines_otherwise_trains_from_nothing(tmp_path: Path) -> None:
    record = tmp_path / "janymda.json"
    assert "--force" in training_command(force=False, record=record)
    record.write_text(json.dumps({"code": inputs_digest(names=("components",))}))
    assert "--force" not in training_command(force=False, record=record)
    assert "--force" in training_command(force=True, record=record)
    record.write_text(json.dumps({"code": "of another day"}))
    assert "--force" in training_command(force=False, record=record)


def test_a_changed_module_changes_the_code_alone(tmp_path: Path) -> None:
    (tmp_path / "components").mkdir()
    (tmp_path / "data").mkdir()
    module, lines = tmp_path / "components" / "folding.py", tmp_path / "data" / "lines.yml"
    module.write_text("1")
    lines.write_text("1")

    def digests() -> tuple[str, str]:
        return inputs_digest(tmp_path, ("components",)), inputs_digest(tmp_path, ("components", "data"))

    code, everything = digests()
    lines.write_text("2")
    assert digests()[0] == code
    assert digests()[1] != everything
    module.write_text("2")
    assert digests()[0] != code
