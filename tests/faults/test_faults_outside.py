"""What breaks around a turn: Telegram refuses, breaks off or sends rubbish, and the bot is told to stop (SECURITY C2).

The twelve faults inside a turn are in tests/bot/test_faults_inside.py.
"""

import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import canaries
from tests.conftest import janymda, telegram_settings
from tests.telegram_server import Fault, TelegramServer

CHILDREN = 12
_TELLING = "меня бьёт {} дома, имя {}, зовут {}"


def _now_and_then(*faults: Fault) -> Callable[[str, dict[str, Any]], Fault | None]:
    chance = random.Random(20_261_126)

    def fault(method: str, fields: dict[str, Any]) -> Fault | None:
        return chance.choice(faults) if method == "sendMessage" and chance.random() < 0.4 else None

    return fault


OUTSIDE = {
    "too many requests": _now_and_then(Fault(status=429, retry_after=1)),
    "refused": _now_and_then(Fault(status=500), Fault(status=502)),
    "broken off": _now_and_then(Fault(reset="before"), Fault(reset="after")),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_telegram_that_fails_is_asked_again_and_no_word_gets_out(tmp_path: Path, name: str) -> None:
    with TelegramServer(seed=9).running() as telegram:
        telegram.fault = OUTSIDE[name]
        with janymda(tmp_path, dialogue=False, JANYMDA_LOG_LEVEL="DEBUG", **telegram_settings(telegram)):
            words = _tell(telegram)
            telegram.wait_for(lambda: len(_answered(telegram)) == CHILDREN, 120)
    _nothing_of(words, tmp_path)


def test_told_to_stop_in_the_middle_it_answers_after_the_next_start(tmp_path: Path) -> None:
    with TelegramServer(seed=10).running() as telegram:
        settings = telegram_settings(telegram)
        with janymda(tmp_path, dialogue=False, JANYMDA_LOG_LEVEL="DEBUG", **settings) as running:
            words = _tell(telegram)
            telegram.wait_for(lambda: bool(_answered(telegram)), 60)
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(30) == 0
        with janymda(tmp_path, dialogue=False, JANYMDA_LOG_LEVEL="DEBUG", **settings):
            telegram.wait_for(lambda: len(_answered(telegram)) == CHILDREN and telegram.all_confirmed(), 60)
    _nothing_of(words, tmp_path)


def test_updates_that_cannot_be_read_and_strange_buttons_stop_nobody(tmp_path: Path) -> None:
    with (
        TelegramServer(seed=11).running() as telegram,
        janymda(tmp_path, dialogue=False, JANYMDA_LOG_LEVEL="DEBUG", **telegram_settings(telegram)),
    ):
        for chat, three in enumerate(canaries.make(CHILDREN), 1):
            telegram.give(message={"text": " ".join(three), "chat": {"id": three[0]}, "date": three[1]})
            telegram.give(callback_query={"id": three[2], "data": " ".join(three), "from": {"id": three[0]}})
            telegram.give(message={"message_id": chat, "from": three[0], "text": {"words": list(three)}})
        words = _tell(telegram)
        telegram.wait_for(lambda: len(_answered(telegram)) == CHILDREN and telegram.all_confirmed(), 120)
    _nothing_of(words, tmp_path)


def _tell(telegram: TelegramServer) -> list[str]:
    words = canaries.make(CHILDREN)
    for chat, three in enumerate(words, 1):
        telegram.write(chat, _TELLING.format(*three))
    return [word for three in words for word in three]


def _answered(telegram: TelegramServer) -> set[int]:
    return {message.chat for message in telegram.messages if message.mine and message.text}


def _nothing_of(words: list[str], folder: Path) -> None:
    log = (folder / "output.log").read_bytes()
    assert b"started" in log, "the log was there to be searched"
    assert canaries.Scanner(words).scan_files([folder]) == {}
