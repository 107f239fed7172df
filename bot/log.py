"""The only way to log: named events with values that cannot carry a child's words."""

import logging
import sys
import time
from collections.abc import Callable
from enum import Enum
from typing import TextIO

# The names of every event and field there is. What is not listed is dropped and counted.
EVENTS = frozenset(
    (
        "started",
        "stopped",
        "rasa_started",
        "rasa_stopped",
        "rasa_ready",
        "rasa_hung",
        "polling",
        "webhook_refused",
        "update_failed",
        "update_quarantined",
        "turn_failed",
        "turn_degraded",
        "action_failed",
        "dialogue_failed",
        "delivery_failed",
        "delivery_retried",
        "delivery_given_up",
        "commit_failed",
        "seeded",
        "migrated",
        "left_group",
        "fetch_failed",
        "foreign_library",
        "dropped_field",
        "breaker_open",
        "breaker_closed",
        "web_refused",
        "chore_failed",
        "console_stopped",
        "notice_failed",
        "seal_broken",
    )
)
FIELDS = frozenset(
    (
        "action",
        "error",
        "count",
        "status",
        "port",
        "seconds",
        "place",
        "kind",
        "level",
        "logger",
        "attempt",
        "pid",
        "bytes",
    )
)
_LONGEST = 60


class _Sink:
    """Where lines go, and how many values were refused."""

    stream: TextIO = sys.stderr
    dropped: int = 0


def log(event: str, **fields: object) -> None:
    """Write one line: time, event and fields. Only known names pass, and only short plain values."""
    if event not in EVENTS:
        _Sink.dropped += 1
        event = "dropped_field"
    parts = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), event]
    for name, value in fields.items():
        shown = _plain(value)
        if name in FIELDS and shown is not None:
            parts.append(f"{name}={shown}")
        else:
            _Sink.dropped += 1
    print(" ".join(parts), file=_Sink.stream, flush=True)


def _plain(value: object) -> str | None:
    """Numbers, truth values, enumerations and identifiers; anything else is not for a log."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool | int | float):
        return str(round(value, 3))
    if isinstance(value, str) and len(value) <= _LONGEST and value.isascii():
        return value if value.replace("_", "").replace(".", "").replace(":", "").isalnum() else None
    return None


class _ForeignHandler(logging.Handler):
    """Lines of other libraries: who, how bad and where, never what.

    python-telegram-bot, httpx and SQLAlchemy quote texts, tokens and bound values in theirs.
    """

    def emit(self, record: logging.LogRecord) -> None:
        log(
            "foreign_library",
            logger=record.name[:_LONGEST],
            level=record.levelname,
            place=f"{record.module}:{record.lineno}",
        )


def quiet_libraries(level: int = logging.WARNING) -> None:
    """Let every other library log through a handler that drops the words."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(_ForeignHandler())
    root.setLevel(level)
    logging.captureWarnings(True)
    sys.excepthook = _on_crash


def _on_crash(kind: type[BaseException], error: BaseException, trace: object) -> None:
    log("stopped", error=kind.__name__)


def hooks() -> Callable[..., None]:
    """The crash hook, for tests that show that a crash prints no words."""
    return _on_crash
