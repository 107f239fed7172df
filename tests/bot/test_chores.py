"""What is done by the clock: letters through a real mail server, lines to children in their hours. All invented."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import func, select, update

from bot.chores import Chores, next_hour
from bot.dialogue import Dialogue
from bot.handover import Handovers
from bot.outbox import Outbox
from bot.storage import OutboxMessage
from bot.turn import Turn
from bot.voice import Voice
from content.model import load_catalogue
from referrals import audit
from referrals.cases import lifecycle
from referrals.cases.models import AnswerLink, Case, Notice, NoticeAddress
from referrals.db import make_engine, writing
from referrals.settings import load_settings
from tests.conftest import free_port
from tests.referrals.handovers import EASY, NOW, PEPPER, Office, office

CANARY = "кырмуздайка"


class _Letters:
    """What a mail server received."""

    def __init__(self) -> None:
        self.letters: list[Message] = []
        self.refuse = 0

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        if self.refuse:
            self.refuse -= 1
            return "451 not now"
        self.letters.append(message_from_bytes(envelope.content))
        return "250 taken"


@pytest.fixture
def letters() -> Iterator[tuple[_Letters, int]]:
    handler, port = _Letters(), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


class _Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


def _chores(house: Office, folder: Path, clock: _Clock, port: int = 25, with_telegram: bool = False) -> Chores:
    settings = load_settings(
        data_dir=folder, smtp_host="127.0.0.1", smtp_port=port, smtp_sender="desk@example.invalid", smtp_tls=False
    )
    handovers = Handovers(house.sessions, house.sealer, PEPPER, lambda: house.pins, clock, EASY)
    turn = Turn(
        sessions=house.sessions, sealer=house.sealer, pepper=PEPPER, voice=Voice(load_catalogue()),
        dialogue=Dialogue("http://127.0.0.1:9", "x"), handovers=handovers, now=clock,
    )  # fmt: skip
    box = Outbox(None, house.sessions, house.sealer) if with_telegram else None  # type: ignore[arg-type] # nothing is sent
    if box is not None:
        box.wake = lambda profile: None  # type: ignore[method-assign] # what is written is looked at, not sent
    return Chores(settings, make_engine(house.url), house.sessions, house.sealer, turn, box, clock)


def test_a_letter_says_that_something_waits_and_nothing_else(
    house: Office, letters: tuple[_Letters, int], tmp_path: Path
) -> None:
    """SECURITY C17, through a real SMTP server."""
    received, port = letters
    house.add("Invented")
    house.send(words=f"меня зовут {CANARY}", concern="sexual_abuse")
    chores = _chores(house, tmp_path, _Clock(), port)
    for _ in range(3):
        asyncio.run(chores.once())
    assert len(received.letters) == 1
    letter = received.letters[0]
    text = letter.get_payload(decode=True).decode() + str(letter["Subject"])  # type: ignore[union-attr] # one part
    with house.sessions() as session:
        number = house.case(session).number
    assert number in text
    for secret in (CANARY, "sexual", "насили", "KZ35", "Караганд", "11-13", "telegram"):
        assert secret not in text
    assert letter["To"] == "Invented@example.invalid"


def test_a_refused_letter_leaves_again_later(house: Office, letters: tuple[_Letters, int], tmp_path: Path) -> None:
    received, port = letters
    received.refuse = 2
    house.add("Invented")
    house.send()
    clock = _Clock()
    chores = _chores(house, tmp_path, clock, port)
    for _ in range(8):
        asyncio.run(chores.once())
        clock.at += timedelta(minutes=3)
    assert len(received.letters) == 1
    with house.sessions() as session:
        assert session.scalars(select(Notice.attempts).where(Notice.kind == "new_handover")).all() == [3]


def test_who_has_no_account_gets_a_link_that_is_stored_hashed(
    house: Office, letters: tuple[_Letters, int], tmp_path: Path
) -> None:
    received, port = letters
    house.add("Invented")
    with writing(house.sessions) as session:
        session.execute(update(NoticeAddress).values(by_link=True))
    house.send()
    asyncio.run(_chores(house, tmp_path, _Clock(), port).once())
    text = received.letters[0].get_payload(decode=True).decode()  # type: ignore[union-attr] # one part
    assert "/answer/" in text
    token = text.split("/answer/")[1].split()[0]
    with house.sessions() as session:
        link = session.scalars(select(AnswerLink)).one()
        assert token.encode() not in link.token
        assert link.expires_at == NOW + timedelta(hours=72)


@pytest.mark.parametrize(
    ("when", "hour", "minute", "opens"),
    [
        ("any", 9, 0, None), ("any", 20, 59, None), ("any", 21, 0, 9), ("any", 8, 59, 9), ("any", 2, 0, 9),
        ("day", 13, 59, 14), ("day", 14, 0, None), ("day", 18, 0, 14), ("evening", 18, 0, None), ("evening", 21, 0, 18),
    ],
)  # fmt: skip
def test_a_child_is_written_to_in_its_hours_only(when: str, hour: int, minute: int, opens: int | None) -> None:
    """SECURITY F6. Almaty is five hours ahead of UTC."""
    at = datetime(2026, 11, 24, hour, minute, tzinfo=UTC) - timedelta(hours=5)
    following = next_hour(when, at)
    assert (following.hour if following else None) == opens
    assert following is None or following > at


def test_an_answer_is_told_by_a_neutral_line_once_and_in_time(house: Office, tmp_path: Path) -> None:
    """SECURITY F6."""
    house.add("Invented")
    house.send(child="telegram:5", contact_when="evening")
    with writing(house.sessions) as session:
        referral = house.referral(session, "Invented")
        lifecycle.accept(session, referral, "staff:1", NOW)
        lifecycle.answer(session, referral, CANARY, "staff:1", NOW)
    clock = _Clock()
    chores = _chores(house, tmp_path, clock, with_telegram=True)
    lines = []
    for _ in range(30):
        asyncio.run(chores._tell_children())
        with house.sessions() as session:
            count = session.scalar(select(func.count()).select_from(OutboxMessage)) or 0
        lines.append((clock.at.hour + 5, count))
        clock.at += timedelta(minutes=30)
    # Accepted and answered in the morning: two neutral lines, both in the evening, none before.
    assert all(count == 0 for hour, count in lines if hour < 18)
    assert lines[-1][1] == 2
    with house.sessions() as session:
        sealed = session.scalars(select(OutboxMessage)).all()
        said = [house.sealer.open(row.sealed, f"outbox:{row.profile.hex()}").decode() for row in sealed]
    assert all("look_in" in text and CANARY not in text for text in said)


def test_who_wants_no_line_gets_none(house: Office, tmp_path: Path) -> None:
    house.add("Invented")
    house.send(child="telegram:5", contact_mode="receipt")
    with writing(house.sessions) as session:
        lifecycle.accept(session, house.referral(session, "Invented"), "staff:1", NOW)
        assert session.scalars(select(Notice).where(Notice.kind == "look_in")).all() == []


def test_the_question_afterwards_has_three_buttons_and_comes_once(house: Office, tmp_path: Path) -> None:
    house.add("Invented")
    house.send(child="telegram:5")
    with writing(house.sessions) as session:
        lifecycle.revoke(session, house.case(session), audit.CHILD, NOW)
    clock = _Clock()
    clock.at = NOW + timedelta(days=1, hours=1)
    chores = _chores(house, tmp_path, clock, with_telegram=True)
    for _ in range(3):
        asyncio.run(chores.once())
    with house.sessions() as session:
        rows = session.scalars(select(OutboxMessage)).all()
        assert len(rows) == 1
        said = house.sealer.open(rows[0].sealed, f"outbox:{rows[0].profile.hex()}").decode()
        assert "how_are_you" in said
        assert session.scalars(select(Case.state)).all() == ["closed"]
