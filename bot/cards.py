"""Answers that need nobody: the help card, the numbers of danger, and the bot's own questions."""

from typing import Any

from bot.guard import Alarm, Danger

# What many come for, to choose instead of writing.
_CHILDREN_ASK: tuple[dict[str, Any], ...] = (
    {"label": "concern_physical_violence", "intent": "physical_violence"},
    {"label": "concern_bullying", "intent": "bullying"},
    {"label": "concern_sadness", "intent": "sadness"},
    {"label": "more_concerns", "intent": "inform", "entities": {"concern": "other"}},
    {"label": "rights", "intent": "choose_topic", "entities": {"topic": "rights"}},
    {"label": "human", "intent": "human"},
)
_ADULTS_ASK: tuple[dict[str, Any], ...] = (
    {"label": "cg_say", "intent": "choose_topic", "entities": {"topic": "cg_say"}},
    {"label": "cg_not_say", "intent": "choose_topic", "entities": {"topic": "cg_not_say"}},
    {"label": "cg_duty", "intent": "choose_topic", "entities": {"topic": "cg_duty"}},
    {"label": "cg_where", "intent": "crisis_centre"},
    {"label": "cg_law", "intent": "choose_topic", "entities": {"topic": "rights"}},
)
_SAFE_BUTTON = {"label": "not_in_danger", "control": "safe"}
_DANGER_LINES = {"danger_medical": ("103", "112", "102"), "danger_afraid": ("112", "103", "102")}
_CONCERN_OF = {
    Danger.SUICIDE: "self_harm",
    Danger.ATTACK: "physical_violence",
    # Nothing was told but that somebody is ill: "I am here, tell me".
    Danger.MEDICAL: "affirm",
    Danger.OUTSIDE: "runaway",
    Danger.TAKEN: "trafficking",
    Danger.SEXUAL: "sexual_abuse",
}
OTHER_SCRIPT: dict[str, Any] = {
    "reply": "other_script",
    "contacts": ["102", "112", "150"],
    "buttons": [{"label": "lang_kk", "control": "kk"}, {"label": "lang_ru", "control": "ru"}],
}
HELP_NOW: dict[str, Any] = {"reply": "help_now", "contacts": ["102", "112", "150"]}
# Asked for, not alarmed: with the line for families.
HELP_NOW_ALL: dict[str, Any] = {"reply": "help_now", "contacts": ["102", "112", "150", "111"]}
TECHNICAL_PROBLEM: dict[str, Any] = {"reply": "technical_problem", "contacts": ["102", "112", "150"]}
HELP_CARD: dict[str, Any] = {"reply": "help_card", "contacts": ["102", "112", "150"]}
HELP_BUTTON = {"label": "help_now", "control": "help"}
ASK_ERASE: dict[str, Any] = {
    "reply": "ask_erase",
    "buttons": [
        {"label": "erase_yes", "control": "erase"},
        {"label": "back", "control": "back"},
    ],
}
ASK_LANGUAGE: dict[str, Any] = {
    "reply": "ask_language",
    "buttons": [{"label": "lang_kk", "control": "kk"}, {"label": "lang_ru", "control": "ru"}],
}


def opening(register: str | None) -> tuple[dict[str, Any], ...]:
    """The buttons under an open question, for a reply that says `opening`."""
    return _ADULTS_ASK if register == "adult" else _CHILDREN_ASK


def danger(key: str, *numbers: str) -> dict[str, Any]:
    """An answer to danger: numbers first, and a way on for whoever is safe."""
    contacts = list(numbers or _DANGER_LINES.get(key, ("102", "112", "150")))
    return {"reply": key, "contacts": contacts, "buttons": [_SAFE_BUTTON]}


DANGER_STAY = danger("danger_stay", "112", "102", "150")
DANGER_NO_CALL = danger("danger_no_call", "112")


def of_alarm(alarm: Alarm) -> dict[str, Any]:
    """The answer to what the guard saw."""
    key = f"danger_{alarm.kind.value}"
    return danger("danger_other" if alarm.other else key, *_DANGER_LINES.get(key, ()))


def concern_of(alarm: Alarm) -> str:
    """What the talk goes on about when the child is safe."""
    return "caregiver" if alarm.other else _CONCERN_OF[alarm.kind]
