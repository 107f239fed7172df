"""Two hundred hand-overs while the bot is killed fifty times (SECURITY D1, D3): none lost, doubled or readable."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import janymda, start, wait_until_talking
from tests.faults.handing_over import CANARY, Child, check_cases, killed_environment, one_office
from tests.postgres import server
from tests.telegram_server import TelegramServer


@dataclass(frozen=True)
class Size:
    """How many children hand over how often, while the bot is killed so many times."""

    children: int
    each: int
    kills: int


# The acceptance test on the database that Janymda comes with; a fifth of it on the other, all of it with KILLS_WHOLE=1.
WHOLE = Size(20, 10, 50)
SIZES = {"sqlite": WHOLE, "postgresql": WHOLE if os.environ.get("KILLS_WHOLE") else Size(10, 4, 10)}


@pytest.fixture(params=list(SIZES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Size, str]]:
    """The size, and the database of the bot that is killed: for SQLite its own file."""
    (tmp_path / "killed").mkdir()
    if request.param == "sqlite":
        yield SIZES[request.param], ""
    else:
        with server(tmp_path / "killed") as postgres:
            yield SIZES[request.param], postgres.database()


# Fifty starts alone take ten minutes and more where the machine is slow.
@pytest.mark.timeout(2400)
def test_kills_lose_no_hand_over_and_double_none(tmp_path: Path, place: tuple[Size, str]) -> None:
    size, url = place
    (tmp_path / "keeper").mkdir()
    with janymda(tmp_path / "keeper") as keeper, TelegramServer(seed=5).running() as telegram:
        env = killed_environment(keeper, tmp_path / "killed", telegram)
        env |= {"JANYMDA_DATABASE_URL": url} if url else {}
        office = one_office(tmp_path / "killed", url)
        # The keeper answers Rasa's calls: it looks for organisations in the same database.
        stop = threading.Event()
        killer = threading.Thread(target=_kill, args=(env, tmp_path / "killed", stop, size.kills))
        killer.start()
        try:
            with ThreadPoolExecutor(size.children) as pool:
                made = list(pool.map(lambda chat: _hand_overs(telegram, chat, size.each), range(1, size.children + 1)))
        finally:
            stop.set()
            killer.join()
        shown = [receipt for receipts_ in made for receipt in receipts_]
        # Nothing was said twice either: every hand-over took the same way.
        said = Counter(m.text for m in telegram.messages if m.mine and m.text.startswith("Готово"))
        assert sum(said.values()) == size.children * size.each
        assert len(set(shown)) == size.children * size.each
        wanted = {f"{CANARY} {chat}-{number}" for chat in range(1, size.children + 1) for number in range(size.each)}
        check_cases(office, tmp_path / "killed", shown, wanted, sample=20)


def _hand_overs(telegram: TelegramServer, chat: int, each: int) -> list[str]:
    child = Child(telegram, chat)
    return [child.hand_over(number) for number in range(each)]


def _kill(env: dict[str, str], folder: Path, stop: threading.Event, kills: int) -> None:
    chance = random.Random(20_261_124)
    port = int(env["JANYMDA_PORT"])
    for _ in range(kills):
        process = start(env, folder)
        wait_until_talking(port, process, dialogue=False)
        time.sleep(chance.uniform(0.3, 4.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    process = start(env, folder)
    stop.wait()
    # A Ctrl-C while Python still imports may be swallowed by the import machinery itself.
    wait_until_talking(port, process, dialogue=False)
    process.send_signal(signal.SIGINT)
    process.wait(20)
