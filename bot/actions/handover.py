"""Asking an organisation for help: step by step, all buttons, then exactly what goes to whom."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from bot.actions.directory import read_region
from bot.actions.onboarding import SKIPPED
from bot.actions.reply import Event, button, entity, intent, language, say
from bot.facts import age_of_band
from referrals.cases.routing import Choice, Need, anyone_takes, choices, genders_near

Sessions = Callable[[], Session]
Pins = Callable[[], Mapping[str, str]]

KINDS = ("talk", "stop", "safe_place", "lawyer")
EXCLUDABLE = ("family", "school", "police", "state")
WHENS = ("any", "day", "evening")
_GENDERS = {"girl": "female", "boy": "male"}
_SLOTS = (
    "handover_kind", "handover_excluded", "handover_excluded_done", "handover_gender", "handover_contact",
    "handover_when", "handover_words", "handover_danger", "handover_noted",
)  # fmt: skip
# Answers that mean: no matter, go on.
_PASSED = ("skip", "unsure", "deny", "affirm")


class Desk:
    """What every step here needs: the directory, the pinned keys, the time."""

    def __init__(self, sessions: Sessions, pins: Pins, now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._pins = pins
        self._now = now

    def is_open(self) -> bool:
        """Is there any organisation that takes hand-overs?"""
        with self._sessions() as session:
            return anyone_takes(session, self._pins(), self._now())

    def choices(self, need: Need) -> list[Choice]:
        with self._sessions() as session:
            return choices(session, self._pins(), need, self._now())

    def gender_matters(self, need: Need) -> bool:
        """Does a service near work for one gender only?"""
        with self._sessions() as session:
            return bool(genders_near(session, self._pins(), need, self._now()))


def need_of(tracker: Tracker) -> Need:
    """What routing must know, from the slots."""

    def told(name: str) -> str | None:
        value = tracker.get_slot(name)
        return value if value and value != SKIPPED else None

    return Need(
        concern=told("concern") or "unknown",
        region=told("region"),
        age=age_of_band(told("age_band")),
        language=language(tracker),
        gender=told("handover_gender"),
        excluded=tuple(tracker.get_slot("handover_excluded") or ()),
    )


class OpenHandover(Action):
    """Before anything is asked: who will read it and what a helper must pass on. Or that nobody can take it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def name(self) -> str:
        return "action_open_handover"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        opened = self._desk.is_open()
        if opened:
            say(dispatcher, "handover_limits")
            say(dispatcher, "handover_difference")
        else:
            say(dispatcher, "handover_nobody", contacts=["150", "111"])
        return [*(SlotSet(name, None) for name in _SLOTS), SlotSet("handover_open", opened)]


