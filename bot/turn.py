"""One message of a child from start to end. Read this file first.

guard -> mask -> dialogue -> voice -> commit. Danger wins at once, in every state; whatever fails
on the way, the child is answered with help.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol
from weakref import WeakValueDictionary

from sqlalchemy.orm import Session

from bot import endings, storage
from bot.dialogue import Dialogue, DialogueFailed, Said
from bot.facts import find_age_band, find_only_age
from bot.fault import asks_of_fault
from bot.guard import Alarm, Danger, find_danger, is_safe_word
from bot.handover import Handovers, asks_own_words, find_receipt
from bot.language import is_foreign, reply_language
from bot.log import log
from bot.mask import is_unknown_command, mask, normalise
from bot.messages import Answer, Effect, Incoming, Kind, Outgoing, Reply
from bot.state import IDLE_SECONDS, SENDER_TURNS, State, Step, new_sender
from bot.voice import CONTROL, Voice
from referrals.crypto import Sealer, pseudonym
from referrals.db import writing

_SAFE_BUTTON = {"label": "not_in_danger", "control": "safe"}
_DANGER_LINES = {Danger.MEDICAL: ("103", "112", "102")}
_CONCERN_OF = {
    Danger.SUICIDE: "self_harm",
    Danger.ATTACK: "physical_violence",
    Danger.MEDICAL: "physical_violence",
    Danger.OUTSIDE: "runaway",
    Danger.TAKEN: "trafficking",
    Danger.SEXUAL: "sexual_abuse",
}
# What others do to a child.
_SOMEBODY_ELSES_FAULT = frozenset((
    "sexual_abuse", "online_sexual_exploitation", "trafficking", "physical_violence", "emotional_abuse", "neglect",
    "bullying", "cyberbullying", "forced_marriage", "discrimination",
))  # fmt: skip
_MEDIA = {
    Kind.PHOTO: "media_photo",
    Kind.VOICE: "media_voice",
    Kind.STICKER: "media_sticker",
    Kind.CONTACT: "media_contact",
    Kind.LOCATION: "media_location",
    Kind.OTHER: "media_other",
    Kind.EDITED: "message_edited",
}
_COMMANDS = {
    "help": "help", "sos": "help", "back": "back", "language": "language", "hide": "hide",
    "erase": "erase_ask", "stop": "erase_ask",
}  # fmt: skip
_LONG = 1_000
# A word or two ("Павлодар", "ок") do not change the language of a talk.
_TELLING_WORDS = 3

_OTHER_SCRIPT: dict[str, Any] = {
    "reply": "other_script",
    "contacts": ["102", "112", "150"],
    "buttons": [{"label": "lang_kk", "control": "kk"}, {"label": "lang_ru", "control": "ru"}],
}
HELP_CARD: dict[str, Any] = {"reply": "help_card", "contacts": ["102", "112", "150"]}


class Delivery(Protocol):
    """What a channel writes in the turn's own transaction."""

    def __call__(self, session: Session, profile: bytes, answer: Answer, /) -> None: ...


def no_delivery(session: Session, profile: bytes, answer: Answer) -> None:
    """For channels that carry the answer back on the line it came in."""


