"""An adult about a child: the formal register and the four things that adults ask."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.reply import Event, say, text
from bot.facts import find_one_region


class OpenCaregiver(Action):
    """Opens the caregivers' path and stays with the formal register."""

    def name(self) -> str:
        return "action_open_caregiver"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        region = find_one_region(text(tracker))
        say(dispatcher, "caregiver_opened", opening=True)
        return [
            ActiveLoop(None),
            SlotSet("requested_slot", None),
            SlotSet("audience", "adult"),
            SlotSet("age_band", "adult"),
            *([SlotSet("region", region)] if region else []),
        ]
