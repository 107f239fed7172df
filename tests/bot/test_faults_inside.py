"""Whatever breaks inside, the child is answered with help and nothing of its words gets out (SECURITY C2). Invented."""

import asyncio
import errno
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import IntegrityError, OperationalError

from bot import log as logs
from bot.cards import HELP_CARD
from bot.dialogue import DialogueFailed
from bot.messages import Incoming, Kind
from bot.turn import Turn
from referrals.crypto import SealBroken
from tests.bot.test_second_person import CHILD, Listener, _turn
from tests.referrals.handovers import NOW, Office, office

WORDS = "меня дразнят кырмуздайкой"


class _Strict(BaseModel):
    number: int


def _invalid() -> ValidationError:
    try:
        _Strict.model_validate({"number": WORDS})
    except ValidationError as error:
        return error
    raise AssertionError


FAULTS = {
    "rasa is down": ("tests.bot.test_second_person.Listener.converse", DialogueFailed(WORDS)),
    "rasa's client breaks": ("tests.bot.test_second_person.Listener.converse", RuntimeError(WORDS)),
    "unique violation": ("bot.turn.storage.save_state", IntegrityError("INSERT", {"text": WORDS}, Exception(WORDS))),
    "database locked": ("bot.turn.storage.load_state", OperationalError("SELECT", {"text": WORDS}, Exception(WORDS))),
    "disk full": ("bot.turn.storage.mark_done", OSError(errno.ENOSPC, WORDS)),
    "validation": ("bot.decide.Decision._take", _invalid()),
    "template": ("bot.voice.Voice.say", KeyError(WORDS)),
    "sealing": ("referrals.crypto.Sealer.seal", SealBroken(WORDS)),
    "guard": ("bot.decide.find_danger", RecursionError(WORDS)),
    "memory": ("bot.decide.mask", MemoryError(WORDS)),
    "encoding": ("bot.decide.normalise", UnicodeEncodeError("utf-8", WORDS, 0, 1, WORDS)),
    "language": ("bot.decide.is_foreign", ValueError(WORDS)),
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    monkeypatch.setattr(logs._Sink, "stream", stream)
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def _break(monkeypatch: pytest.MonkeyPatch, place: str, error: Exception) -> None:
    """Once: what is tried again afterwards works."""
    owner, _, name = place.rpartition(".")
    target = resolve_name(_with_colon(owner))
    sound, broken = getattr(target, name), []

    def once(*given: Any, **named: Any) -> Any:
        if not broken:
            broken.append(True)
            raise error
        return sound(*given, **named)

    monkeypatch.setattr(target, name, once)


def _with_colon(owner: str) -> str:
    """`bot.turn.Turn` as pkgutil wants it."""
    parts = owner.split(".")
    modules = [part for part in parts if part[0].islower()]
    names = parts[len(modules) :]
    return ".".join(modules) + (":" + ".".join(names) if names else "")


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_help_for_the_child_and_one_line_without_its_words(
    house: Office, monkeypatch: pytest.MonkeyPatch, written: io.StringIO, capfd: pytest.CaptureFixture[str], fault: str
) -> None:
    place, error = FAULTS[fault]
    turn: Turn = _turn(house, Listener(), NOW)
    _break(monkeypatch, place, error)
    answer = asyncio.run(turn.handle(Incoming(CHILD, "1", Kind.TEXT, f"{WORDS} в школе")))
    assert HELP_CARD["reply"] in [message.key for message in answer.messages]
    assert any(message.text for message in answer.messages)
    out = written.getvalue() + "".join(capfd.readouterr())
    assert "кырмуздай" not in out
    if not isinstance(error, DialogueFailed):
        # Its type and what was being done, once.
        assert out.count(f"error={type(error).__name__}") == 1, out
    # The next message is answered as if nothing had been.
    again = asyncio.run(turn.handle(Incoming(CHILD, "2", Kind.TEXT, "привет")))
    assert again.messages
