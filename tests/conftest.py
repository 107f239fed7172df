"""What many tests share: a Janymda that really runs, with a really trained Rasa, and its children."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.telegram_server import TOKEN, TelegramServer

ROOT = Path(__file__).resolve().parent.parent
JANYMDA = ROOT / ".venv" / "bin" / "janymda"
START_SECONDS = 120.0
_TEMPORARY = "PYTEST_DEBUG_TEMPROOT"


def pytest_configure() -> None:
    """Each run keeps its files in a root of its own.

    Pytest closes the root that runs share (mode 700) whenever one starts; a PostgreSQL server of another run, which
    is not root, then finds its own files no more and dies.
    """
    os.environ.setdefault(_TEMPORARY, tempfile.mkdtemp(prefix="janymda-tests-"))


def pytest_sessionfinish(exitstatus: int) -> None:
    """What passed leaves nothing behind."""
    if exitstatus == 0 and "janymda-tests-" in os.environ[_TEMPORARY]:
        shutil.rmtree(os.environ[_TEMPORARY], ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A Janymda process, its place and its output."""

    process: subprocess.Popen[bytes]
    port: int
    rasa_port: int
    folder: Path
    env: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> bytes:
        return (self.folder / "output.log").read_bytes()

    def page(self) -> "PageChild":
        return PageChild(self.url)


def environment(folder: Path, port: int, rasa_port: int, **more: str) -> dict[str, str]:
    """The environment of a test's Janymda: nothing of the machine's own settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JANYMDA_", "TELEGRAM_"))}
    return {
        **kept,
        "JANYMDA_DATA_DIR": str(folder / "var"),
        "JANYMDA_PORT": str(port),
        "JANYMDA_RASA_PORT": str(rasa_port),
        "JANYMDA_CONSOLE_PORT": str(free_port()),
        # Few tests look at the staff console; those that do turn it on.
        "JANYMDA_CONSOLE": "0",
        **more,
    }


def start(env: dict[str, str], folder: Path, *command: str) -> subprocess.Popen[bytes]:
    """`janymda run`, or another command, with its output in a file."""
    with (folder / "output.log").open("ab") as output:
        return subprocess.Popen(command or (str(JANYMDA), "run"), cwd=ROOT, env=env, stdout=output, stderr=output)


def wait_until_talking(port: int, process: subprocess.Popen[bytes], *, dialogue: bool) -> None:
    """Wait until the page answers, and Rasa behind it when asked."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "janymda run ended by itself"
        try:
            health = httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).json()
            if health["dialogue"] or not dialogue:
                return
        except (httpx.HTTPError, ValueError):
            pass
        time.sleep(0.1)
    raise AssertionError("janymda run does not talk")


@contextmanager
def janymda(folder: Path, *, dialogue: bool = True, **more: str) -> Iterator[Running]:
    """A running Janymda while the block runs; stopped by SIGINT, as Ctrl-C does."""
    port, rasa_port = free_port(), free_port()
    env = environment(folder, port, rasa_port, **more)
    process = start(env, folder)
    try:
        wait_until_talking(port, process, dialogue=dialogue)
        yield Running(process, port, rasa_port, folder, env)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def telegram_settings(server: TelegramServer) -> dict[str, str]:
    return {"TELEGRAM_BOT_TOKEN": TOKEN, "JANYMDA_TELEGRAM_API": server.url}


@pytest.fixture(scope="session")
def telegram() -> Iterator[TelegramServer]:
    """The Telegram that the session's Janymda talks to."""
    with TelegramServer().running() as server:
        yield server


@pytest.fixture(scope="session")
def live(telegram: TelegramServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One whole Janymda for all tests that only talk: Telegram, chat page and trained Rasa."""
    folder = tmp_path_factory.mktemp("live")
    # What is said is looked at here, not how fast: a busy machine must not turn answers into help cards.
    with janymda(folder, JANYMDA_RASA_TIMEOUT="20", **telegram_settings(telegram)) as running:
        yield running


class PageChild:
    """A child on the chat page."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30)
        self.http.get("/chat").raise_for_status()
        self.buttons: list[dict[str, str]] = []
        self._count = 0
        self._name = uuid4().hex

    def send(self, **body: Any) -> dict[str, Any]:
        self._count += 1
        identity = f"{self._name}-{self._count:08d}"
        response = self.http.post("/chat/message", content=json.dumps({"id": identity, **body}))
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        for message in answer["messages"]:
            if message["buttons"]:
                self.buttons = message["buttons"]
        return answer

    def write(self, text: str) -> list[str]:
        return keys(self.send(text=text))

    def press(self, label: str) -> list[str]:
        token = next(b["token"] for b in self.buttons if b["label"] == label)
        return keys(self.send(button=token))

    def close(self) -> None:
        self.http.close()


def keys(answer: dict[str, Any]) -> list[str]:
    """The reply keys of an answer, each once, in order."""
    found: list[str] = []
    for message in answer["messages"]:
        if not found or found[-1] != message["key"]:
            found.append(message["key"])
    return found
