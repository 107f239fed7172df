"""/start: language, for whom, how old; each can be skipped."""

from collections.abc import Callable
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.reply import Event, entity, intent, say, text
from bot.actions.taxonomy import tells_or_asks
from bot.facts import (
    find_only_age,
    is_only_age,
    is_only_audience,
    read_age_answer,
    read_audience_answer,
    read_language_answer,
)

SKIPPED = "skipped"
# From here on a message is taken to tell or to ask something of its own: what is told and not heard is worse than an
# answer that has to be given again.
_SURE = 0.4
_SKIPPING = ("skip", "unsure", "deny")


class ValidateOnboardingForm(Action):
    """Takes the answer to the question that was asked, as button or in words."""

    def name(self) -> str:
        return "validate_onboarding_form"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        asked = tracker.get_slot("requested_slot")
        if asked == "language_choice":
            # A child that is asked for its language and says how old it is has said something.
            return self._language(dispatcher, tracker) or _set("age_band", find_only_age(text(tracker)))
        if asked == "audience":
            return _audience_events(_audience_answer(tracker))
        if asked == "age_band":
            return _set("age_band", read_band(tracker))
        return []

    def _language(self, dispatcher: CollectingDispatcher, tracker: Tracker) -> list[Event]:
        chosen = entity(tracker, "language") or read_language_answer(_answer(tracker, _is_one_word))
        if chosen is None and intent(tracker) in _SKIPPING:
            chosen = SKIPPED
        if chosen in ("kk", "ru") and text(tracker):
            say(dispatcher, "language_changed", set_language=chosen)
        return _set("language_choice", chosen)


def _answer(tracker: Tracker, is_only: Callable[[str], bool]) -> str:
    """What was written to a question; nothing when it is danger, or tells or asks something of its own.

    `is_only`: does a text hold nothing but the answer? Then it does not matter what a model takes it for:
    "for myself" sounds like much else.
    """
    written = text(tracker)
    if is_only(written):
        return written
    read = tracker.latest_message.get("intent") or {}
    of_its_own = tells_or_asks(intent(tracker)) and read.get("confidence", 0.0) >= _SURE
    return "" if of_its_own or intent(tracker) == "imminent_danger" else written


def _is_one_word(written: str) -> bool:
    return len(written.split()) <= 1


def _audience_answer(tracker: Tracker) -> str | None:
    chosen = entity(tracker, "audience") or read_audience_answer(_answer(tracker, is_only_audience))
    if chosen is None and intent(tracker) == "caregiver":
        return "adult"
    return chosen or (SKIPPED if intent(tracker) in _SKIPPING else None)


def _audience_events(audience: str | None) -> list[Event]:
    events = _set("audience", audience)
    if audience == "adult":
        events.append(SlotSet("age_band", "adult"))
    return events


def read_band(tracker: Tracker) -> str | None:
    """The age band told by button or in words; `skipped` when the child would rather not say."""
    band = entity(tracker, "age_band") or read_age_answer(_answer(tracker, is_only_age))
    return band or (SKIPPED if intent(tracker) in _SKIPPING else None)


def _set(slot: str, value: str | None) -> list[Event]:
    return [SlotSet(slot, value)] if value is not None else []


class Onboarded(Action):
    """Invites the child to tell; opens the caregivers' path for an adult."""

    def name(self) -> str:
        return "action_onboarded"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        say(dispatcher, "limits_told")
        if tracker.get_slot("audience") == "adult":
            say(dispatcher, "caregiver_opened", opening=True)
        else:
            say(dispatcher, "onboarded", opening=True)
        return []
