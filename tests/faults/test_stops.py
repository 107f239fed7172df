"""The bot dies at each numbered step between "Send" and "received" (SECURITY D2): nothing lost, doubled or readable."""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import janymda, start, wait_until_talking
from tests.faults.handing_over import CANARY, Child, check_cases, killed_environment, one_office
from tests.postgres import server
from tests.telegram_server import TelegramServer

# The acceptance test is STOPS_ROUNDS=20 STOPS_EVERY=1: some eight minutes a round, all of its fifty to seventy steps.
ROUNDS, EVERY = int(os.environ.get("STOPS_ROUNDS", "1")), int(os.environ.get("STOPS_EVERY", "5"))
LEAST, MOST = 10, 200
# The last steps come after the child has its answer; no step for so many seconds, and they are done.
QUIET = 3.0


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The database of the bot that dies; for SQLite its own file."""
    (tmp_path / "killed").mkdir()
    if request.param == "sqlite":
        yield ""
    else:
        with server(tmp_path / "killed") as postgres:
            yield postgres.database()


@pytest.mark.timeout(900 * ROUNDS)
def test_a_death_at_any_step_after_send_loses_and_doubles_nothing(tmp_path: Path, url: str) -> None:
    (tmp_path / "keeper").mkdir()
    order = tmp_path / "order"
    with janymda(tmp_path / "keeper") as keeper, TelegramServer(seed=6).running() as telegram:
        env = {**killed_environment(keeper, tmp_path / "killed", telegram), "STOPS_AT": str(order)}
        env |= {"JANYMDA_DATABASE_URL": url} if url else {}
        office = one_office(tmp_path / "killed", url)
        bot = _Bot(env, tmp_path / "killed")
        shown: list[str] = []
        died: list[str] = []
        for _ in range(ROUNDS):
            for step in range(1, MOST, EVERY):
                child = Child(telegram, len(shown) + 1)
                child.prepare(0)
                order.write_text(str(step))
                shown.append(child.send(meanwhile=bot.revive))
                bot.finish(order.with_suffix(".done"))
                told = order.rename(tmp_path / "told").read_text()
                bot.revive()
                if told.isdigit():  # "Received" came before the step did: all steps are done.
                    break
                died.append(told)
                print(f"step {step}: {told}")
        bot.stop()
        assert len(died) >= LEAST * ROUNDS
        said = Counter(m.text for m in telegram.messages if m.mine and m.text.startswith("Готово"))
        print(f"{len(shown)} hand-overs, {bot.deaths} deaths, said {sum(said.values())} times")
        assert bot.deaths >= len(died)
        wanted = {f"{CANARY} {chat}-0" for chat in range(1, len(shown) + 1)}
        check_cases(office, tmp_path / "killed", shown, wanted, sample=10)
        assert len(set(shown)) == len(shown)


class _Bot:
    """The bot that dies when told to; started again as a service manager does."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.env, self.folder, self.deaths = env, folder, 0
        self._start()

    def _start(self) -> None:
        self.process = start(self.env, self.folder, sys.executable, "-m", "tests.faults.stops_at", "run")
        wait_until_talking(int(self.env["JANYMDA_PORT"]), self.process, dialogue=False)

    def revive(self) -> None:
        if self.process.poll() is not None:
            assert self.process.returncode == -signal.SIGKILL
            self.deaths += 1
            self._start()

    def finish(self, done: Path) -> None:
        """Return when the bot died or made no step for a while."""
        seen, since = "", time.monotonic()
        while self.process.poll() is None and time.monotonic() - since < QUIET:
            now = done.read_text() if done.exists() else ""
            if now != seen:
                seen, since = now, time.monotonic()
            time.sleep(0.05)

    def stop(self) -> None:
        time.sleep(1)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
