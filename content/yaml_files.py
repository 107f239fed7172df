"""The one way in which our YAML files are read."""

from pathlib import Path
from typing import Any

import yaml

# The parser in C is ten times as fast, and 650 kB are read at every start; both read alike.
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """A file's content, as plain values; raises OSError or yaml.YAMLError."""
    return yaml.load(path.read_text("utf-8"), Loader=_LOADER)  # noqa: S506 # safe loaders, both
