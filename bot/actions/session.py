"""The conversation itself: taking it up again, its language, and what was not understood."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionExecuted, ActiveLoop, SessionStarted, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.directory import FindServices
from bot.actions.reply import Event, button, say, text
from bot.facts import read_language_answer
from content.regions import find_region

# So many words can be nothing but a place ("мен Шымкент қаласында тұрамын").
MOST_PLACE_WORDS = 4


class SessionStart(Action):
    """Begins where the conversation stood: the bot sends its last state with every message.

    So Rasa may die, restart or forget at any time, and the child goes on at the same step.
    """

    def name(self) -> str:
        return "action_session_start"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        metadata = tracker.get_slot("session_started_metadata") or {}
        state = metadata.get("state") or {}
        events: list[Event] = [SessionStarted()]
        events += [SlotSet(name, value) for name, value in (state.get("slots") or {}).items()]
        if state.get("form"):
            events.append(ActiveLoop(state["form"]))
        return [*events, ActionExecuted("action_listen")]


class ChangeLanguage(Action):
    """Changes to the language that was named; asks which when none was."""

    def name(self) -> str:
        return "action_change_language"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        named = read_language_answer(text(tracker))
        if named:
            say(dispatcher, "language_changed", set_language=named)
        else:
            say(
                dispatcher,
                "ask_language",
                buttons=[
                    {"label": "lang_kk", "control": "kk"},
                    {"label": "lang_ru", "control": "ru"},
                ],
            )
        return []


class NotUnderstood(Action):
    """Once: another way to say it, with buttons. Twice: the help card and a person's number."""

    def __init__(self, find: FindServices) -> None:
        self._find = find

    def name(self) -> str:
        return "action_not_understood"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        few = len(text(tracker).split()) <= MOST_PLACE_WORDS
        codes = find_region(text(tracker), answer=few).codes if text(tracker) else ()
        if len(codes) == 1:
            # A place and nothing else, as when the child comes back to a question of yesterday.
            tracker.slots["region"] = codes[0]
            return [SlotSet("region", codes[0]), *self._find.run(dispatcher, tracker, domain)]
        if _missed_before(tracker):
            say(
                dispatcher,
                "not_understood_twice",
                contacts=["150", "111"],
                buttons=[
                    button("choice_150", "choose_help", choice="150"),
                    button("choice_111", "choose_help", choice="111"),
                    button("near_me", "crisis_centre"),
                ],
            )
        else:
            say(dispatcher, "not_understood_once", opening=True)
        return []


def _missed_before(tracker: Tracker) -> bool:
    """Was the message before this one not understood either?"""
    read = [
        (event.get("parse_data") or {}).get("intent", {}).get("name")
        for event in tracker.events
        if event.get("event") == "user"
    ]
    return len(read) > 1 and read[-2] == "nlu_fallback"
