"""Danger that the model saw: the same answer that the guard gives by itself."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.reply import Event, say

# What the model read the message to be about -> how danger is answered.
_REPLY_OF = {
    "self_harm": "danger_suicide",
    "sexual_abuse": "danger_sexual",
    "online_sexual_exploitation": "danger_sexual",
    "trafficking": "danger_taken",
    "forced_marriage": "danger_taken",
    "runaway": "danger_outside",
    "caregiver": "danger_other",
}


class ImminentDanger(Action):
    """Puts the emergency lines first. The bot keeps the step that the child was at."""

    def name(self) -> str:
        return "action_imminent_danger"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        concern = (tracker.latest_message.get("concern") or {}).get("name", "")
        say(dispatcher, _REPLY_OF.get(concern, "danger_attack"))
        return []
