"""A child blocks the bot or deletes its account: it is left in peace, and its hand-over goes on (SECURITY F9)."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select
from telegram import Bot

from bot.chores import Chores
from bot.dialogue import Dialogue
from bot.handover import Handovers
from bot.outbox import Outbox
from bot.storage import OutboxMessage
from bot.turn import Turn
from bot.voice import Voice
from content.model import load_catalogue
from referrals.cases import lifecycle
from referrals.cases.models import Case, Notice, Referral
from referrals.crypto import open_with, pseudonym, referral_purpose
from referrals.db import make_engine, session_factory, writing
from referrals.pins import pin
from referrals.settings import load_settings
from tests.conftest import janymda, telegram_settings
from tests.faults.handing_over import CANARY, Child
from tests.referrals.handovers import EASY, NOW, PEPPER, Office, office
from tests.telegram_server import TOKEN, TelegramServer

CHAT = 9_900


def _tries(telegram: TelegramServer) -> int:
    with telegram.lock:
        return sum(name.startswith("send") and fields.get("chat_id") == CHAT for name, fields in telegram.calls)


def test_who_blocks_the_bot_while_sending_is_handed_over_all_the_same(tmp_path: Path) -> None:
    """Through a running Janymda: the receipt cannot be shown any more, but the organisation has the case."""
    with TelegramServer(seed=9).running() as telegram:
        with janymda(tmp_path, JANYMDA_RASA_TIMEOUT="20", **telegram_settings(telegram)):
            settings = load_settings(data_dir=tmp_path / "var")
            house = Office(session_factory(make_engine(settings.database_url)), settings.database_url)
            organization = house.add("Invented", region=None, at=datetime.now(UTC))
            pin(settings.pins_path, str(organization), house.pins[str(organization)])
            child = Child(telegram, CHAT)
            child.prepare(0)
            before = _tries(telegram)
            telegram.blocked.add(CHAT)
            telegram.press(CHAT, "Передать просьбу")
            telegram.wait_for(lambda: _tries(telegram) > before, 60)
            telegram.wait_for(telegram.all_confirmed, 30)
            # Somebody else is answered, so the bot has been around once more.
            telegram.write(CHAT + 1, "/help")
            telegram.wait_for(lambda: telegram.said(CHAT + 1), 30)
        assert _tries(telegram) == before + 1
    with house.sessions() as session:
        referral = session.scalars(select(Referral)).one()
        assert referral.sealed is not None
        purpose = referral_purpose(referral.case_id, organization)
        words = json.loads(open_with(house.keys[organization].private, referral.sealed, purpose))["words"]
        assert words == f"{CANARY} {CHAT}-0"
        # Nothing waits for a chat that takes nothing.
        profile = pseudonym(settings.pepper, f"telegram:{CHAT}")
        assert session.scalars(select(OutboxMessage.state).where(OutboxMessage.profile == profile)).all() == []
        assert session.scalars(select(Notice.kind).where(Notice.address_id.is_not(None))).all() == ["new_handover"]


def test_an_answer_for_a_chat_that_is_gone_is_tried_once_and_the_case_stays(tmp_path: Path) -> None:
    with TelegramServer(seed=9).running() as telegram, office(tmp_path) as house:
        telegram.blocked.add(CHAT)
        house.add("Invented")
        house.send(child=f"telegram:{CHAT}")
        with writing(house.sessions) as session:
            referral = house.referral(session, "Invented")
            lifecycle.accept(session, referral, "staff:1", NOW)
        asyncio.run(_chores_three_times(telegram, house, tmp_path))
        assert _tries(telegram) == 1
        with house.sessions() as session:
            assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 0
            assert session.scalars(select(Case.state)).all() == ["open"]
            assert house.referral(session, "Invented").sealed is not None


async def _chores_three_times(telegram: TelegramServer, house: Office, folder: Path) -> None:
    settings = load_settings(data_dir=folder)
    turn = Turn(
        sessions=house.sessions, sealer=house.sealer, pepper=PEPPER, voice=Voice(load_catalogue()),
        dialogue=Dialogue("http://127.0.0.1:9", "x"), now=lambda: NOW,
        handovers=Handovers(house.sessions, house.sealer, PEPPER, lambda: house.pins, lambda: NOW, EASY),
    )  # fmt: skip
    async with Bot(TOKEN, base_url=f"{telegram.url}/bot") as bot:
        outbox = Outbox(bot, house.sessions, house.sealer, lambda: NOW)
        chores = Chores(settings, make_engine(house.url), house.sessions, house.sealer, turn, outbox, lambda: NOW)
        for _ in range(3):
            await chores.once()
            await outbox.idle()
        await outbox.stop()
