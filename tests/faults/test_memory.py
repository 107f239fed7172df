"""A minute after Send, nothing that was sent can be read in the bot's own memory (SECURITY C6). Words are invented."""

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path

from referrals.db import make_engine, migrate, session_factory
from referrals.pins import pin
from referrals.settings import load_settings
from tests.conftest import janymda, telegram_settings
from tests.faults.handing_over import Child
from tests.referrals.handovers import Office
from tests.telegram_server import TelegramServer

CHILDREN = 12
# Two rounds of the chores, which let go of what was said, and some time on top.
_LATER = 65.0
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r")


def test_sent_words_are_gone_from_memory_within_a_minute(tmp_path: Path) -> None:
    _open_office(tmp_path)
    words = [f"кырмуз{'абвгдежзикл'[number // 10]}{'абвгдежзик'[number % 10]}дайка" for number in range(CHILDREN)]
    with (
        TelegramServer(seed=5).running() as server,
        janymda(tmp_path, JANYMDA_RASA_TIMEOUT="20", **telegram_settings(server)) as running,
    ):
        for chat, word in enumerate(words, 1):
            Child(server, chat).hand_over(0, f"меня дразнят {word} каждый день")
        # One that has not been sent yet proves that the search finds words at all.
        marker = "кырмузнеотправлено"
        server.write(CHILDREN + 1, marker)
        memory = _readable(running.process.pid)
        assert any(form in memory for form in _forms(marker))
        time.sleep(_LATER)
        memory = _readable(running.process.pid)
        left = [word for word in words if any(form in memory for form in _forms(word))]
        print(f"{len(memory) >> 20} MB of memory, {len(left)} of {CHILDREN} sent words in it")
        assert left == []


def _open_office(folder: Path) -> None:
    settings = load_settings(data_dir=folder / "var")
    engine = make_engine(settings.database_url)
    migrate(engine)
    office = Office(session_factory(engine), settings.database_url)
    organization = office.add("Invented", region=None, at=datetime.now(UTC))
    pin(settings.pins_path, str(organization), office.pins[str(organization)])
    engine.dispose()


def _forms(word: str) -> tuple[bytes, ...]:
    """As Telegram sends it, as Python keeps it, as it lies in files."""
    return (json.dumps(word)[1:-1].encode(), word.encode("utf-16-le"), word.encode("utf-8"))


def _readable(pid: int) -> bytes:
    """Everything that the process can read of its own memory, as a debugger's dump has it."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            mapping = _MAPPING.match(line)
            if mapping is None or "[v" in line:
                continue
            begin, end = (int(part, 16) for part in mapping.groups())
            memory.seek(begin)
            try:
                found.append(memory.read(end - begin))
            except OSError:
                # A part of a file mapping that is not there, or gone in this moment.
                continue
    return b"\x00".join(found)
