"""Two hundred hand-overs while the bot is killed fifty times (SECURITY D1, D3): none lost, doubled or readable."""

import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import janymda, start, wait_until_talking
from tests.faults.handing_over import CANARY, Child, check_cases, killed_environment, one_office
from tests.telegram_server import TelegramServer

CHILDREN, EACH, KILLS = 20, 10, 50


def test_fifty_kills_lose_no_hand_over_and_double_none(tmp_path: Path) -> None:
    for name in ("keeper", "killed"):
        (tmp_path / name).mkdir()
    with janymda(tmp_path / "keeper") as keeper, TelegramServer(seed=5).running() as server:
        env = killed_environment(keeper, tmp_path / "killed", server)
        office = one_office(tmp_path / "killed")
        # The keeper answers Rasa's calls: it looks for organisations in the same database.
        stop = threading.Event()
        killer = threading.Thread(target=_kill, args=(env, tmp_path / "killed", stop))
        killer.start()
        try:
            with ThreadPoolExecutor(CHILDREN) as pool:
                made = list(pool.map(lambda chat: _hand_overs(server, chat), range(1, CHILDREN + 1)))
        finally:
            stop.set()
            killer.join()
        shown = [receipt for receipts_ in made for receipt in receipts_]
        # Nothing was said twice either: every hand-over took the same way.
        said = Counter(m.text for m in server.messages if m.mine and m.text.startswith("Готово"))
        assert sum(said.values()) == CHILDREN * EACH
        assert len(set(shown)) == CHILDREN * EACH
        wanted = {f"{CANARY} {chat}-{number}" for chat in range(1, CHILDREN + 1) for number in range(EACH)}
        check_cases(office, tmp_path / "killed", shown, wanted, sample=20)


def _hand_overs(server: TelegramServer, chat: int) -> list[str]:
    child = Child(server, chat)
    return [child.hand_over(number) for number in range(EACH)]


def _kill(env: dict[str, str], folder: Path, stop: threading.Event) -> None:
    chance = random.Random(20_261_124)
    port = int(env["JANYMDA_PORT"])
    for _ in range(KILLS):
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
