"""Telegram: updates in, each confirmed only after its effects are committed.

python-telegram-bot's own polling and webhook confirm an update before it is handled; killed at
the wrong moment they lose it. Here Telegram itself is the inbox that survives us.
"""

import asyncio
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

from sqlalchemy.orm import Session
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from telegram import Bot, BotCommand, Chat, Message, Update
from telegram.error import BadRequest, Forbidden, RetryAfter, TelegramError

from bot import storage
from bot.log import log
from bot.messages import Answer, Incoming, Kind
from bot.outbox import Outbox, send_unstored
from bot.turn import Turn

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
POLL_SECONDS = 25
BATCH = 100
LARGEST_UPDATE = 1_000_000
_LARGEST_ID = 2**52
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
_SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_COMMAND = re.compile(r"/(start|help|sos|back|language|hide|erase|stop)(?:@\w+)?(?:\s|$)")
_LANGUAGE_HINTS = {"ru": "ru", "kk": "kk"}


@dataclass(frozen=True)
class _Event:
    """An update, read: what the turn gets, and what Telegram needs for the way back."""

    incoming: Incoming
    chat: int
    number: int | None = None
    query: str | None = None


class Telegram:
    """Both ways in (polling and webhook) over one handling."""

    def __init__(self, bot: Bot, turn: Turn, outbox: Outbox, now: Callable[[], Any]) -> None:
        self._bot = bot
        self._turn = turn
        self._outbox = outbox
        self._now = now
        self._tails: dict[int, asyncio.Task[None]] = {}

    # -- polling

    async def poll(self) -> None:
        """Fetch for ever. Ends only when it is cancelled."""
        offset: int | None = None
        running: dict[int, asyncio.Task[None]] = {}
        finished: set[int] = set()
        attempt = 0
        log("polling")
        while True:
            try:
                updates = await self._fetch(offset)
                attempt = 0
            except TelegramError as error:
                log("fetch_failed", error=type(error).__name__, attempt=attempt)
                await asyncio.sleep(_pause(error, attempt))
                attempt += 1
                continue
            fresh = False
            for update in updates:
                number = _update_number(update)
                if number is None or number in running or number in finished:
                    continue
                fresh = True
                running[number] = self._take(update, number)
            if running and not fresh:
                # All that came is being worked on: wait for news instead of asking round and round.
                await asyncio.wait(running.values(), timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
            elif running:
                await asyncio.sleep(0)
            for number in [n for n, task in running.items() if task.done()]:
                del running[number]
                finished.add(number)
            offset = _next_offset(running, finished, offset)
            finished = {number for number in finished if offset is not None and number >= offset}

    async def _fetch(self, offset: int | None) -> list[dict[str, Any]]:
        """The raw updates: a batch that python-telegram-bot parses fails as a whole."""
        parameters: dict[str, Any] = {
            "timeout": POLL_SECONDS,
            "limit": BATCH,
            "allowed_updates": list(ALLOWED_UPDATES),
        }
        if offset is not None:
            parameters["offset"] = offset
        updates = await self._bot.do_api_request("getUpdates", api_kwargs=parameters, read_timeout=POLL_SECONDS + 10)
        return updates if isinstance(updates, list) else []

    # -- webhook

    async def webhook(self, request: Request, secret: str) -> Response:
        """One update by HTTP: 200 only when its effects are committed. The header comes first."""
        if not hmac.compare_digest(request.headers.get(_SECRET_HEADER, "").encode(), secret.encode()):
            log("webhook_refused", status=403)
            return Response(status_code=403)
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGEST_UPDATE:
            log("webhook_refused", status=413)
            return Response(status_code=413)
        try:
            update = json.loads(await request.body())
        except (ValueError, RecursionError, ClientDisconnect):
            # Telegram would send it for ever; there is nothing in it that could be answered.
            log("update_quarantined", error="unreadable")
            return Response(status_code=200)
        number = _update_number(update)
        if number is None:
            log("update_quarantined", error="unnumbered")
            return Response(status_code=200)
        await asyncio.shield(self._take(update, number))
        return Response(status_code=200)

    # -- one update

    def _take(self, update: dict[str, Any], number: int) -> asyncio.Task[None]:
        """Handle an update after those of the same chat that came before it."""
        chat = _chat_number(update)
        # All that has come counts, not only what its turn has come for: answers get higher numbers than any of it.
        self._outbox.saw(_message_number(update))
        before = self._tails.get(chat) if chat is not None else None
        task = asyncio.create_task(self._after(before, update, number))
        if chat is not None:
            self._tails[chat] = task
            task.add_done_callback(lambda done: self._leave(chat, done))
        return task

    def _leave(self, chat: int, done: asyncio.Task[None]) -> None:
        if self._tails.get(chat) is done:
            del self._tails[chat]

    async def _after(self, before: asyncio.Task[None] | None, update: dict[str, Any], number: int) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            await self._handle(update, number)
        except Exception as error:
            log("update_failed", error=type(error).__name__)

    async def _handle(self, raw: dict[str, Any], number: int) -> None:
        try:
            event = read(Update.de_json(raw, self._bot), number)
        except Exception as error:
            # Only the kind of error: its text quotes the update.
            log("update_quarantined", error=type(error).__name__)
            event = salvage(raw, number)
        if isinstance(event, _Event):
            await self._answer(event)
        elif isinstance(event, Chat):
            await self._leave_group(event)
        elif isinstance(event, int):
            await self._outbox.forget_chat(self._turn.profile(f"telegram:{event}"))

    async def _answer(self, event: _Event) -> None:
        """Through the turn until it is committed; answered at once even when it cannot be."""
        profile = self._turn.profile(event.incoming.address)

        def deliver(session: Session, owner: bytes, answer: Answer) -> None:
            if event.number is not None:
                storage.remember_message(session, owner, event.number, self._now())
            self._outbox.write(session, owner, event.chat, answer, spoken=event.query is not None)

        attempt = 0
        while True:
            answer = await self._turn.handle(event.incoming, deliver)
            if event.query is not None and attempt == 0:
                await self._acknowledge(event.query, answer.notice)
            if answer.stored:
                break
            await send_unstored(self._bot, event.chat, answer.messages)
            await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            attempt += 1
        self._outbox.wake(profile)

    async def _acknowledge(self, query: str, notice: str | None) -> None:
        """Stop the button's hourglass; an alert leaves no trace in the chat."""
        try:
            await self._bot.answer_callback_query(
                query, text=notice[:200] if notice else None, show_alert=notice is not None
            )
        except TelegramError as error:
            log("delivery_failed", error=type(error).__name__)

    async def _leave_group(self, chat: Chat) -> None:
        """Janymda talks with one child alone: whatever is not a private chat is left."""
        try:
            await self._bot.leave_chat(chat.id)
            log("left_group", kind=chat.type)
        except (BadRequest, Forbidden):
            return  # We are out already.
        except TelegramError as error:
            log("delivery_failed", error=type(error).__name__)

    async def introduce(self, commands: dict[str, list[tuple[str, str]]]) -> None:
        """Tell Telegram our commands, by language; `""` is for everybody else."""
        for language, pairs in commands.items():
            try:
                await self._bot.set_my_commands(
                    [BotCommand(name, words) for name, words in pairs],
                    language_code=language or None,
                )
            except TelegramError as error:
                log("delivery_failed", error=type(error).__name__)


def read(update: Update | None, number: int) -> _Event | Chat | int | None:
    """What an update means: an event for the turn, a chat to leave, a chat that blocked us, nothing."""
    if update is None:
        return None
    if update.my_chat_member is not None:
        change = update.my_chat_member
        if change.chat.type != Chat.PRIVATE:
            gone = change.new_chat_member.status in ("left", "kicked")
            return None if gone else change.chat
        return change.chat.id if change.new_chat_member.status == "kicked" else None
    if update.callback_query is not None:
        return _read_button(update, number)
    message = update.message or update.edited_message
    if message is None:
        return update.effective_chat if _is_group(update.effective_chat) else None
    if message.chat.type != Chat.PRIVATE:
        return message.chat if _is_group(message.chat) else None
    return _read_message(message, number, edited=update.message is None)


def salvage(raw: dict[str, Any], number: int) -> _Event | None:
    """What can be answered of a message that the library cannot parse.

    A field that Telegram has added since must not make a child's words go unheard.
    """
    message = raw.get("message")
    if not isinstance(message, dict):
        return None
    chat = _chat_number(raw)
    if not _is_id(chat) or message["chat"].get("type") != Chat.PRIVATE:
        return None
    written = message.get("text") or message.get("caption")
    text = written if isinstance(written, str) else ""
    told = message.get("message_id")
    return _Event(
        Incoming(f"telegram:{chat}", f"telegram:{number}", Kind.TEXT if text else Kind.OTHER, text),
        chat,
        told if _is_id(told) else None,
    )


def _is_id(value: Any) -> TypeGuard[int]:
    """A number that Telegram can have given: positive, and no larger than it says."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST_ID


def _is_group(chat: Chat | None) -> bool:
    return chat is not None and chat.type in (Chat.GROUP, Chat.SUPERGROUP, Chat.CHANNEL)


def _read_button(update: Update, number: int) -> _Event | None:
    query = update.callback_query
    if query is None or query.message is None or query.message.chat.type != Chat.PRIVATE:
        return None
    chat = query.message.chat.id
    if not _is_id(chat):
        return None
    incoming = Incoming(
        address=f"telegram:{chat}",
        update=f"telegram:{number}",
        kind=Kind.BUTTON,
        text=query.data or "",
        hint=_LANGUAGE_HINTS.get(query.from_user.language_code or ""),
    )
    return _Event(incoming, chat, None, query.id)


def _read_message(message: Message, number: int, *, edited: bool) -> _Event | None:
    if not _is_id(message.chat.id):
        return None
    kind, text = (Kind.EDITED, message.text or message.caption or "") if edited else _kind(message)
    if kind is None:
        return None
    sender = message.from_user
    incoming = Incoming(
        address=f"telegram:{message.chat.id}",
        update=f"telegram:{number}",
        kind=kind,
        text=text,
        hint=_LANGUAGE_HINTS.get((sender.language_code or "") if sender else ""),
    )
    return _Event(incoming, message.chat.id, message.message_id if _is_id(message.message_id) else None)


def _kind(message: Message) -> tuple[Kind | None, str]:
    """Which kind of message this is, and the words in it; None for Telegram's own service lines."""
    if message.text is not None:
        command = _COMMAND.match(message.text)
        return (Kind.COMMAND, command.group(1)) if command else (Kind.TEXT, message.text)
    under = message.caption or ""
    if message.photo or message.video or message.animation or message.document or message.story:
        return Kind.PHOTO, under
    if message.paid_media:
        return Kind.PHOTO, under
    if message.voice or message.audio or message.video_note:
        return Kind.VOICE, under
    if message.sticker:
        return Kind.STICKER, ""
    if message.contact:
        return Kind.CONTACT, ""
    if message.location or message.venue:
        return Kind.LOCATION, ""
    if message.poll or message.dice or message.game or message.invoice or message.checklist:
        return Kind.OTHER, ""
    return (None, "") if _is_service_line(message) else (Kind.OTHER, under)


_SERVICE = (
    "new_chat_members", "left_chat_member", "pinned_message", "message_auto_delete_timer_changed",
    "write_access_allowed", "connected_website", "chat_background_set", "boost_added",
    "successful_payment", "refunded_payment", "users_shared", "chat_shared", "gift", "unique_gift",
)  # fmt: skip


def _is_service_line(message: Message) -> bool:
    return any(getattr(message, name, None) for name in _SERVICE)


def _update_number(update: Any) -> int | None:
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if _is_id(number) else None


def _chat_number(update: dict[str, Any]) -> int | None:
    """The chat in an update that nobody has checked yet; it only keeps the order."""
    part: Any = update.get("message") or update.get("edited_message")
    if part is None and isinstance(update.get("callback_query"), dict):
        part = update["callback_query"].get("message")
    chat = part.get("chat") if isinstance(part, dict) else None
    number = chat.get("id") if isinstance(chat, dict) else None
    return number if isinstance(number, int) else None


def _message_number(update: dict[str, Any]) -> int:
    """The number of the message in an update that nobody has checked yet; 0 when it has none."""
    message = update.get("message")
    number = message.get("message_id") if isinstance(message, dict) else None
    return number if _is_id(number) else 0


def _next_offset(running: dict[int, asyncio.Task[None]], finished: set[int], before: int | None) -> int | None:
    """The first number that is not confirmed: everything below it is committed."""
    if running:
        return min(running)
    return max(finished) + 1 if finished else before


def _pause(error: TelegramError, attempt: int) -> float:
    if isinstance(error, RetryAfter):
        seconds = error.retry_after
        return float(seconds if isinstance(seconds, int | float) else seconds.total_seconds())
    return RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
