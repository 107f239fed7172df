"""Where: the region is asked for and understood, and the directory answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from bot.actions.disclosure import concern_buttons
from bot.actions.onboarding import SKIPPED, read_band
from bot.actions.reply import Event, button, entity, intent, language, say, text
from bot.actions.taxonomy import is_concern
from bot.facts import age_of_band, find_one_region
from content.regions import all_regions, find_region, region_name
from referrals.directory.search import FoundService, card_facts, find_services

Sessions: TypeAlias = Callable[[], Session]
Clock: TypeAlias = Callable[[], datetime]

NATIONAL_LINES = ("150", "111", "102")
# After so many answers that name no place, the national lines are given instead of another question.
MOST_REGION_MISSES = 2
_KIND_OF_CHOICE = {"lawyer": "legal_aid", "near": None}


class LookNear(Action):
    """Starts the search for a place; remembers what kind of place is meant."""

    def name(self) -> str:
        return "action_look_near"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        events = [
            SlotSet("service_kind", _KIND_OF_CHOICE.get(entity(tracker, "choice") or "near")),
            SlotSet("region_misses", 0),
            SlotSet("region_options", None),
        ]
        if tracker.get_slot("region") == SKIPPED:
            events.append(SlotSet("region", None))
        region = find_one_region(text(tracker))
        return [*events, SlotSet("region", region)] if region else events


class ValidateWhereForm(Action):
    """Reads the place, in any case ending of either language, and then the age."""

    def name(self) -> str:
        return "validate_where_form"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        asked = tracker.get_slot("requested_slot")
        if asked == "region":
            return read_region(tracker)
        if asked == "age_band":
            band = read_band(tracker)
            # Age is a courtesy here: an answer that tells none must not hold up the help.
            if band is None and intent(tracker) == "nlu_fallback":
                band = SKIPPED
            return [SlotSet("age_band", band)] if band else []
        return []


def read_region(tracker: Tracker) -> list[Event]:
    """The place in an answer to "where are you?", as slots; nothing when it is another matter."""
    chosen = entity(tracker, "region")
    if chosen:
        return [SlotSet("region", chosen), SlotSet("region_options", None)]
    codes = find_region(text(tracker), answer=True).codes
    if len(codes) == 1:
        return [SlotSet("region", codes[0]), SlotSet("region_options", None)]
    if codes:
        return [SlotSet("region", None), SlotSet("region_options", list(codes))]
    if intent(tracker) in ("skip", "unsure", "deny"):
        return [SlotSet("region", SKIPPED)]
    if intent(tracker) in ("nlu_fallback", "affirm", "off_topic", "greet", "inform"):
        return _missed(tracker)
    return []


def _missed(tracker: Tracker) -> list[Event]:
    misses = int(tracker.get_slot("region_misses") or 0) + 1
    region = SKIPPED if misses >= MOST_REGION_MISSES else None
    return [SlotSet("region_misses", misses), SlotSet("region", region)]


class AskRegion(Action):
    """Where are you? A second time with every region as a button; Almaty: the city or the region?"""

    def name(self) -> str:
        return "action_ask_region"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        options = tracker.get_slot("region_options")
        if options:
            say(dispatcher, "ask_region_almaty", buttons=_region_buttons(options))
        elif tracker.get_slot("region_misses"):
            say(dispatcher, "region_not_found", buttons=_region_buttons(all_regions()))
        else:
            say(dispatcher, "ask_region", buttons=_region_buttons(all_regions()))
        return []


def _region_buttons(codes: Any) -> list[dict[str, Any]]:
    buttons = [{"label": "region", "region": code, "intent": "inform", "entities": {"region": code}} for code in codes]
    return [*buttons, button("skip", "skip")]


class FindServices(Action):
    """Answers with what is near, open now first; with the national lines where there is nothing."""

    def __init__(self, sessions: Sessions, now: Clock) -> None:
        self._sessions = sessions
        self._now = now

    def name(self) -> str:
        return "action_find_services"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        region = tracker.get_slot("region")
        if region in (None, SKIPPED):
            say(dispatcher, "national_lines", contacts=NATIONAL_LINES, buttons=_after_lines())
            return []
        found = self._find(tracker, region)
        locale = language(tracker)
        facts = {"region": region_name(region, locale)}
        if not found:
            say(
                dispatcher,
                "no_services_here",
                facts=facts,
                contacts=NATIONAL_LINES,
                buttons=_after_lines(),
            )
            return []
        say(dispatcher, "services_found", facts=facts)
        for service in found:
            say(dispatcher, "service_card", facts={"service": card_facts(service, locale)})
        say(dispatcher, "helped_check", buttons=_after_lines())
        return []

    def _find(self, tracker: Tracker, region: str) -> list[FoundService]:
        concern = tracker.get_slot("concern")
        with self._sessions() as session:
            found = find_services(
                session,
                concern=concern if is_concern(concern or "") else None,
                region=region,
                age=age_of_band(tracker.get_slot("age_band")),
                language=language(tracker),
                at=self._now(),
                kind=tracker.get_slot("service_kind"),
            )
        return [service for service in found if not service.nationwide]


def _after_lines() -> list[dict[str, Any]]:
    return [
        *(button(f"choice_{line}", "choose_help", choice=line) for line in ("150", "111")),
        button("rights", "choose_topic", topic="rights"),
    ]


class Informed(Action):
    """A button of an earlier question, pressed after the conversation went on."""

    def __init__(self, find: FindServices) -> None:
        self._find = find

    def name(self) -> str:
        return "action_informed"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        if entity(tracker, "concern"):
            say(dispatcher, "ask_concern", buttons=concern_buttons())
            return []
        region = entity(tracker, "region")
        if region:
            tracker.slots["region"] = region
            return [SlotSet("region", region), *self._find.run(dispatcher, tracker, domain)]
        learnt = {name: entity(tracker, name) for name in ("audience", "age_band")}
        say(dispatcher, "noted_open", opening=True)
        return [SlotSet(name, value) for name, value in learnt.items() if value]
