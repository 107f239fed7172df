"""A child tells what happened: thanks and belief, "did I get that right?", then choices of help."""

from collections.abc import Callable
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.reply import Event, button, entity, intent, say, text
from bot.actions.taxonomy import choices_for, is_concern, taxonomy
from bot.facts import find_audience, find_one_region

# Choices that are a line to call, sent as a contact card as well.
LINES = ("150", "111", "102", "112", "103")
# Asked for in words: what is there for a child that does not want, dare or manage to call.
NO_CALL = "no_call"


class TellHarm(Action):
    """The first answer to a disclosure; remembers what the message says in passing."""

    def name(self) -> str:
        return "action_tell_harm"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        concern = intent(tracker)
        written = text(tracker)
        learnt = _learn(tracker, written)
        audience = learnt.get("audience") or tracker.get_slot("audience")
        if audience == "other":
            say(dispatcher, "told_about_friend")
        say(dispatcher, f"told_{concern}")
        return [
            ActiveLoop(None),
            SlotSet("requested_slot", None),
            *(SlotSet(name, value) for name, value in learnt.items()),
            SlotSet("concern", concern),
            # Who presses a button has said what it is; who writes is asked whether it is right.
            SlotSet("concern_confirmed", None if written else True),
        ]


def _learn(tracker: Tracker, written: str) -> dict[str, str]:
    """Region and audience, as far as the message tells what was not known before; the age was seen by the bot."""
    if not written:
        return {}
    region = find_one_region(written)
    audience = None if tracker.get_slot("audience") else find_audience(written)
    return {name: value for name, value in (("region", region), ("audience", audience)) if value}


class ValidateConcernForm(Action):
    """Reads "yes", "not quite", or more of the same story as an answer."""

    def name(self) -> str:
        return "validate_concern_form"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        if tracker.get_slot("requested_slot") != "concern_confirmed":
            return self._chosen(tracker)
        if intent(tracker) in ("affirm", "unsure", "skip", tracker.get_slot("concern")):
            return [SlotSet("concern_confirmed", True)]
        if intent(tracker) == "deny":
            return [SlotSet("concern", None), SlotSet("concern_confirmed", None)]
        return []

    def _chosen(self, tracker: Tracker) -> list[Event]:
        """Asked to choose and unable to: nobody is held up, the way to the lines is open."""
        if tracker.get_slot("requested_slot") == "concern" and intent(tracker) in (
            "unsure",
            "skip",
            "deny",
            "affirm",
        ):
            return [SlotSet("concern", "unknown"), SlotSet("concern_confirmed", True)]
        return []


class AskConcern(Action):
    """The reading was wrong: the child chooses, or says it otherwise."""

    def name(self) -> str:
        return "action_ask_concern"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        say(dispatcher, "ask_concern", buttons=concern_buttons())
        return []


def concern_buttons() -> list[dict[str, Any]]:
    """Every concern by its own name, and a way past them."""
    return [
        *(button(f"concern_{code}", code) for code in taxonomy().concerns),
        button("skip", "skip"),
    ]


class AskConcernConfirmed(Action):
    """Did I get that right?"""

    def name(self) -> str:
        return "action_ask_concern_confirmed"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        say(
            dispatcher,
            f"confirm_{tracker.get_slot('concern')}",
            buttons=[button("yes", "affirm"), button("not_quite", "deny")],
        )
        return []


class OfferHelp(Action):
    """At most three choices of help; each tells more when it is pressed. And, where one can, asking for help here."""

    def __init__(self, can_hand_over: Callable[[], bool]) -> None:
        self._can_hand_over = can_hand_over

    def name(self) -> str:
        return "action_offer_help"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        concern = tracker.get_slot("concern")
        choices = choices_for(concern)
        asking = [button("ask_handover", "ask_handover")] if self._can_hand_over() else []
        say(
            dispatcher,
            f"steps_{concern}" if is_concern(concern or "") else "steps_unknown",
            choices=choices,
            buttons=[*(button(f"choice_{c}", "choose_help", choice=c) for c in choices), *asking],
        )
        return []


class DescribeHelp(Action):
    """One way to help: what happens, who will hear it, what it costs, is a parent needed."""

    def __init__(self, can_hand_over: Callable[[], bool]) -> None:
        self._can_hand_over = can_hand_over

    def name(self) -> str:
        return "action_describe_help"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        choice = entity(tracker, "choice") or "150"
        if choice == NO_CALL:
            return self._without_a_call(dispatcher)
        others = [c for c in choices_for(tracker.get_slot("concern")) if c != choice]
        buttons = [button(f"choice_{c}", "choose_help", choice=c) for c in others]
        if choice in ("near", "lawyer"):
            buttons.insert(0, button("near_me", "crisis_centre", choice=choice))
        say(
            dispatcher,
            f"help_{choice}",
            contacts=[choice] if choice in LINES else [],
            buttons=[*buttons, button("rights", "choose_topic", topic="rights")],
        )
        return []

    def _without_a_call(self, dispatcher: CollectingDispatcher) -> list[Event]:
        asking = [button("ask_handover", "ask_handover")] if self._can_hand_over() else []
        say(
            dispatcher,
            f"help_{NO_CALL}",
            buttons=[
                *asking,
                button("choice_school", "choose_help", choice="school"),
                button("near_me", "crisis_centre"),
            ],
        )
        return []
