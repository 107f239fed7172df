"""A log line cannot carry a child's words (SECURITY C2, C3)."""

import io
import logging

import pytest

from bot import log as logs
from bot.log import log, quiet_libraries


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(logs._Sink, "stream", stream)
    return stream


def test_only_known_events_and_fields_pass(written: io.StringIO) -> None:
    log("rasa_ready", seconds=1.5)
    log("rasa_ready", text="қырғұл")
    log("қырғұл")
    log("turn_failed", error="a sentence with қырғұл in it")
    assert "rasa_ready seconds=1.5" in written.getvalue()
    assert "қырғұл" not in written.getvalue()


def test_other_libraries_lose_their_words(written: io.StringIO) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        quiet_libraries(logging.DEBUG)
        logging.getLogger("telegram").critical("Received data was: %r", "қырғұл")
        try:
            raise ValueError("қырғұл")
        except ValueError:
            logging.getLogger("sqlalchemy").exception("қырғұл")
        assert "logger=telegram" in written.getvalue()
        assert "қырғұл" not in written.getvalue()
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(False)
