"""Killed at any moment, nothing is lost and nobody is answered twice (SECURITY D1, with messages)."""

import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import (
    Running,
    environment,
    free_port,
    janymda,
    start,
    telegram_settings,
    wait_until_talking,
)
from tests.telegram_server import TelegramServer

CHATS, MESSAGES_EACH, KILLS = 20, 10, 50
# Every child says the same, so that a run without kills tells what must be answered. It goes through
# forms, the guard, commands and small talk; what is said depends on everything that was said before.
SCRIPT = (
    "меня травят одноклассники в школе",
    "да",
    "где есть кризисный центр",
    "Шымкентте",
    "13",
    "/help",
    "хочу умереть",
    "спасибо",
    "/language",
    "пока",
)


def _write_all(server: TelegramServer, chats: range, pause: float) -> None:
    """Each child writes its next message some time after the last, whether answered or not."""
    for text in SCRIPT:
        for chat in chats:
            server.write(chat, text)
            time.sleep(pause)


def _answers(server: TelegramServer, chat: int) -> list[tuple[str, str]]:
    return [(m.text, m.contact) for m in server.said(chat)]


@contextmanager
def _one_rasa_two_bots(folder: Path) -> Iterator[Running]:
    """A Janymda whose Rasa outlives the bot that is killed."""
    with janymda(folder) as running:
        yield running


def test_fifty_kills_lose_nothing_and_answer_nobody_twice(tmp_path: Path) -> None:
    (tmp_path / "keeper").mkdir()
    (tmp_path / "killed").mkdir()
    with _one_rasa_two_bots(tmp_path / "keeper") as keeper:
        expected = _expected(keeper, tmp_path)
        with TelegramServer(seed=2).running() as server:
            _run_with_kills(keeper, tmp_path / "killed", server)
            wrong = {chat: _answers(server, chat) for chat in range(1, CHATS + 1) if _answers(server, chat) != expected}
            for chat, said in wrong.items():
                place = next(i for i, (a, b) in enumerate(zip(said, expected, strict=False)) if a != b)
                print(f"chat {chat}, message {place}: {said[place]} instead of {expected[place]}")
            lost = sum(max(0, len(expected) - len(a)) for a in wrong.values())
            doubled = sum(max(0, len(a) - len(expected)) for a in wrong.values())
            print(f"{CHATS * MESSAGES_EACH} messages, {KILLS} kills: {lost} lost, {doubled} doubled")
            assert wrong == {}
            assert server.violations == []


def _settings(keeper: Running, server: TelegramServer) -> dict[str, str]:
    """Another bot on the keeper's Rasa; its actions are answered by the keeper, which lives on."""
    secrets = Path(keeper.env["JANYMDA_DATA_DIR"]) / "secrets"
    return {
        **telegram_settings(server),
        "JANYMDA_RASA_URL": f"http://127.0.0.1:{keeper.rasa_port}",
        # This is about loss, not about speed: a slow machine must not turn answers into help cards.
        "JANYMDA_RASA_TIMEOUT": "20",
        "JANYMDA_ACTIONS_TOKEN": (secrets / "actions_token").read_text(),
    }


def _expected(keeper: Running, folder: Path) -> list[tuple[str, str]]:
    """What one child is answered when nobody is killed."""
    calm = folder / "calm"
    calm.mkdir()
    with (
        TelegramServer(seed=1).running() as server,
        janymda(calm, **_settings(keeper, server)),
    ):
        for text in SCRIPT:
            number = server.write(1, text)
            server.wait_for(lambda n=number: all(u["update_id"] != n for u in server.waiting))
        return list(_settled(server, range(1, 2))[1])


def _settled(server: TelegramServer, chats: range) -> dict[int, list[tuple[str, str]]]:
    """What was said, once nothing more has come for a while."""
    before: dict[int, list[tuple[str, str]]] = {}
    quiet = 0
    while quiet < 8:
        now = {chat: _answers(server, chat) for chat in chats}
        quiet = quiet + 1 if now == before and server.all_confirmed() else 0
        before = now
        time.sleep(0.5)
    return before


def _run_with_kills(keeper: Running, folder: Path, server: TelegramServer) -> None:
    chance = random.Random(20_261_123)
    port = free_port()
    env = environment(folder, port, free_port(), **_settings(keeper, server))
    writer = threading.Thread(target=_write_all, args=(server, range(1, CHATS + 1), 0.25))
    writer.start()
    for _ in range(KILLS):
        process = start(env, folder)
        wait_until_talking(port, process, dialogue=False)
        time.sleep(chance.uniform(0.05, 1.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
    writer.join()
    process = start(env, folder)
    try:
        wait_until_talking(port, process, dialogue=True)
        _settled(server, range(1, CHATS + 1))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_broken_line_neither_loses_nor_doubles(tmp_path: Path, fault: str) -> None:
    """Every third message breaks the line, before or after Telegram took it."""
    from tests.telegram_server import Fault

    with TelegramServer(seed=3).running() as server:
        sends = iter(range(1, 10_000))

        def now_and_then(method: str, fields: dict[str, object]) -> Fault | None:
            if method == "sendMessage" and next(sends) % 3 == 0:
                return Fault(reset=fault)
            return None

        server.fault = now_and_then
        with janymda(tmp_path, dialogue=False, **telegram_settings(server)):
            for chat in range(1, 6):
                server.write(chat, "/help")
            said = _settled(server, range(1, 6))
        assert all(said[chat] == said[1] for chat in said)
        assert len(said[1]) == len(set(said[1])) >= 3


def test_a_message_of_unknown_fate_is_found_behind_a_heap_of_what_others_wrote(tmp_path: Path) -> None:
    """While the bot was down somebody wrote much: what is sent then gets a number far above all that was handled."""
    from tests.telegram_server import Fault

    # A dialogue engine that takes messages and never answers: the heap stays a heap.
    with TelegramServer(seed=4).running() as server, socket.create_server(("127.0.0.1", 0), backlog=64) as rasa:
        server.fault = lambda method, fields: Fault(reset="after") if fields.get("chat_id") == 1 else None
        server.write(1, "/help")
        for _ in range(90):
            server.write(2, "привет")
        port = free_port()
        env = environment(
            tmp_path, port, free_port(), **telegram_settings(server),
            JANYMDA_RASA_URL=f"http://127.0.0.1:{rasa.getsockname()[1]}", JANYMDA_RASA_TIMEOUT="60",
        )  # fmt: skip
        process = start(env, tmp_path)
        # Taken by Telegram, but the line breaks, and the bot dies before it can look.
        server.wait_for(lambda: server.said(1), 60)
        process.send_signal(signal.SIGKILL)
        process.wait()
        server.fault = lambda method, fields: None
        process = start(env, tmp_path)
        try:
            server.wait_for(lambda: len(server.said(1)) >= 5, 60)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
        said = _answers(server, 1)
        assert len(said) == len(set(said))
