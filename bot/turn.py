"""One message of a child from start to end. Read this file first.

guard -> mask -> dialogue -> voice -> commit. Danger wins at once, in every state; whatever fails
on the way, the child is answered with help.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from bot import endings, storage
from bot.cards import HELP_CARD
from bot.decide import Decision
from bot.dialogue import Dialogue
from bot.handover import Handovers
from bot.language import TELLING_WORDS, reply_language
from bot.log import log
from bot.messages import Answer, Effect, Incoming, Kind, Outgoing, Reply
from bot.seats import Seat, Seats
from bot.state import IDLE_SECONDS, State
from bot.voice import Voice
from referrals.crypto import Sealer, pseudonym
from referrals.db import writing


class Delivery(Protocol):
    """What a channel writes in the turn's own transaction."""

    def __call__(self, session: Session, profile: bytes, answer: Answer, /) -> None: ...


def no_delivery(session: Session, profile: bytes, answer: Answer) -> None:
    """For channels that carry the answer back on the line it came in."""


class Turn:
    """Carries out one thing after another for each child, children in parallel."""

    def __init__(
        self,
        *,
        sessions: Callable[[], Session],
        sealer: Sealer,
        pepper: bytes,
        dialogue: Dialogue,
        voice: Voice,
        handovers: Handovers,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sessions = sessions
        self._sealer = sealer
        self._pepper = pepper
        self._voice = voice
        self._handovers = handovers
        self._now = now
        self._seats = Seats()
        self._decision = Decision(profile=self.profile, dialogue=dialogue, voice=voice, handovers=handovers, now=now)
        # Updates that were answered while the database was down, so that nobody is answered twice.
        self._answered: set[str] = set()

    def profile(self, address: str) -> bytes:
        """The pseudonym under which a chat is known."""
        return pseudonym(self._pepper, address)

    async def handle(self, incoming: Incoming, deliver: Delivery = no_delivery) -> Answer:
        """Answer one thing that a child did; its effects are committed when this returns.

        `Answer.stored` is False when the database was down: the channel then carries the
        messages by itself, and the update must not be confirmed.
        """
        profile = self.profile(incoming.address)
        seat = self._seats.of(profile)
        async with seat.lock:
            if incoming.update in self._answered:
                return await self._write_down(incoming.update)
            try:
                state = await asyncio.to_thread(self._load, profile, incoming.update)
                stored = True
            except Exception as error:
                log("turn_degraded", error=type(error).__name__)
                state, stored = State(), False
            if state is None:
                return Answer(repeated=True)
            left = self._settle(state, incoming, seat)
            try:
                reply = await self._decision.reply(incoming, state, seat)
            except Exception as error:
                # A mistake of ours must be neither silence for the child nor a traceback with its words.
                log("turn_failed", error=type(error).__name__)
                seat.renew()
                reply = Reply([HELP_CARD])
            if left or reply.hide:
                # Before anything else of this turn: whoever writes now must not find the words of before.
                reply = replace(reply, effects=[self._handovers.drop_words(profile), *reply.effects])
            return await self._finish(incoming, profile, state, reply, deliver, stored, seat)

    async def begin(self, address: str, language: str, band: str | None) -> None:
        """Start a conversation with what onboarding would have asked."""
        state = State(language=language, language_chosen=True)
        state.seen_at = self._now().timestamp()
        if band:
            state.step.slots["age_band"] = band
            state.step.slots["audience"] = "adult" if band == "adult" else "self"
        profile = self.profile(address)

        def store() -> None:
            with writing(self._sessions) as session:
                storage.save_state(session, self._sealer, profile, state, self._now())

        await asyncio.to_thread(store)

    async def forget(self, address: str) -> None:
        """Erase everything that is kept of this chat."""
        profile = self.profile(address)

        def erase() -> None:
            with writing(self._sessions) as session:
                storage.erase(session, profile)

        await asyncio.to_thread(erase)

    async def speak_first(
        self, address: str, replies: Sequence[dict[str, Any]], deliver: Delivery, effect: Effect
    ) -> None:
        """Say something without being asked, as the child allowed it; `effect` notes that it was said."""
        profile = self.profile(address)
        async with self._seats.of(profile).lock:

            def say() -> None:
                with writing(self._sessions) as session:
                    state = storage.load_state(session, self._sealer, profile) or State()
                    if self._lay_idle(state):
                        # What it stands in must not be found by whoever reads the line; its own buttons must work.
                        state = endings.forget(state, datetime.fromtimestamp(state.seen_at, UTC))
                        self._handovers.forget(profile)
                        self._handovers.drop_words(profile)(session)
                    answer = Answer(self._voice.say(replies, state))
                    storage.save_state(session, self._sealer, profile, state, self._now())
                    deliver(session, profile, answer)
                    effect(session)

            await asyncio.to_thread(say)

    # -- before: where did we stand?

    def _load(self, profile: bytes, update: str) -> State | None:
        """The stored state; None when this update has had its effect already."""
        with self._sessions() as session:
            if storage.is_done(session, update):
                return None
            return storage.load_state(session, self._sealer, profile) or State()

    async def _write_down(self, update: str) -> Answer:
        """Catch up on an update that was answered while the database was down."""

        def mark() -> None:
            with writing(self._sessions) as session:
                if not storage.is_done(session, update):
                    storage.mark_done(session, update, self._now())

        try:
            await asyncio.to_thread(mark)
        except Exception as error:
            log("commit_failed", error=type(error).__name__)
            return Answer(stored=False, repeated=True)
        self._answered.discard(update)
        return Answer(repeated=True)

    def _lay_idle(self, state: State) -> bool:
        return bool(state.seen_at) and self._now().timestamp() - state.seen_at > IDLE_SECONDS

    def _settle(self, state: State, incoming: Incoming, seat: Seat) -> bool:
        """Forget a conversation that lay idle (then True), and take the language from what is written."""
        left = self._lay_idle(state)
        if left:
            left_at = datetime.fromtimestamp(state.seen_at, UTC)
            state.__dict__.update(endings.forget(state, left_at).__dict__)
            self._handovers.forget(self.profile(incoming.address))
            seat.renew()
        state.seen_at = self._now().timestamp()
        telling = state.language is None or len(incoming.text.split()) >= TELLING_WORDS
        if incoming.kind is Kind.TEXT and not state.language_chosen and telling:
            state.language = reply_language(incoming.text, state.language) or state.language
        if state.language is None:
            state.language = incoming.hint
        return left

    # -- after: into words, and committed

    async def _finish(
        self,
        incoming: Incoming,
        profile: bytes,
        state: State,
        reply: Reply,
        deliver: Delivery,
        stored: bool,
        seat: Seat,
    ) -> Answer:
        answer = self._answer(reply, state)
        if stored:
            try:
                await asyncio.to_thread(self._commit, incoming.update, profile, state, reply, answer, deliver)
                return answer
            except Exception as error:
                log("commit_failed", error=type(error).__name__)
                seat.renew()
        if reply.instead is not None:
            answer = self._answer(Reply([reply.instead]), state)
        self._answered.add(incoming.update)
        return Answer(answer.messages, answer.hide, answer.notice, stored=False)

    def _answer(self, reply: Reply, state: State) -> Answer:
        try:
            messages = self._voice.say(reply.replies, state)
        except Exception as error:
            # A key without words is our fault, never the child's: the card has words.
            log("turn_failed", error=type(error).__name__)
            messages = self._voice.say([HELP_CARD], state)
        if reply.hide:
            # The last line must look like nothing: no buttons under it.
            messages = tuple(Outgoing(m.key, m.text) for m in messages)
        notice = None
        if reply.notice:
            notice = self._voice.say([{"reply": reply.notice}], state)[0].text
        return Answer(messages, hide=reply.hide, notice=notice)

    def _commit(
        self,
        update: str,
        profile: bytes,
        state: State,
        reply: Reply,
        answer: Answer,
        deliver: Delivery,
    ) -> None:
        with writing(self._sessions) as session:
            storage.mark_done(session, update, self._now())
            for effect in reply.effects:
                effect(session)
            if reply.erase:
                storage.erase(session, profile)
                self._handovers.unlink(session, profile)
            else:
                storage.save_state(session, self._sealer, profile, state, self._now())
            deliver(session, profile, answer)
