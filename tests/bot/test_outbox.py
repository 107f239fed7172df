"""A message of unknown fate is looked for from where the last process stopped looking (docs/adr/005)."""

import asyncio
from pathlib import Path

from sqlalchemy import select
from telegram import Bot

from bot.messages import Answer, Button, Outgoing
from bot.outbox import SEARCH_NOTED_EVERY, SEARCHES_AT_ONCE, Outbox
from bot.storage import OutboxMessage
from referrals.db import writing
from tests.referrals.handovers import NOW, Office, office
from tests.telegram_server import TOKEN, Fault, TelegramServer

CHAT, OTHER = 7_100, 7_101
PROFILE = b"invented profile"
WRITTEN_BY_OTHERS = 60
# Seconds; only what hangs takes so long.
_PATIENCE = 60
ANSWER = Answer((Outgoing("invented", "Здесь", (Button("Да", "yes"),)),))


def _looked_at(telegram: TelegramServer) -> list[int]:
    with telegram.lock:
        return [fields["message_id"] for name, fields in telegram.calls if name == "editMessageReplyMarkup"]


def _above(house: Office) -> list[int]:
    with house.sessions() as session:
        return list(session.scalars(select(OutboxMessage.above)))


async def _one_life(house: Office, telegram: TelegramServer, *, saw: int, looks: int | None) -> None:
    """Send what is in the outbox; die after so many looks, or live until all is sent."""
    async with Bot(TOKEN, base_url=f"{telegram.url}/bot") as bot:
        outbox = Outbox(bot, house.sessions, house.sealer, lambda: NOW)
        await outbox.start()
        outbox.saw(saw)
        outbox.wake(PROFILE)
        if looks is None:
            await asyncio.wait_for(outbox.idle(), _PATIENCE)
        else:
            await asyncio.to_thread(telegram.wait_for, lambda: len(_looked_at(telegram)) >= looks, _PATIENCE)
        await outbox.stop()


def _write_and_break(house: Office, telegram: TelegramServer) -> tuple[int, int]:
    """The bot knows of one number, others write, then it sends and dies; the known one and the others' last."""
    known = telegram.message_of(OTHER, text="привет")["message_id"]
    others = [telegram.message_of(OTHER, text="привет")["message_id"] for _ in range(WRITTEN_BY_OTHERS)]
    telegram.fault = lambda method, fields: Fault(reset="after") if method == "sendMessage" else None
    asyncio.run(_send_and_break(house, telegram, known))
    telegram.fault = lambda method, fields: None
    return known, others[-1]


async def _send_and_break(house: Office, telegram: TelegramServer, known: int) -> None:
    """Telegram takes the message, but the line breaks and the process dies before it hears so."""
    async with Bot(TOKEN, base_url=f"{telegram.url}/bot") as bot:
        outbox = Outbox(bot, house.sessions, house.sealer, lambda: NOW)
        outbox.saw(known)
        with writing(house.sessions) as session:
            outbox.write(session, PROFILE, CHAT, ANSWER, spoken=False)
        outbox.wake(PROFILE)
        await asyncio.to_thread(telegram.wait_for, lambda: telegram.said(CHAT), _PATIENCE)
        await outbox.stop()


def test_a_search_goes_on_where_an_earlier_process_died(tmp_path: Path) -> None:
    with TelegramServer(seed=3).running() as telegram, office(tmp_path) as house:
        known, last = _write_and_break(house, telegram)
        looks = len(_looked_at(telegram)) + 2 * SEARCH_NOTED_EVERY + 3
        asyncio.run(_one_life(house, telegram, saw=last, looks=looks))
        noted = _above(house)
        assert len(noted) == 1
        assert known + 2 * SEARCH_NOTED_EVERY <= noted[0] < last
        before = len(_looked_at(telegram))
        asyncio.run(_one_life(house, telegram, saw=last, looks=None))
        assert _looked_at(telegram)[before] == noted[0] + 1
        assert _above(house) == []
        assert [message.text for message in telegram.said(CHAT)] == ["Здесь"]


def test_numbers_that_may_not_be_given_yet_are_looked_at_again(tmp_path: Path) -> None:
    """Nobody is known to have written: a message that arrives late may get one of the numbers looked at in vain."""
    with TelegramServer(seed=3).running() as telegram, office(tmp_path) as house:
        known, _ = _write_and_break(house, telegram)
        looks = len(_looked_at(telegram)) + SEARCH_NOTED_EVERY + 3
        asyncio.run(_one_life(house, telegram, saw=known, looks=looks))
        assert _above(house) == [known]


def _profile(chat: int) -> bytes:
    """In no order, as pseudonyms are."""
    return f"{(chat * 7919) % 1000:03} invented".encode()


async def _break_many(house: Office, telegram: TelegramServer, chats: list[int], known: int) -> None:
    """An answer to each chat is taken by Telegram while the line breaks; they wait in the order of the chats."""
    async with Bot(TOKEN, base_url=f"{telegram.url}/bot") as bot:
        outbox = Outbox(bot, house.sessions, house.sealer, lambda: NOW)
        outbox.saw(known)
        for chat in chats:
            with writing(house.sessions) as session:
                outbox.write(session, _profile(chat), chat, ANSWER, spoken=False)
        for chat in chats:
            outbox.wake(_profile(chat))
        await asyncio.to_thread(telegram.wait_for, lambda: all(telegram.said(chat) for chat in chats), _PATIENCE)
        await outbox.stop()


async def _live_again(house: Office, telegram: TelegramServer, last: int) -> None:
    async with Bot(TOKEN, base_url=f"{telegram.url}/bot") as bot:
        outbox = Outbox(bot, house.sessions, house.sealer, lambda: NOW)
        outbox.saw(last)
        await outbox.start()
        await asyncio.wait_for(outbox.idle(), _PATIENCE)
        await outbox.stop()


def test_who_waits_longest_is_searched_first_and_few_at_once(tmp_path: Path) -> None:
    """All at once, none of twenty searches is done before a bot that is killed every other second dies again."""
    chats = list(range(8_000, 8_000 + 5 * SEARCHES_AT_ONCE))
    with TelegramServer(seed=3).running() as telegram, office(tmp_path) as house:
        known = telegram.message_of(OTHER, text="привет")["message_id"]
        last = [telegram.message_of(OTHER, text="привет")["message_id"] for _ in range(WRITTEN_BY_OTHERS)][-1]
        telegram.fault = lambda method, fields: Fault(reset="after") if method == "sendMessage" else None
        asyncio.run(_break_many(house, telegram, chats, known))
        telegram.fault = lambda method, fields: None
        before = len(telegram.calls)
        asyncio.run(_live_again(house, telegram, last))
        looked = [fields["chat_id"] for name, fields in telegram.calls[before:] if name == "editMessageReplyMarkup"]
        # One search needs as many looks as this and more: so far nobody but the first can have had a turn. Threads
        # open their messages, so that those who wait about as long may change places.
        first = set(looked[:WRITTEN_BY_OTHERS])
        assert len(first) <= SEARCHES_AT_ONCE
        assert first <= set(chats[: 3 * SEARCHES_AT_ONCE])
        assert set(looked) == set(chats)
        assert [len(telegram.said(chat)) for chat in chats] == [1] * len(chats)
