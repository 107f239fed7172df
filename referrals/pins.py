"""Fingerprints of organisations' keys, kept outside the database: who can write there cannot swap a key."""

import json
import os
from collections.abc import Mapping
from pathlib import Path


class PinsUnreadable(Exception):
    """The file of pins is there and is not what it should be."""


def read_pins(path: Path) -> Mapping[str, str]:
    """Organisation id to fingerprint; empty when nothing is pinned yet. Raises PinsUnreadable."""
    try:
        pins = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise PinsUnreadable(f"{path} cannot be read; restore it from its backup") from None
    if not isinstance(pins, dict) or not all(isinstance(v, str) for v in pins.values()):
        raise PinsUnreadable(f"{path} does not hold fingerprints by organisation")
    return pins


def pin(path: Path, organization_id: str, fingerprint: str) -> None:
    """Pin a key, as heard from the organisation itself; replaces an older pin."""
    pins = {**read_pins(path), organization_id: fingerprint}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(pins, file, indent=1, sort_keys=True)
    beside.replace(path)
