"""What is said to one thing that a child did: the guard first, then the bot's own buttons, own words, and Rasa.

Nothing here writes: what must be stored goes along as effects, for bot/turn.py to commit.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from bot import cards, endings
from bot.dialogue import Dialogue, DialogueFailed, Said
from bot.facts import find_age_band, find_audience, find_only_age, read_language_answer
from bot.guard import Alarm, find_danger, is_safe_word
from bot.handover import Handovers, asks_own_words, find_receipt
from bot.language import TELLING_WORDS, is_foreign
from bot.mask import is_unknown_command, mask, normalise
from bot.messages import Incoming, Kind, Reply
from bot.plain import asks_of_fault, cannot_call
from bot.seats import Seat
from bot.state import SENDER_TURNS, State, Step
from bot.voice import CONTROL, Voice

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
# Seconds that the answer to a doubtful alarm waits for the model.
_WAIT_FOR_DOUBT = 0.3
# Right after an answer to danger these mean that it is not over; so does whatever is not clearly something else.
_CLOSES = frozenset(("thanked", "said_goodbye"))
_STILL_IN_DANGER = frozenset(("sadness", "unsure", "nlu_fallback"))
_CLEARLY = 0.6
# So many words in the midst of danger are about that danger.
_FEW = 3
# The danger that is answered anew while another is not over: what a child may do to itself.
_GRAVER = "self_harm"
# "No", "nobody", "go on": an answer to the question, not something to be passed on.
_PASSES = re.compile(
    r"\W*(?:нет|не|неа|никто|никого|дальше|не знаю|не хочу|пропустить|пропусти|жоқ|жок|ешкім|ешким|білмеймін|билмеймин"
    r"|әрі қарай|ари карай|керек емес|қаламаймын|skip|no|net|joq|zhok)\W*",
    re.IGNORECASE,
)


def _passes(text: str) -> bool:
    return _PASSES.fullmatch(text) is not None


class Decision:
    """Decides, for one child after another; `profile` gives the pseudonym under which a chat is known."""

    def __init__(
        self,
        *,
        profile: Callable[[str], bytes],
        dialogue: Dialogue,
        voice: Voice,
        handovers: Handovers,
        now: Callable[[], datetime],
    ) -> None:
        self._profile = profile
        self._dialogue = dialogue
        self._voice = voice
        self._handovers = handovers
        self._now = now

    async def reply(self, incoming: Incoming, state: State, seat: Seat) -> Reply:
        """What is said to one thing that a child did; the state goes along."""
        if incoming.kind in _MEDIA:
            return await self._media(incoming, state, seat)
        if incoming.kind is Kind.COMMAND:
            return await self._command(incoming, state, seat)
        if incoming.kind is Kind.BUTTON:
            return await self._button(incoming, state, seat)
        return await self._text(incoming, state, seat)

    async def _media(self, incoming: Incoming, state: State, seat: Seat) -> Reply:
        """Media is never opened; what is written under a picture is read like any message."""
        said: dict[str, Any] = {"reply": _MEDIA[incoming.kind]}
        if incoming.kind is not Kind.EDITED and incoming.text.strip():
            under = await self._text(incoming, state, seat)
            danger = any(r["reply"].startswith("danger_") for r in under.replies)
            # With its effects: own words under a picture are kept, as is said.
            return replace(under, replies=[*under.replies, said] if danger else [said, *under.replies])
        alarm = find_danger(incoming.text) if incoming.text else None
        return self._danger(alarm, state) if alarm else Reply([said])

    async def _command(self, incoming: Incoming, state: State, seat: Seat) -> Reply:
        command = incoming.text
        if command == "start":
            state.step, state.history = Step(), []
            seat.renew()
            return await self._converse(state, seat, intent="start")
        if command in _COMMANDS:
            return await self._control(_COMMANDS[command], incoming, state, seat)
        return Reply([cards.HELP_NOW])

    async def _button(self, incoming: Incoming, state: State, seat: Seat) -> Reply:
        token = incoming.text
        if token.startswith(CONTROL):
            return await self._control(token.removeprefix(CONTROL), incoming, state, seat)
        spec = state.buttons.get(token)
        if spec is None:
            return Reply([{"reply": "old_button"}, *state.step.replies])
        if "press" in spec:
            profile = self._profile(incoming.address)
            return await self._handovers.press(spec["press"], token, profile, incoming.address, state)
        if spec["entities"].get("language") in ("kk", "ru"):
            state.language, state.language_chosen = spec["entities"]["language"], True
        return await self._converse(state, seat, intent=spec["intent"], entities=spec["entities"])

    async def _control(self, name: str, incoming: Incoming, state: State, seat: Seat) -> Reply:
        """The bot's own buttons: always at hand, with nothing behind them that could be down."""
        if name in ("hide", "erase"):
            self._handovers.forget(self._profile(incoming.address))
        if name == "hide":
            state.__dict__.update(endings.forget(state, self._now()).__dict__)
            seat.renew()
            return Reply([{"reply": "hide_last"}], hide=True, notice="hide_stays")
        if name == "erase":
            ended = endings.forget(state, self._now()).ended
            state.__dict__.update(State(language=state.language).__dict__)
            seat.renew()
            counted = partial(endings.count_erased, profile=self._profile(incoming.address), ended=ended)
            return Reply([{"reply": "hide_last"}], hide=True, erase=True, notice="erased", effects=[counted])
        if name == "erase_ask":
            return Reply([cards.ASK_ERASE])
        if name == "back":
            return self._back(state, seat)
        if name == "safe":
            return await self._safe(state, seat)
        if name in ("kk", "ru"):
            state.language, state.language_chosen = name, True
            return Reply([{"reply": "language_changed"}, *state.step.replies])
        if name == "language":
            return Reply([cards.ASK_LANGUAGE])
        return Reply([cards.HELP_NOW_ALL])

    def _back(self, state: State, seat: Seat) -> Reply:
        """One step back, exactly: Rasa begins anew from the slots and form of that step."""
        if not state.history:
            return Reply([{"reply": "nothing_back"}, *state.step.replies])
        state.step = state.history.pop()
        seat.renew()
        return Reply([{"reply": "went_back"}, *state.step.replies])

    async def _safe(self, state: State, seat: Seat) -> Reply:
        """ "I am not in danger": on from the very step before, or with what was told."""
        concern, state.danger = state.danger, None
        if state.step.replies:
            return Reply([{"reply": "safe_now"}, *state.step.replies])
        if concern is None:
            return await self._converse(state, seat, intent="not_in_danger")
        told = await self._converse(state, seat, intent=concern)
        return Reply([{"reply": "safe_now"}, *told.replies])

    async def _text(self, incoming: Incoming, state: State, seat: Seat) -> Reply:
        text = incoming.text
        if is_safe_word(text):
            return Reply([cards.HELP_NOW_ALL])
        alarm = find_danger(text)
        own = await self._own_words(incoming, state, seat, alarm)
        if own is not None:
            return own
        self._learn(text, state, seat)
        clean = mask(normalise(text))
        if alarm and await self._stands(alarm, clean):
            return self._danger(alarm, state)
        if is_unknown_command(text):
            return Reply([cards.HELP_NOW])
        plain = await self._plain(clean, state, seat)
        if plain is not None:
            return plain
        self._leave_language(clean, state, seat)
        danger = state.danger
        reply = await self._converse(state, seat, text=clean)
        if danger and reply.replies[0]["reply"] == "safe_now":
            # Written instead of pressed: it leads on in the same way.
            state.danger = danger
            return await self._safe(state, seat)
        if len(text) > _LONG:
            return Reply([{"reply": "too_long"}, *reply.replies], reply.hide, reply.erase)
        return reply

    async def _stands(self, alarm: Alarm, clean: str) -> bool:
        """A sure alarm stands by itself, and a doubtful one unless the model says at once that it is none."""
        if not alarm.doubtful:
            return True
        try:
            reading = await asyncio.wait_for(self._dialogue.read(clean), _WAIT_FOR_DOUBT)
        except (DialogueFailed, TimeoutError):
            return True
        return alarm.stands(reading.danger)

    async def _in_danger(self, clean: str, state: State, seat: Seat) -> Reply | None:
        """Just after an answer to danger the talk stays there, until a clear word leads on: None for such a word."""
        if cannot_call(clean):
            return Reply([cards.DANGER_NO_CALL])
        age = find_only_age(clean)
        if age:
            self._note(state, seat, age_band=age)
        if age or await self._still_in_danger(clean):
            return Reply([cards.DANGER_STAY])
        return None

    async def _still_in_danger(self, clean: str) -> bool:
        """ "I am afraid", "we hid": it is not over, and neither is whatever is not clearly something else or new."""
        try:
            reading = await self._dialogue.read(clean)
        except DialogueFailed:
            return False
        if reading.intent == "imminent_danger":
            # The guard saw nothing new in it, and in a few words ("it is quiet now") the model guesses of what kind.
            return reading.danger < _CLEARLY or len(clean.split()) <= _FEW
        return reading.intent in _STILL_IN_DANGER or reading.confidence < _CLEARLY

    async def _plain(self, clean: str, state: State, seat: Seat) -> Reply | None:
        """What needs no model to be understood; None for anything else."""
        if not any(character.isalnum() for character in clean):
            return Reply([{"reply": "no_words", "buttons": [cards.HELP_BUTTON]}])
        if is_foreign(clean):
            return Reply([cards.OTHER_SCRIPT])
        if state.step.slots.get("concern") in _SOMEBODY_ELSES_FAULT and asks_of_fault(clean):
            # Answered at once, and the talk stays where it is.
            return Reply([{"reply": "not_your_fault"}, *state.step.replies[-1:]])
        if state.danger:
            return await self._in_danger(clean, state, seat)
        age = find_only_age(clean)
        if age and not self._asks_age(state):
            # Nobody asked: there is nothing in a number that a model could read.
            if state.step.form is None:
                return await self._converse(state, seat, intent="inform", entities={"age_band": age})
            self._note(state, seat, age_band=age)
            return Reply([{"reply": "noted"}, *state.step.replies[-1:]])
        if cannot_call(clean):
            return await self._converse(state, seat, intent="choose_help", entities={"choice": "no_call"})
        return None

    async def _own_words(self, incoming: Incoming, state: State, seat: Seat, alarm: Alarm | None) -> Reply | None:
        """What is meant for an organisation, or opens its answers: Rasa never sees it. None for anything else."""
        text, profile = incoming.text, self._profile(incoming.address)
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

    def _leave_language(self, clean: str, state: State, seat: Seat) -> None:
        """Who is asked for a language and tells something instead has shown it: the question does not come again."""
        asked = state.step.form == "onboarding_form" and state.step.slots.get("requested_slot") == "language_choice"
        if asked and state.language and len(clean.split()) >= TELLING_WORDS and not read_language_answer(clean):
            state.step.form = None
            self._note(state, seat, requested_slot=None, language_choice=state.language)

    @staticmethod
    def _asks_age(state: State) -> bool:
        """Is a number an answer to what was asked?"""
        return state.step.form == "onboarding_form" or state.step.slots.get("requested_slot") == "age_band"

    def _learn(self, text: str, state: State, seat: Seat) -> None:
        """Who writes, told in passing: this answer and all that follow should fit."""
        if state.register is not None:
            return
        if find_audience(text) == "adult":
            self._note(state, seat, audience="adult", age_band="adult")
            return
        band = find_age_band(text)
        if band:
            self._note(state, seat, age_band=band)

    @staticmethod
    def _note(state: State, seat: Seat, **slots: str | None) -> None:
        """Rasa begins anew from the same step, knowing this too."""
        state.step.slots.update(slots)
        seat.renew()

    def _danger(self, alarm: Alarm, state: State) -> Reply:
        """Help first, without asking anybody: no Rasa, no database, no directory."""
        state.danger = cards.concern_of(alarm)
        return Reply([cards.of_alarm(alarm)])

    async def _converse(
        self,
        state: State,
        seat: Seat,
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
            return Reply([cards.HELP_CARD])
        return self._take(said, state, seat)

    def _take(self, said: Said, state: State, seat: Seat) -> Reply:
        """Go where Rasa went, unless it saw danger: then the child stays at its step."""
        replies = list(said.replies)
        alarm = next((r for r in replies if r["reply"].startswith("danger_")), None)
        if alarm:
            seat.renew()
            if state.danger and said.reading.concern not in (state.danger, _GRAVER):
                # More of the same danger, which the model takes for another one.
                return Reply([cards.DANGER_STAY])
            state.danger = said.reading.concern or None
            return Reply([cards.danger(alarm["reply"])])
        if any(r["reply"] == "technical_problem" for r in replies):
            seat.renew()
            return Reply([cards.TECHNICAL_PROBLEM])
        for reply in replies:
            if reply.get("set_language") in ("kk", "ru"):
                state.language, state.language_chosen = reply["set_language"], True
        was_danger, state.danger = state.danger, None
        if replies[0]["reply"] == "safe_now" and (was_danger or state.step.replies):
            return Reply([*replies[:1], *state.step.replies])
        state.advance(Step(said.slots, said.form, replies))
        # Whoever thanks or says goodbye is not asked once more; what was asked can be answered on coming back.
        return Reply(replies[:1] if replies[0]["reply"] in _CLOSES else replies)
