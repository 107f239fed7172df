"""What is done by the clock: deadlines, notices, follow-ups, deletion. Each run may be the first after a crash."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bot import endings, storage
from bot.log import log
from bot.memory import let_go
from bot.messages import Answer
from bot.outbox import Outbox
from bot.turn import Turn
from referrals import people, reminders
from referrals.cases import followup, handing, lifecycle, retention
from referrals.cases.models import Case, Notice
from referrals.crypto import SealBroken, Sealer
from referrals.db import checkpoint, writing
from referrals.notices import Letter, SendLetter, deliver_due, send_mail
from referrals.settings import Settings

# An escalation is at most so late.
EVERY_SECONDS = 30.0
_KAZAKHSTAN = ZoneInfo("Asia/Almaty")
# When a child allowed a line to come; in the night never.
_WINDOWS = {
    "any": (time(9), time(21)),
    "day": (time(14), time(18)),
    "evening": (time(18), time(21)),
}
_FOLLOW_UP = ("better", "same", "worse")


class Chores:
    """Everything that waits for a time, done when it has come."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        sessions: Callable[[], Session],
        sealer: Sealer,
        turn: Turn,
        outbox: Outbox | None,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._sessions = sessions
        self._sealer = sealer
        self._turn = turn
        self._outbox = outbox
        self._now = now

    async def run(self) -> None:
        """For ever; a failure of one thing holds up no other."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self) -> None:
        """All of it, once."""
        for work in (self._deadlines, self._count_endings, self._deletion, self._remind_staff):
            try:
                await asyncio.to_thread(work)
            except Exception as error:  # the next thing must be done all the same
                log("chore_failed", error=type(error).__name__)
        for tell in (self._tell_organizations, self._tell_children):
            try:
                await tell()
            except Exception as error:
                log("chore_failed", error=type(error).__name__)
        let_go()

    def _deadlines(self) -> None:
        with writing(self._sessions) as session:
            lifecycle.escalate(session, self._now())
            handing.expire(session, self._now())
        with writing(self._sessions) as session:
            followup.ask_due(session, self._now())

    def _count_endings(self) -> None:
        with writing(self._sessions) as session:
            endings.count_idle(session, self._sealer, self._now())

    def _deletion(self) -> None:
        at = self._now()
        with writing(self._sessions) as session:
            storage.sweep(session, at)
            swept = retention.sweep(session, at, timedelta(days=self._settings.case_days))
            people.sweep(session, at)
        if swept.drafts or swept.cases:
            checkpoint(self._engine)

    def _remind_staff(self) -> None:
        mail = self._settings.mail
        if mail is not None:
            send = partial(send_mail, mail)
            reminders.remind(self._sessions, send, self._settings.console_url, self._now(), _notice_failed)

    async def _tell_organizations(self) -> None:
        ways: dict[str, SendLetter] = {}
        mail = self._settings.mail
        if mail is not None:

            async def by_mail(letter: Letter) -> None:
                await asyncio.to_thread(send_mail, mail, letter)

            ways["mail"] = by_mail
        if self._outbox is not None:
            ways["telegram"] = self._outbox.send_letter

        if ways:
            await deliver_due(self._sessions, ways, self._settings.console_url, self._now(), _notice_failed)

    async def _tell_children(self) -> None:
        for notice_id, relay in await asyncio.to_thread(self._due_to_children):
            if relay is None or not await self._tell_child(notice_id, relay):
                await asyncio.to_thread(self._settle, notice_id, relay)

    def _due_to_children(self) -> list[tuple[int, dict[str, Any] | None]]:
        with self._sessions() as session:
            due = session.scalars(
                select(Notice)
                .where(Notice.address_id.is_(None), Notice.staff_id.is_(None))
                .where(Notice.sent_at.is_(None), Notice.next_at <= self._now())
                .order_by(Notice.id)
            )
            return [(notice.id, self._relay(session, notice)) for notice in due.all()]

    def _relay(self, session: Session, notice: Notice) -> dict[str, Any] | None:
        """The way to the child and what may be said; None when there is none any more."""
        case = session.get(Case, notice.case_id) if notice.case_id else None
        if case is None or case.relay is None:
            return None
        try:
            relay: dict[str, Any] = json.loads(self._sealer.open(case.relay, f"relay:{case.id}"))
        except SealBroken:
            log("seal_broken", kind="relay")
            return None
        return {**relay, "kind": notice.kind, "case": str(case.id)}

    async def _tell_child(self, notice_id: int, relay: dict[str, Any]) -> bool:
        """A neutral line, if this is a chat that can be written to and the hour is the child's; False when not."""
        address, outbox = str(relay["address"]), self._outbox
        if outbox is None or not address.startswith("telegram:") or next_hour(relay["when"], self._now()):
            return False
        chat = int(address.removeprefix("telegram:"))

        def deliver(session: Session, profile: bytes, answer: Answer) -> None:
            outbox.write(session, profile, chat, answer, spoken=False)

        def done(session: Session) -> None:
            session.get_one(Notice, notice_id).sent_at = self._now()

        await self._turn.speak_first(address, [_line(relay)], deliver, done)
        outbox.wake(self._turn.profile(address))
        return True

    def _settle(self, notice_id: int, relay: dict[str, Any] | None) -> None:
        """Not now: at the child's next hour; never, where there is no way to it."""
        reachable = relay is not None and str(relay["address"]).startswith("telegram:")
        later = next_hour(relay["when"], self._now()) if relay is not None and reachable else None
        with writing(self._sessions) as session:
            notice = session.get_one(Notice, notice_id)
            if later is not None:
                notice.next_at = later
            elif not reachable:
                notice.sent_at = self._now()


def _notice_failed(error: Exception) -> None:
    log("notice_failed", error=type(error).__name__)


def _line(relay: dict[str, Any]) -> dict[str, Any]:
    if relay["kind"] != "follow_up":
        return {"reply": "look_in"}
    presses = [{"label": how, "press": {"do": "follow_up", "how": how, "case": relay["case"]}} for how in _FOLLOW_UP]
    return {"reply": "how_are_you", "buttons": presses}


def next_hour(when: str, at: datetime) -> datetime | None:
    """When the child's hours begin next; None when it is one of them now."""
    opens, closes = _WINDOWS.get(when, _WINDOWS["any"])
    here = at.astimezone(_KAZAKHSTAN)
    if opens <= here.time() < closes:
        return None
    day = here.date() if here.time() < opens else here.date() + timedelta(days=1)
    return datetime.combine(day, opens, tzinfo=_KAZAKHSTAN)
