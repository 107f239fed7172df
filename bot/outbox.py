"""Messages on their way to Telegram: written with what caused them, sent once, never lost.

Telegram has no key by which it would know the same message again. So a message whose fate is not
known (the process died, or the line broke, between giving it to Telegram and hearing back) is
looked for before it is sent again: asking Telegram to set the buttons that a message already has
is refused as "not modified" where it exists and as "not found" where it does not.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TelegramError

from bot import storage
from bot.log import log
from bot.messages import Answer, Button, Outgoing
from bot.storage import ChatMessage, Delivery, OutboxMessage
from referrals.crypto import Sealer
from referrals.db import writing
from referrals.notices import Letter

# Telegram's own limits: about one message a second in a chat, thirty a second in all.
CHAT_BURST, CHAT_PER_SECOND = 4, 1.0
ALL_PER_SECOND = 25.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# How many numbers beyond the last known one are looked at for a message of unknown fate, and how many in all.
SEARCHED_BEYOND, SEARCHED_AT_MOST = 20, 200
# After this many numbers it is written down how far the search has come: who dies often must not begin anew each time.
SEARCH_NOTED_EVERY = 10
# Chats searched at once, about in the order in which they wait: all at once, none is done before the next death.
SEARCHES_AT_ONCE = 4
# After a pause this long others have spoken meanwhile: the place to look from is noted anew.
_LONG_PAUSE = 0.1
DELETE_BATCH = 100
# How long the honest word about what "hide" cannot do stays readable.
NOTICE_SECONDS = 8.0


@dataclass
class _Pace:
    """A bucket of sends: so many at once, then so many a second."""

    burst: float
    per_second: float
    left: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.left = self.burst

    def wait(self) -> float:
        """Take one; answers how many seconds to wait before using it."""
        now = time.monotonic()
        self.left = min(self.burst, self.left + (now - self.at) * self.per_second)
        self.at = now
        self.left -= 1
        return max(0.0, -self.left / self.per_second)


@dataclass
class _Lane:
    """One chat's messages, one after the other."""

    task: asyncio.Task[None] | None = None
    pace: _Pace = field(default_factory=lambda: _Pace(CHAT_BURST, CHAT_PER_SECOND))
    more: asyncio.Event = field(default_factory=asyncio.Event)


