"""How an action speaks: reply keys, facts and buttons; never words."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from content.model import Locale

Event: TypeAlias = dict[str, Any]
ButtonSpec: TypeAlias = dict[str, Any]


def say(
    dispatcher: CollectingDispatcher,
    key: str,
    *,
    facts: Mapping[str, Any] | None = None,
    buttons: Sequence[ButtonSpec] = (),
    contacts: Sequence[str] = (),
    choices: Sequence[str] = (),
    set_language: str | None = None,
    opening: bool = False,
) -> None:
    """Answer with a reply key.

    `choices` are lines of content put under the text, in order. `opening`: what most
    people ask stands below as buttons.
    """
    message: dict[str, Any] = {"reply": key}
    if facts:
        message["facts"] = dict(facts)
    if buttons:
        message["buttons"] = list(buttons)
    if contacts:
        message["contacts"] = list(contacts)
    if choices:
        message["choices"] = list(choices)
    if set_language:
        message["set_language"] = set_language
    if opening:
        message["opening"] = True
    dispatcher.utter_message(json_message=message)


def button(label: str, intent: str, **entities: str) -> ButtonSpec:
    """A button that answers with an intent; `label` is a key of content/replies/labels.yaml."""
    spec: ButtonSpec = {"label": label, "intent": intent}
    if entities:
        spec["entities"] = entities
    return spec


def entity(tracker: Tracker, name: str) -> str | None:
    """The value that the pressed button carries under this name."""
    value = next(tracker.get_latest_entity_values(name), None)
    return value if isinstance(value, str) else None


def intent(tracker: Tracker) -> str:
    """What the last message was read as."""
    name = (tracker.latest_message.get("intent") or {}).get("name")
    return name if isinstance(name, str) else ""


def text(tracker: Tracker) -> str:
    """What was written, masked; empty for a button."""
    written = tracker.latest_message.get("text")
    return written if isinstance(written, str) and not written.startswith("/") else ""


def language(tracker: Tracker) -> Locale:
    """The language that the bot answers in, sent along with the message."""
    metadata = tracker.latest_message.get("metadata") or {}
    return "ru" if metadata.get("language") == "ru" else "kk"