class ValidateHandoverForm(Action):
    """Reads the answer to each step. Own words never come here: the bot seals them and says so."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def name(self) -> str:
        return "validate_handover_form"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        asked = tracker.get_slot("requested_slot")
        read = {
            "handover_kind": self._kind,
            "region": self._region,
            "handover_excluded_done": self._excluded,
            "handover_gender": self._gender,
            "handover_contact": self._contact,
            "handover_when": self._when,
            "handover_words": self._words,
        }.get(asked)
        return read(tracker) if read else []

    def _kind(self, tracker: Tracker) -> list[Event]:
        return _choice(tracker, "handover_kind", KINDS, otherwise=SKIPPED) + self._known_place(tracker)

    def _known_place(self, tracker: Tracker) -> list[Event]:
        """A place told before is not asked for again; nor is what follows from it."""
        return self._after_place(tracker, []) if tracker.get_slot("region") else []

    def _region(self, tracker: Tracker) -> list[Event]:
        events = read_region(tracker)
        return self._after_place(tracker, events) if events else []

    def _after_place(self, tracker: Tracker, events: list[Event]) -> list[Event]:
        for event in events:
            tracker.slots[event["name"]] = event["value"]
        if tracker.get_slot("region") and not self._desk.gender_matters(need_of(tracker)):
            return [*events, SlotSet("handover_gender", SKIPPED)]
        return events

    def _excluded(self, tracker: Tracker) -> list[Event]:
        named = list(tracker.get_slot("handover_excluded") or ())
        told = entity(tracker, "choice")
        if told == "noted":
            return [SlotSet("handover_noted", True), SlotSet("handover_excluded_done", None)]
        if told and told != "enough":
            named = list(dict.fromkeys([*named, told]))
            left = set(EXCLUDABLE) - set(named)
            return [SlotSet("handover_excluded", named), SlotSet("handover_excluded_done", None if left else True)]
        if told == "enough" or intent(tracker) in _PASSED:
            return [SlotSet("handover_excluded_done", True)]
        return []

    def _gender(self, tracker: Tracker) -> list[Event]:
        told = _GENDERS.get(entity(tracker, "choice") or "")
        if told:
            return [SlotSet("handover_gender", told)]
        return [SlotSet("handover_gender", SKIPPED)] if intent(tracker) in _PASSED else []

    def _contact(self, tracker: Tracker) -> list[Event]:
        told = entity(tracker, "choice")
        if told == "here" or (told is None and intent(tracker) == "affirm"):
            return [SlotSet("handover_contact", "here")]
        # Whoever does not say yes is not written to.
        if told == "receipt" or intent(tracker) in ("skip", "unsure", "deny"):
            return [SlotSet("handover_contact", "receipt"), SlotSet("handover_when", SKIPPED)]
        return []

    def _when(self, tracker: Tracker) -> list[Event]:
        return _choice(tracker, "handover_when", WHENS, otherwise="any")

    def _words(self, tracker: Tracker) -> list[Event]:
        if entity(tracker, "choice") == "given":
            return [SlotSet("handover_words", "given")]
        return [SlotSet("handover_words", SKIPPED)] if intent(tracker) in (*_PASSED, "nlu_fallback") else []


def _choice(tracker: Tracker, slot: str, known: tuple[str, ...], otherwise: str) -> list[Event]:
    told = entity(tracker, "choice")
    if told in known:
        return [SlotSet(slot, told)]
    return [SlotSet(slot, otherwise)] if intent(tracker) in _PASSED else []


class Ask(Action):
    """One question of the form, with its buttons."""

    def __init__(self, slot: str, key: str, choices: tuple[str, ...], passing: str = "skip") -> None:
        self._slot, self._key, self._choices, self._passing = slot, key, choices, passing

    def name(self) -> str:
        return f"action_ask_{self._slot}"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        buttons = [button(f"ho_{choice}", "inform", choice=choice) for choice in self._choices]
        say(dispatcher, self._key, buttons=[*buttons, button(self._passing, "skip")])
        return []


class AskExcluded(Action):
    """Who must not learn of it? Asked until the child says that these are all."""

    def name(self) -> str:
        return "action_ask_handover_excluded_done"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        named = tracker.get_slot("handover_excluded") or ()
        some = named or tracker.get_slot("handover_noted")
        left = [name for name in EXCLUDABLE if name not in named]
        say(
            dispatcher,
            "ask_handover_more" if some else "ask_handover_excluded",
            buttons=[
                *(button(f"ho_{name}", "inform", choice=name) for name in left),
                button("ho_enough", "inform", choice="enough"),
            ],
        )
        return []


def questions() -> list[Action]:
    """Every question that is only words and buttons."""
    return [
        Ask("handover_kind", "ask_handover_kind", KINDS),
        Ask("handover_gender", "ask_handover_gender", tuple(_GENDERS)),
        Ask("handover_contact", "ask_handover_contact", ("here", "receipt")),
        Ask("handover_when", "ask_handover_when", WHENS),
        Ask("handover_words", "ask_handover_words", ()),
    ]


class PreviewHandover(Action):
    """Exactly what will go to whom; whether it goes is decided by a button of the bot's own."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def name(self) -> str:
        return "action_preview_handover"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        need = need_of(tracker)
        found = self._desk.choices(need)
        if not found:
            say(dispatcher, "handover_nobody", contacts=["150", "111"])
            return [SlotSet("handover_open", False)]
        contact = tracker.get_slot("handover_contact") or "receipt"
        when = tracker.get_slot("handover_when")
        handover = {
            "kind": tracker.get_slot("handover_kind") or SKIPPED,
            "concern": need.concern,
            "region": need.region,
            "age_band": tracker.get_slot("age_band"),
            "gender": need.gender,
            "excluded": list(need.excluded),
            "contact": contact,
            "when": when if when in WHENS else "any",
            "words": tracker.get_slot("handover_words") == "given" or bool(tracker.get_slot("handover_noted")),
            "danger": bool(tracker.get_slot("handover_danger")),
            "order": [str(choice.organization_id) for choice in found],
            "names": [dict(choice.name) for choice in found],
        }
        dispatcher.utter_message(json_message=preview(handover))
        return []


def preview(handover: dict[str, Any]) -> dict[str, Any]:
    """The reply that shows a hand-over before it is sent; its buttons never reach Rasa."""
    buttons = [{"label": "ho_send", "press": {"do": "send", "handover": handover}}]
    if len(handover["order"]) > 1:
        turned = {name: [*handover[name][1:], handover[name][0]] for name in ("order", "names")}
        buttons.append({"label": "ho_other_first", "press": {"do": "preview", "handover": {**handover, **turned}}})
    buttons.append({"label": "ho_not_now", "press": {"do": "not_now"}})
    return {"reply": "handover_preview", "facts": {"handover": handover}, "buttons": buttons}
