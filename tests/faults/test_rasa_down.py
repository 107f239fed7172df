"""Rasa dead, hung, silent or talking rubbish: the child gets the help card (SECURITY R5, D4)."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import PageChild, Running, free_port, janymda, keys

CARD_SECONDS = 3.0
_GOOD = {
    "messages": [{"reply": "greeted"}],
    "slots": {},
    "form": None,
    "nlu": {"intent": "greet", "concern": "greet", "confidence": 0.9, "danger": 0.0},
}


class FalseRasa:
    """Something on Rasa's port that behaves as it is told."""

    def __init__(self) -> None:
        self.behaviour = "good"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments: object) -> None:
                """Nothing."""

            def do_GET(self) -> None:
                self._answer(200, b'{"status": "ok"}')

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                if outer.behaviour == "hang":
                    time.sleep(8)
                answers = {
                    "empty": (200, b"[]"),
                    "no replies": (200, json.dumps({**_GOOD, "messages": []}).encode()),
                    "error": (500, b""),
                    "garbage": (200, b"\xff\xfe<html>not json"),
                    "null": (200, b"null"),
                    "unknown key": (
                        200,
                        json.dumps({**_GOOD, "messages": [{"reply": "no_such_key"}]}).encode(),
                    ),
                }
                self._answer(*answers.get(outer.behaviour, (200, json.dumps(_GOOD).encode())))

            def _answer(self, status: int, body: bytes) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # The bot has stopped waiting.

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator["FalseRasa"]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        yield self
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def rasa() -> Iterator[FalseRasa]:
    with FalseRasa().running() as server:
        yield server


@pytest.fixture(scope="module")
def bot(rasa: FalseRasa, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("rasa_down")
    with janymda(folder, JANYMDA_RASA_URL=rasa.url) as running:
        yield running


def _recovered(child: PageChild) -> bool:
    """Does the dialogue answer again within ten seconds of its return?"""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if child.write("привет как дела у тебя") == ["greeted"]:
            return True
        time.sleep(0.3)
    return False


@pytest.mark.parametrize("behaviour", ["empty", "no replies", "error", "garbage", "null", "unknown key", "hang"])
@pytest.mark.parametrize(("text", "word"), [("мне очень плохо помоги", "звони"), ("маған қазір өте қиын", "қоңырау")])
def test_whatever_rasa_does_the_help_card_comes_in_the_right_language(
    rasa: FalseRasa, bot: Running, behaviour: str, text: str, word: str
) -> None:
    child = bot.page()
    rasa.behaviour = behaviour
    # The page itself gives up after this long: an answer that came is an answer in time.
    child.http.timeout = CARD_SECONDS
    answer = child.send(text=text)
    assert set(keys(answer)) == {"help_card"}
    words = " ".join(m["text"] for m in answer["messages"]).lower()
    assert word in words
    assert all(number in words for number in ("102", "112", "150", "111"))
    rasa.behaviour = "good"
    assert _recovered(child)


@pytest.mark.parametrize("text", ["я хочу умереть", "менің өлгім келеді"])
def test_danger_is_answered_while_rasa_hangs(rasa: FalseRasa, bot: Running, text: str) -> None:
    child = bot.page()
    rasa.behaviour = "hang"
    child.http.timeout = 1.0
    assert keys(child.send(text=text)) == ["danger_suicide"]
    rasa.behaviour = "good"


def test_the_child_goes_on_at_the_same_step_after_rasa_failed(rasa: FalseRasa, bot: Running) -> None:
    child = bot.page()
    assert child.write("привет как дела у тебя") == ["greeted"]
    rasa.behaviour = "error"
    child.write("алло ты тут вообще")
    rasa.behaviour = "good"
    assert _recovered(child)


def test_danger_is_answered_with_no_rasa_at_all_and_no_database(tmp_path: Path) -> None:
    """Nothing on Rasa's port, and the database's folder gone from under the bot."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    with janymda(tmp_path, dialogue=False, JANYMDA_RASA_URL=nowhere) as running:
        child = running.page()
        database = tmp_path / "var" / "janymda.db"
        for path in (database, Path(f"{database}-wal"), Path(f"{database}-shm")):
            path.unlink(missing_ok=True)
        database.mkdir()
        for text, key in (
            ("меня сейчас бьют помогите", "danger_attack"),
            ("өлгім келіп тұр", "danger_suicide"),
        ):
            assert keys(child.send(text=text)) == [key]
        assert keys(child.send(text="мне грустно и одиноко")) == ["help_card"]


def test_rasa_restarted_in_the_middle_is_not_noticed(live: Running) -> None:
    """Kill the real Rasa between two messages: the supervisor brings it back, the step is kept."""
    import psutil

    child = live.page()
    child.send(text="где найти кризисный центр в моём городе")
    child.send(button="!ru")
    rasa = next(p for p in psutil.Process(live.process.pid).children(recursive=True) if "rasa" in " ".join(p.cmdline()))
    rasa.kill()
    assert set(child.write("Шымкент, Шымкент")) & {"help_card", "ask_age_band"}
    end = time.monotonic() + 60
    while time.monotonic() < end:
        said = child.write("в Шымкенте")
        if "help_card" not in said:
            break
        time.sleep(0.5)
    assert said[-1] in ("ask_age_band", "no_services_here")
