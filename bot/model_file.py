"""The trained model: made when its inputs changed, refused when it is not the one that was made."""

import hashlib
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bot.rasa_process import MODEL, NLU, RASA, RasaLink, RasaMissing, environment

ENCODER = NLU / "encoder"
RECORD = MODEL.with_suffix("").with_suffix(".json")
_INPUTS = ("config.yml", "domain", "data", "components", "encoder")
_CODE = ("components",)
_KINDS = (".yml", ".py", ".onnx", ".json", ".tsv")
_KEPT_LINES = 15


class TrainingFailed(Exception):
    """Rasa could not train; the message carries its last lines (they quote training data only)."""


def inputs_digest(nlu: Path = NLU, names: tuple[str, ...] = _INPUTS) -> str:
    """One number for everything that a model is made from, or for a part of it."""
    digest = hashlib.sha256()
    for name in names:
        place = nlu / name
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for path in files:
            if path.is_file() and path.suffix in _KINDS:
                digest.update(str(path.relative_to(nlu)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def model_digest(model: Path = MODEL) -> str:
    return hashlib.sha256(model.read_bytes()).hexdigest()


def encoder_digest(folder: Path = ENCODER) -> str:
    """Of the encoder that Rasa loads beside the model."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".onnx", ".json", ".tsv"):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def is_current(model: Path = MODEL, record: Path = RECORD) -> bool:
    """Is there a model, made from the inputs as they are now?"""
    if not model.exists() or not record.exists():
        return False
    return bool(json.loads(record.read_text())["inputs"] == inputs_digest())


def check_model(model: Path = MODEL, record: Path = RECORD, encoder: Path = ENCODER) -> None:
    """Refuse a model that is missing, a link, or not bit for bit the one that training wrote; its encoder alike."""
    if not model.exists() or not record.exists():
        raise RasaMissing(f"{model.name} is missing. Run: make setup")
    known = json.loads(record.read_text())
    if encoder_digest(encoder) != known.get("encoder"):
        raise RasaMissing("nlu/encoder is not the one that the model was trained beside. Run: janymda train --force")
    if model.is_symlink() or model_digest(model) != known["model"]:
        raise RasaMissing(f"{model.name} is not the model that was trained here. Run: janymda train --force")


def training_command(*, force: bool, record: Path = RECORD) -> list[str]:
    """How Rasa is called; with nothing taken from its cache when our code reads the lines otherwise since then.

    Rasa knows that a line or a setting changed, not that a module did which a component imports.
    """
    code = json.loads(record.read_text()).get("code") if record.exists() else None
    anew = force or code != inputs_digest(names=_CODE)
    return [
        str(RASA), "train", "--domain", "domain", "--data", "data", "--out", "models", "--fixed-model-name", "janymda",
        # It takes some twenty seconds; tests/nlu/test_training_files.py validates them.
        "--skip-validation",
        *(["--force"] if anew else []),
    ]  # fmt: skip


def train(say: Callable[[str], None], *, force: bool = False) -> bool:
    """Train when the inputs changed; True when it did. Raises TrainingFailed or RasaMissing."""
    if is_current() and not force:
        return False
    if not RASA.exists():
        raise RasaMissing("The environment of the dialogue engine is missing. Run: make setup")
    digest, code, started = inputs_digest(), inputs_digest(names=_CODE), time.monotonic()
    say("Training the dialogue model (one to three minutes, only when its data changed) …")
    lines: list[str] = []
    with subprocess.Popen(
        training_command(force=force),
        cwd=NLU,
        env=environment(RasaLink(0, "", "")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None  # asked for as a pipe
        for line in process.stdout:
            lines = [*lines[-_KEPT_LINES:], line.rstrip()]
            if "Starting to train component" in line:
                part = line.split("'")[1].rsplit(".", 1)[-1]
                say(f"  {time.monotonic() - started:4.0f} s  {part}")
    if process.returncode != 0 or not MODEL.exists():
        raise TrainingFailed("Rasa could not train:\n" + "\n".join(lines))
    made = {"inputs": digest, "code": code, "model": model_digest(), "encoder": encoder_digest()}
    RECORD.write_text(json.dumps(made) + "\n")
    megabytes = MODEL.stat().st_size / 1e6
    say(f"  trained in {time.monotonic() - started:.0f} s, {megabytes:.1f} MB")
    return True
