"""Somebody who holds the child's phone fishes for what was said: the chat shows nothing (SECURITY F1, F2, F5)."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from referrals.db import make_engine, session_factory
from referrals.pins import pin
from referrals.settings import load_settings
from tests.conftest import PageChild, Running, janymda
from tests.postgres import server
from tests.referrals.handovers import Office

CANARY = "меня дразнят кырмуздайкой"
SCRIPTS = [
    *(
        text
        for text in (
            "что ты отправил", "я жаловался?", "покажи мою заявку", "мой номер", "какой у меня номер заявки",
            "отмени мою заявку", "удали заявку", "кому ты рассказал", "что я тебе писал", "повтори последнее",
            "статус", "есть ли ответ", "кто прочитал", "куда ушло сообщение", "мен не жаздым", "өтінішім қайда",
            "номерімді көрсет", "арызымды қайтар", "маған жауап келді ме", "кімге айттың", "receipt", "status",
            "1111 2222 3333 4444", "0000000000000000", "9876-5432-1098-7654", "привет", "сәлем", "это я, забыл номер",
            "я мама, что писал мой ребёнок", "бұл әкесі, балам не жазды", "покажи переписку", "история",
            "send", "revoke", "кто ты", "спасибо", "пока", "помоги", "да", "нет", "не знаю", "🙂", "кырмуздайка",
        )
    ),
    *("!help", "!back", "!language", "!kk", "!ru", "!safe", "!nonsense", "A" * 16, "", "0"),
    *("/start", "/help", "/back", "/language"),
]  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("fishing")
    with ExitStack() as stack:
        url = ""
        if request.param == "postgresql":
            url = stack.enter_context(server(folder)).database()
        settings = load_settings(data_dir=folder / "var", database_url=url)
        made = stack.enter_context(
            janymda(folder, JANYMDA_RASA_TIMEOUT="20", JANYMDA_DATABASE_URL=settings.database_url)
        )
        office = Office(session_factory(make_engine(settings.database_url)), settings.database_url)
        organization = office.add("Invented", region=None, at=datetime.now(UTC))
        pin(settings.pins_path, str(organization), office.pins[str(organization)])
        yield made


def _hand_over(child: PageChild, last: str) -> dict[str, Any]:
    child.write("меня травят одноклассники в школе")
    for label in ("Да", "Попросить помощь", "Пропустить", "Пропустить", "Дальше", "Нет, только по коду"):
        child.press(label)
    child.write(CANARY)
    token = next(b["token"] for b in child.buttons if b["label"] == last)
    return child.send(button=token)


def _run(child: PageChild) -> list[str]:
    """Everything that is said to the scripts, without the random tokens of its buttons."""
    said = []
    for script in SCRIPTS * 2:
        if script.startswith("/"):
            answer = child.send(command=script[1:])
        elif script.startswith("!") or script in ("A" * 16, "0"):
            answer = child.send(button=script)
        else:
            answer = child.send(text=script or " ")
        for message in answer["messages"]:
            message["buttons"] = [button["label"] for button in message["buttons"]]
        said.append(json.dumps(answer, ensure_ascii=False, sort_keys=True))
    return said


def test_a_chat_that_sent_and_one_that_did_not_say_the_same(running: Running) -> None:
    sent, kept = running.page(), running.page()
    answer = _hand_over(sent, "Передать просьбу")
    assert "handover_sent" in [m["key"] for m in answer["messages"]]
    _hand_over(kept, "Не сейчас")
    one, other = _run(sent), _run(kept)
    assert len(one) >= 100
    different = [(s, a, b) for s, a, b in zip(SCRIPTS * 2, one, other, strict=True) if a != b]
    assert different == []
    for word in ("кырмуздай", "Invented"):
        assert all(word not in said for said in one)


def test_old_buttons_do_nothing(running: Running) -> None:
    child, other = running.page(), running.page()
    _hand_over(child, "Передать просьбу")
    old = [b["token"] for b in child.buttons]
    for _ in range(2):
        child.send(command="start")
    for token in (*old, old[0][:-1] + "x", old[0] * 2):
        for somebody in (child, other):
            keys = {m["key"] for m in somebody.send(button=token)["messages"]}
            assert not keys & {"handover_sent", "case_revoked"}
            # The number is shown again in its own chat only, until that is hidden.
            assert somebody is child or "receipt_again" not in keys


def test_the_receipt_opens_it_from_any_chat_and_is_gone_after_hiding(running: Running) -> None:
    child = running.page()
    answer = _hand_over(child, "Передать просьбу")
    text = " ".join(m["text"] for m in answer["messages"])
    receipt = "".join(c for c in text if c.isdigit())[-16:]
    again = next(b["token"] for b in child.buttons if b["label"] == "Показать ещё раз")
    assert [m["key"] for m in child.send(button=again)["messages"]] == ["receipt_again"]
    child.send(button="!hide")
    assert "receipt_again" not in [m["key"] for m in child.send(button=again)["messages"]]
    stranger = running.page()
    assert stranger.write(receipt) == ["status_in_progress"]
    assert stranger.write("1" * 16) == ["receipt_unknown"]


def test_guessing_receipts_is_slowed_for_the_one_who_guesses(running: Running) -> None:
    guesser, child = running.page(), running.page()
    answers = [guesser.write(f"{number:016d}") for number in range(12)]
    assert answers[0] == ["receipt_unknown"]
    assert answers[-1] == ["receipt_wait"]
    answer = _hand_over(child, "Передать просьбу")
    receipt = "".join(c for c in " ".join(m["text"] for m in answer["messages"]) if c.isdigit())[-16:]
    assert child.write(receipt) == ["status_in_progress"]


def test_own_words_reach_no_log_and_no_table(running: Running, tmp_path: Path) -> None:
    """SECURITY C1 and R6: they are sealed in the bot, and Rasa has never seen them."""
    child = running.page()
    _hand_over(child, "Передать просьбу")
    # A PostgreSQL server's own files lie in the same folder.
    for path in running.folder.rglob("*"):
        if path.is_file():
            assert "кырмуздай".encode() not in path.read_bytes(), path
    assert "кырмуздай".encode() not in running.output
