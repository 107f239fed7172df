"""Danger that the model saw: the same answer that the guard gives by itself."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.reply import Event, say

# What the model read the message to be about -> how danger is answered. Where it is neglect, pregnancy or substances,
# nearly all of the training lines of danger are of somebody who needs a doctor now; where it is sadness, of somebody
# who cannot breathe, or hears a stranger at the door.
_REPLY_OF = {
    "self_harm": "danger_suicide",
    "sexual_abuse": "danger_sexual",
    "online_sexual_exploitation": "danger_sexual",
    "trafficking": "danger_taken",
    "forced_marriage": "danger_taken",
    "runaway": "danger_outside",
    "neglect": "danger_medical",
    "pregnancy": "danger_medical",
    "substance_use": "danger_medical",
    "crisis_centre": "danger_outside",
    "caregiver": "danger_other",
    "physical_violence": "danger_attack",
    "emotional_abuse": "danger_attack",
    "bullying": "danger_attack",
    "cyberbullying": "danger_attack",
    "discrimination": "danger_attack",
    "family_conflict": "danger_attack",
    "sadness": "danger_afraid",
}
# From this share of sadness on a wish to die, read beside it, is what is answered.
_A_WISH = 0.3


class ImminentDanger(Action):
    """Puts the emergency lines first. The bot keeps the step that the child was at."""

    def name(self) -> str:
        return "action_imminent_danger"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        say(dispatcher, reply_of(tracker.latest_message))
        return []


def reply_of(message: dict[str, Any]) -> str:
    """By the likeliest harm; in a question, which tells no harm by itself, by the harm that is likeliest beside it."""
    named = [message.get("concern") or {}, *(message.get("intent_ranking") or [])]
    if named[0].get("name") == "sadness" and _wish_to_die(named) > named[0].get("confidence", 0.0) * _A_WISH:
        return "danger_suicide"
    found = (_REPLY_OF.get(one.get("name", "")) for one in named)
    return next((reply for reply in found if reply), "danger_attack")


def _wish_to_die(named: list[dict[str, Any]]) -> float:
    return max((one.get("confidence", 0.0) for one in named if one.get("name") == "self_harm"), default=0.0)