@dataclass
class _Seat:
    """What a process remembers of a conversation while it runs: whose turn it is, Rasa's name for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    sender: str = field(default_factory=new_sender)
    turns: int = 0

    def renew(self) -> None:
        """Rasa's memory and ours may differ: begin again from the stored state."""
        self.sender, self.turns = new_sender(), 0


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
        self._dialogue = dialogue
        self._voice = voice
        self._handovers = handovers
        self._now = now
        self._seats: WeakValueDictionary[bytes, _Seat] = WeakValueDictionary()
        self._recent: list[_Seat] = []
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
        seat = self._seat(profile)
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
                reply = await self._decide(incoming, state, seat)
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
        async with self._seat(profile).lock:

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

    def _seat(self, profile: bytes) -> _Seat:
        seat = self._seats.get(profile)
        if seat is None:
            seat = self._seats[profile] = _Seat()
            # Held for a while, so that Rasa's name for a conversation outlives one message.
            self._recent = [*self._recent[-1_999:], seat]
        return seat

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

    def _settle(self, state: State, incoming: Incoming, seat: _Seat) -> bool:
        """Forget a conversation that lay idle (then True), and take the language from what is written."""
        left = self._lay_idle(state)
        if left:
            left_at = datetime.fromtimestamp(state.seen_at, UTC)
            state.__dict__.update(endings.forget(state, left_at).__dict__)
            self._handovers.forget(self.profile(incoming.address))
            seat.renew()
        state.seen_at = self._now().timestamp()
        telling = state.language is None or len(incoming.text.split()) >= _TELLING_WORDS
        if incoming.kind is Kind.TEXT and not state.language_chosen and telling:
            state.language = reply_language(incoming.text, state.language) or state.language
        if state.language is None:
            state.language = incoming.hint
        return left

    # -- the decision: what is said?

    async def _decide(self, incoming: Incoming, state: State, seat: _Seat) -> Reply:
        if incoming.kind in _MEDIA:
            return await self._media(incoming, state, seat)
        if incoming.kind is Kind.COMMAND:
            return await self._command(incoming, state, seat)
        if incoming.kind is Kind.BUTTON:
            return await self._button(incoming, state, seat)
        return await self._text(incoming, state, seat)

    async def _media(self, incoming: Incoming, state: State, seat: _Seat) -> Reply:
        """Media is never opened; what is written under a picture is read like any message."""
        said: dict[str, Any] = {"reply": _MEDIA[incoming.kind]}
        if incoming.kind is not Kind.EDITED and incoming.text.strip():
            under = await self._text(incoming, state, seat)
            danger = any(r["reply"].startswith("danger_") for r in under.replies)
            # With its effects: own words under a picture are kept, as is said.
            return replace(under, replies=[*under.replies, said] if danger else [said, *under.replies])
        alarm = find_danger(incoming.text) if incoming.text else None
        return self._danger(alarm, state) if alarm else Reply([said])

    async def _command(self, incoming: Incoming, state: State, seat: _Seat) -> Reply:
        command = incoming.text
        if command == "start":
            state.step, state.history = Step(), []
            seat.renew()
            return await self._converse(state, seat, intent="start")
        if command in _COMMANDS:
            return await self._control(_COMMANDS[command], incoming, state, seat)
        return Reply([{"reply": "help_now", **_contacts("102", "112", "150")}])

    async def _button(self, incoming: Incoming, state: State, seat: _Seat) -> Reply:
        token = incoming.text
        if token.startswith(CONTROL):
            return await self._control(token.removeprefix(CONTROL), incoming, state, seat)
        spec = state.buttons.get(token)
        if spec is None:
            return Reply([{"reply": "old_button"}, *state.step.replies])
        if "press" in spec:
            profile = self.profile(incoming.address)
            return await self._handovers.press(spec["press"], token, profile, incoming.address, state)
        if spec["entities"].get("language") in ("kk", "ru"):
            state.language, state.language_chosen = spec["entities"]["language"], True
        return await self._converse(state, seat, intent=spec["intent"], entities=spec["entities"])

    async def _control(self, name: str, incoming: Incoming, state: State, seat: _Seat) -> Reply:
        """The bot's own buttons: always at hand, with nothing behind them that could be down."""
        if name in ("hide", "erase"):
            self._handovers.forget(self.profile(incoming.address))
        if name == "hide":
            state.__dict__.update(endings.forget(state, self._now()).__dict__)
            seat.renew()
            return Reply([{"reply": "hide_last"}], hide=True, notice="hide_stays")
        if name == "erase":
            ended = endings.forget(state, self._now()).ended
            state.__dict__.update(State(language=state.language).__dict__)
            seat.renew()
            counted = partial(endings.count_erased, profile=self.profile(incoming.address), ended=ended)
            return Reply([{"reply": "hide_last"}], hide=True, erase=True, notice="erased", effects=[counted])
        if name == "erase_ask":
            return Reply([_ASK_ERASE])
        if name == "back":
            return self._back(state, seat)
        if name == "safe":
            return await self._safe(state, seat)
        if name in ("kk", "ru"):
            state.language, state.language_chosen = name, True
            return Reply([{"reply": "language_changed"}, *state.step.replies])
        if name == "language":
            return Reply([_ASK_LANGUAGE])
        return Reply([{"reply": "help_now", **_contacts("102", "112", "150", "111")}])

    def _back(self, state: State, seat: _Seat) -> Reply:
        """One step back, exactly: Rasa begins anew from the slots and form of that step."""
        if not state.history:
            return Reply([{"reply": "nothing_back"}, *state.step.replies])
        state.step = state.history.pop()
        seat.renew()
        return Reply([{"reply": "went_back"}, *state.step.replies])

    async def _safe(self, state: State, seat: _Seat) -> Reply:
        """ "I am not in danger": on from the very step before, or with what was told."""
        concern, state.danger = state.danger, None
        if state.step.replies:
            return Reply([{"reply": "safe_now"}, *state.step.replies])
        if concern is None:
            return await self._converse(state, seat, intent="not_in_danger")
        told = await self._converse(state, seat, intent=concern)
        return Reply([{"reply": "safe_now"}, *told.replies])

    async def _text(self, incoming: Incoming, state: State, seat: _Seat) -> Reply:
        text = incoming.text
        if is_safe_word(text):
            return Reply([{"reply": "help_now", **_contacts("102", "112", "150", "111")}])
        alarm = find_danger(text)
        own = await self._own_words(incoming, state, seat, alarm)
        if own is not None:
            return own
        if alarm:
            self._learn(text, state)
            return self._danger(alarm, state)
        if is_unknown_command(text):
            return Reply([{"reply": "help_now", **_contacts("102", "112", "150")}])
        clean = mask(normalise(text))
        plain = await self._plain(clean, state, seat)
        if plain is not None:
            return plain
        danger = state.danger
        reply = await self._converse(state, seat, text=clean)
        if danger and reply.replies[0]["reply"] == "safe_now":
            # Written instead of pressed: it leads on in the same way.
            state.danger = danger
            return await self._safe(state, seat)
        if len(text) > _LONG:
            return Reply([{"reply": "too_long"}, *reply.replies], reply.hide, reply.erase)
        return reply

    async def _plain(self, clean: str, state: State, seat: _Seat) -> Reply | None:
        """What needs no model to be understood; None for anything else."""
        if not any(character.isalnum() for character in clean):
            return Reply([{"reply": "no_words", "buttons": [_HELP_BUTTON]}])
        if is_foreign(clean):
            return Reply([_OTHER_SCRIPT])
        age = find_only_age(clean) if state.step.form is None else None
        if age:
            # Nobody asked: there is nothing in a number that a model could read.
            return await self._converse(state, seat, intent="inform", entities={"age_band": age})
        if state.step.slots.get("concern") in _SOMEBODY_ELSES_FAULT and asks_of_fault(clean):
            # Answered at once, and the talk stays where it is.
            return Reply([{"reply": "not_your_fault"}, *state.step.replies[-1:]])
        return None

    async def _own_words(self, incoming: Incoming, state: State, seat: _Seat, alarm: Alarm | None) -> Reply | None:
        """What is meant for an organisation, or opens its answers: Rasa never sees it. None for anything else."""
        text, profile = incoming.text, self.profile(incoming.address)
        receipt = find_receipt(text)
        if receipt and not alarm:
            return await self._handovers.open(receipt, profile, state)
        if state.writing:
            added = self._handovers.more_words(state, text)
            return self._with_danger(added, alarm, state)
        if not asks_own_words(state) or _passes(text):
            return None
        excluding = state.step.slots.get("requested_slot") == "handover_excluded_done"
        choice = "noted" if excluding else "given"
        if excluding:
            named = await asyncio.to_thread(self._handovers.excluded_by_name, text)
            choice = named or choice
            text = f"{self._voice.words('ho_excluded_note', state)} {text}"
        kept = self._handovers.keep_words(profile, state, text)
        if alarm:
            state.step.slots["handover_danger"] = True
            return self._with_danger(Reply([], effects=[kept]), alarm, state)
        reply = await self._converse(state, seat, intent="inform", entities={"choice": choice})
        heard = [] if excluding else [{"reply": "words_kept"}]
        return Reply([*heard, *reply.replies], effects=[kept])

    def _with_danger(self, reply: Reply, alarm: Alarm | None, state: State) -> Reply:
        """Danger comes first, and what was written is kept all the same."""
        if alarm is None:
            return reply
        danger = self._danger(alarm, state)
        return Reply([*danger.replies, *reply.replies], effects=reply.effects, instead=danger.replies[0])

    @staticmethod
    def _learn(text: str, state: State) -> None:
        """An age told in the same breath: the answer to danger should fit it too."""
        band = find_age_band(text)
        if band and state.register is None:
            state.step.slots["age_band"] = band

    def _danger(self, alarm: Alarm, state: State) -> Reply:
        """Help first, without asking anybody: no Rasa, no database, no directory."""
        state.danger = "caregiver" if alarm.other else _CONCERN_OF[alarm.kind]
        key = "danger_other" if alarm.other else f"danger_{alarm.kind.value}"
        return Reply([_danger_reply(key, _DANGER_LINES.get(alarm.kind, ("102", "112", "150")))])

    async def _converse(
        self,
        state: State,
        seat: _Seat,
        *,
        text: str | None = None,
        intent: str | None = None,
        entities: dict[str, str] | None = None,
    ) -> Reply:
        """Ask Rasa what comes next. Whatever goes wrong, the child gets the help card."""
        if seat.turns >= SENDER_TURNS:
            seat.renew()
        seat.turns += 1
        try:
            said = await self._dialogue.converse(
                seat.sender,
                text=text,
                intent=intent,
                entities=entities,
                metadata={"language": state.language or "kk", "state": state.for_dialogue()},
            )
        except DialogueFailed:
            seat.renew()
            return Reply([HELP_CARD])
        return self._take(said, state, seat)

    def _take(self, said: Said, state: State, seat: _Seat) -> Reply:
        """Go where Rasa went, unless it saw danger: then the child stays at its step."""
        replies = list(said.replies)
        alarm = next((r for r in replies if r["reply"].startswith("danger_")), None)
        if alarm:
            seat.renew()
            state.danger = said.reading.concern or None
            return Reply([_danger_reply(alarm["reply"], ("102", "112", "150"))])
        if any(r["reply"] == "technical_problem" for r in replies):
            seat.renew()
            return Reply([{"reply": "technical_problem", **_contacts("102", "112", "150")}])
        for reply in replies:
            if reply.get("set_language") in ("kk", "ru"):
                state.language, state.language_chosen = reply["set_language"], True
        was_danger, state.danger = state.danger, None
        if replies[0]["reply"] == "safe_now" and (was_danger or state.step.replies):
            return Reply([*replies[:1], *state.step.replies])
        state.advance(Step(said.slots, said.form, replies))
        return Reply(replies)

    # -- after: into words, and committed

    async def _finish(
        self,
        incoming: Incoming,
        profile: bytes,
        state: State,
        reply: Reply,
        deliver: Delivery,
        stored: bool,
        seat: _Seat,
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


# "No", "nobody", "go on": an answer to the question, not something to be passed on.
_PASSES = re.compile(
    r"\W*(?:нет|не|неа|никто|никого|дальше|не знаю|не хочу|пропустить|пропусти|жоқ|жок|ешкім|ешким|білмеймін|билмеймин"
    r"|әрі қарай|ари карай|керек емес|қаламаймын|skip|no|net|joq|zhok)\W*",
    re.IGNORECASE,
)


def _passes(text: str) -> bool:
    return _PASSES.fullmatch(text) is not None


_HELP_BUTTON = {"label": "help_now", "control": "help"}
_ASK_ERASE: dict[str, Any] = {
    "reply": "ask_erase",
    "buttons": [
        {"label": "erase_yes", "control": "erase"},
        {"label": "back", "control": "back"},
    ],
}
_ASK_LANGUAGE: dict[str, Any] = {
    "reply": "ask_language",
    "buttons": [{"label": "lang_kk", "control": "kk"}, {"label": "lang_ru", "control": "ru"}],
}


def _contacts(*numbers: str) -> dict[str, Any]:
    return {"contacts": list(numbers)}


def _danger_reply(key: str, numbers: Sequence[str]) -> dict[str, Any]:
    return {"reply": key, "contacts": list(numbers), "buttons": [_SAFE_BUTTON]}