class Outbox:
    """Sends what the turns have written, chat by chat."""

    def __init__(
        self,
        bot: Bot,
        sessions: Callable[[], Session],
        sealer: Sealer,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._bot = bot
        self._sessions = sessions
        self._sealer = sealer
        self._now = now
        self._lanes: dict[bytes, _Lane] = {}
        self._pace = _Pace(ALL_PER_SECOND, ALL_PER_SECOND)
        self._highest = 0
        self._searching = asyncio.Semaphore(SEARCHES_AT_ONCE)
        # Rows that this process wrote itself and has not given to Telegram yet.
        self._untouched: set[int] = set()

    # -- written in the turn's transaction

    def saw(self, number: int) -> None:
        """A message number of any chat: what is sent from now on gets a higher one."""
        self._highest = max(self._highest, number)

    def write(self, session: Session, profile: bytes, chat: int, answer: Answer, spoken: bool) -> None:
        """Put an answer into the outbox. `spoken`: the notice was shown already, as an alert."""
        parcels: list[dict[str, Any]] = []
        if answer.hide:
            parcels.append({"hide": 0.0})
            if answer.notice and not spoken:
                notice = Outgoing("hide_stays", answer.notice)
                parcels += [{"message": notice.as_json()}, {"hide": NOTICE_SECONDS}]
        parcels += [{"message": message.as_json()} for message in answer.messages]
        waiting = session.scalar(select(OutboxMessage.id).where(OutboxMessage.profile == profile).limit(1))
        for index, parcel in enumerate(parcels):
            first = index == 0 and waiting is None
            row = OutboxMessage(
                profile=profile,
                sealed=self._seal(profile, {"chat": chat, **parcel}),
                state=Delivery.SENDING if first else Delivery.WAITING,
                above=self._highest,
                created_at=self._now(),
            )
            session.add(row)
            session.flush()
            if first:
                self._untouched.add(row.id)

    def _seal(self, profile: bytes, parcel: dict[str, Any]) -> bytes:
        return self._sealer.seal(json.dumps(parcel).encode(), f"outbox:{profile.hex()}")

    # -- sent

    async def start(self) -> None:
        """Take up what an earlier process left."""
        profiles, highest = await asyncio.to_thread(self._left_over)
        self.saw(highest)
        for profile in profiles:
            self.wake(profile)

    def _left_over(self) -> tuple[list[bytes], int]:
        with self._sessions() as session:
            oldest = func.min(OutboxMessage.id)
            profiles = list(
                session.scalars(select(OutboxMessage.profile).group_by(OutboxMessage.profile).order_by(oldest))
            )
            return profiles, session.scalar(select(func.max(ChatMessage.number))) or 0

    def wake(self, profile: bytes) -> None:
        """There is something to send to this profile."""
        lane = self._lanes.setdefault(profile, _Lane())
        lane.more.set()
        if lane.task is None or lane.task.done():
            lane.task = asyncio.create_task(self._run(profile, lane))

    async def idle(self) -> None:
        """Wait until every lane is empty."""
        while tasks := [lane.task for lane in self._lanes.values() if lane.task]:
            await asyncio.gather(*tasks)
            if all(task.done() for task in tasks):
                return

    async def stop(self) -> None:
        """Stop sending; what is left stays in the outbox for the next process."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, profile: bytes, lane: _Lane) -> None:
        pause = FIRST_PAUSE
        while True:
            lane.more.clear()
            try:
                if not await self._send_next(profile, lane):
                    if lane.more.is_set():
                        continue  # Written while we looked: it would wait for the child's next word.
                    self._lanes.pop(profile, None)
                    return
                pause = FIRST_PAUSE
            except RetryAfter as wait:
                seconds = wait.retry_after
                await asyncio.sleep(seconds.total_seconds() if not isinstance(seconds, int | float) else seconds)
            except Exception as error:
                log("delivery_retried", error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _send_next(self, profile: bytes, lane: _Lane) -> bool:
        """Send the oldest row of a profile; False when there is none."""
        found = await asyncio.to_thread(self._oldest, profile)
        if found is None:
            return False
        row, state, above, parcel = found
        chat = parcel["chat"]
        if "hide" in parcel:
            await self._wait_for_more(lane, parcel["hide"])
            await self._hide(profile, chat)
            await asyncio.to_thread(self._done, profile, row, None)
            return True
        message = Outgoing.from_json(parcel["message"])
        if state == Delivery.SENDING and row not in self._untouched:
            async with self._searching:
                number = await self._find(row, chat, message, above)
            if number is not None:
                self.saw(number)
                await asyncio.to_thread(self._done, profile, row, number)
                return True
            state = Delivery.WAITING
        pause = max(lane.pace.wait(), self._pace.wait())
        await asyncio.sleep(pause)
        if state == Delivery.WAITING or pause > _LONG_PAUSE:
            await asyncio.to_thread(self._sending, row)
        await self._send(profile, chat, row, message)
        return True

    async def _send(self, profile: bytes, chat: int, row: int, message: Outgoing) -> None:
        self._untouched.discard(row)
        try:
            number = await send_now(self._bot, chat, message)
        except RetryAfter:
            # Refused before it was taken: nothing to look for.
            self._untouched.add(row)
            raise
        except Forbidden:
            # Blocked, or the account is gone: nothing more can reach this chat.
            log("delivery_given_up", error="Forbidden")
            await asyncio.to_thread(self._drop, profile)
            return
        except BadRequest:
            log("delivery_given_up", error="BadRequest")
            await asyncio.to_thread(self._done, profile, row, None)
            return
        self.saw(number)
        await asyncio.to_thread(self._done, profile, row, number)

    async def _find(self, row: int, chat: int, message: Outgoing, above: int) -> int | None:
        """Look for a message that may have arrived; its number, or None."""
        for count, number in enumerate(await asyncio.to_thread(self._unknown_numbers, above), 1):
            try:
                await self._bot.edit_message_reply_markup(
                    chat_id=chat, message_id=number, reply_markup=keyboard(message)
                )
            except BadRequest as refused:
                if "not modified" not in refused.message.lower():
                    # Numbers beyond the highest known one may not be given yet: those are looked at again.
                    if count % SEARCH_NOTED_EVERY == 0 and number <= self._highest:
                        await asyncio.to_thread(self._looked, row, number)
                    continue
            return number
        return None

    async def _hide(self, profile: bytes, chat: int) -> None:
        numbers = await asyncio.to_thread(self._numbers, profile)
        for start in range(0, len(numbers), DELETE_BATCH):
            batch = numbers[start : start + DELETE_BATCH]
            try:
                await self._bot.delete_messages(chat, batch)
            except (BadRequest, Forbidden) as error:
                log("delivery_given_up", error=type(error).__name__)
        await asyncio.to_thread(self._forget, profile, numbers)

    @staticmethod
    async def _wait_for_more(lane: _Lane, seconds: float) -> None:
        """Wait, but not while the child has something new to hear."""
        if seconds:
            try:
                await asyncio.wait_for(lane.more.wait(), seconds)
            except TimeoutError:
                return

    async def send_letter(self, letter: Letter) -> None:
        """A notice to an organisation's chat; raises TelegramError."""
        await self._bot.send_message(int(letter.address), letter.text, protect_content=True)

    # -- the database, in a thread

    def _oldest(self, profile: bytes) -> tuple[int, str, int, dict[str, Any]] | None:
        with self._sessions() as session:
            row = session.scalars(
                select(OutboxMessage).where(OutboxMessage.profile == profile).order_by(OutboxMessage.id).limit(1)
            ).first()
            if row is None:
                return None
            parcel = json.loads(self._sealer.open(row.sealed, f"outbox:{profile.hex()}"))
            return row.id, row.state, row.above, parcel

    def _sending(self, row_id: int) -> None:
        with writing(self._sessions) as session:
            row = session.get_one(OutboxMessage, row_id)
            row.state, row.above = Delivery.SENDING, self._highest
        self._untouched.add(row_id)

    def _looked(self, row_id: int, number: int) -> None:
        """The message is none of those up to this number."""
        with writing(self._sessions) as session:
            session.get_one(OutboxMessage, row_id).above = number

    def _done(self, profile: bytes, row_id: int, number: int | None) -> None:
        """The row has had its effect. The next one is marked in the same transaction."""
        with writing(self._sessions) as session:
            session.execute(delete(OutboxMessage).where(OutboxMessage.id == row_id))
            if number is not None:
                storage.remember_message(session, profile, number, self._now())
            following = session.scalars(
                select(OutboxMessage).where(OutboxMessage.profile == profile).order_by(OutboxMessage.id).limit(1)
            ).first()
            if following is not None and following.state == Delivery.WAITING:
                following.state, following.above = Delivery.SENDING, self._highest
                following_id = following.id
            else:
                following_id = None
        self._untouched.discard(row_id)
        if following_id is not None:
            self._untouched.add(following_id)

    def _drop(self, profile: bytes) -> None:
        with writing(self._sessions) as session:
            session.execute(delete(OutboxMessage).where(OutboxMessage.profile == profile))

    async def forget_chat(self, profile: bytes) -> None:
        """The child blocked the bot: nothing more is sent."""
        await asyncio.to_thread(self._drop, profile)

    def _numbers(self, profile: bytes) -> list[int]:
        with self._sessions() as session:
            return storage.deletable_messages(session, profile, self._now())

    def _unknown_numbers(self, above: int) -> list[int]:
        """The numbers above this one that no message we know of has, in whichever chat: Telegram counts over all."""
        with self._sessions() as session:
            known = set(session.scalars(select(ChatMessage.number).where(ChatMessage.number > above)))
        end = max(known | {above, self._highest}) + 1 + SEARCHED_BEYOND
        return [number for number in range(above + 1, end) if number not in known][:SEARCHED_AT_MOST]

    def _forget(self, profile: bytes, numbers: list[int]) -> None:
        with writing(self._sessions) as session:
            storage.forget_messages(session, profile, numbers)


async def send_now(bot: Bot, chat: int, message: Outgoing) -> int:
    """Give one message to Telegram; its number. Raises TelegramError."""
    markup = keyboard(message)
    if message.contact is not None:
        sent = await bot.send_contact(
            chat,
            phone_number=message.contact.number,
            first_name=message.contact.name,
            reply_markup=markup,
            protect_content=True,
        )
    else:
        sent = await bot.send_message(chat, message.text, reply_markup=markup, protect_content=True)
    return sent.message_id


async def send_unstored(bot: Bot, chat: int, messages: tuple[Outgoing, ...]) -> None:
    """The database is down: the words leave at once, as far as Telegram takes them."""
    for message in messages:
        try:
            await send_now(bot, chat, message)
        except (NetworkError, TelegramError) as error:
            log("delivery_failed", error=type(error).__name__)


def keyboard(message: Outgoing) -> InlineKeyboardMarkup | None:
    """The message's own buttons, one or two a row, and below them what is always at hand."""
    rows = _rows(message.buttons)
    rows += [list(message.controls[i : i + 2]) for i in range(0, len(message.controls), 2)]
    if not rows:
        return None
    return InlineKeyboardMarkup([[InlineKeyboardButton(b.label, callback_data=b.token) for b in row] for row in rows])


def _rows(buttons: tuple[Button, ...]) -> list[list[Button]]:
    per_row = 1 if len(buttons) <= 4 else 2
    return [list(buttons[i : i + per_row]) for i in range(0, len(buttons), per_row)]
