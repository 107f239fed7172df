"""From reply specifications to the messages that a channel carries."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from bot.cards import opening
from bot.messages import Button, Contact, Outgoing
from bot.state import MOST_BUTTONS, State
from content.cards import card_lines
from content.model import Catalogue, Locale, Register
from content.regions import region_name
from content.render import label, render

# Pressing one of these works when everything else is down: they need nothing that is stored.
CONTROL = "!"
ALWAYS = ("help_now", "back", "language", "hide")
_CONTROL_OF_LABEL = {"help_now": "help", "not_in_danger": "safe"}
_LONGEST_CARD_NAME = 60


def control_button(catalogue: Catalogue, name: str, locale: Locale) -> Button:
    """A button of the bot's own, under its label."""
    return Button(label(catalogue, name, locale), CONTROL + _CONTROL_OF_LABEL.get(name, name))


class Voice:
    """Says reply specifications in the child's language and register."""

    def __init__(
        self,
        catalogue: Catalogue,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(12),
    ) -> None:
        self._catalogue = catalogue
        self._new_token = new_token

    def say(self, replies: Sequence[Mapping[str, Any]], state: State) -> tuple[Outgoing, ...]:
        """The messages of these replies, controls under the last; button tokens go into `state`."""
        locale = locale_of(state)
        messages: list[Outgoing] = []
        for reply in replies:
            messages += self._one(reply, state, locale)
        self._forget_old_buttons(state)
        if not messages:
            return ()
        controls = tuple(control_button(self._catalogue, name, locale) for name in ALWAYS)
        last = messages[-1]
        return (
            *messages[:-1],
            Outgoing(last.key, last.text, last.buttons, controls, last.contact),
        )

    def _one(self, reply: Mapping[str, Any], state: State, locale: Locale) -> list[Outgoing]:
        key = str(reply["reply"])
        register = cast(Register | None, state.register)
        facts = self._facts(reply.get("facts") or {}, locale, register)
        texts = list(render(self._catalogue, key, locale, register, facts))
        if reply.get("choices"):
            lines = [
                " ".join(render(self._catalogue, f"choice_{choice}", locale, register)) for choice in reply["choices"]
            ]
            texts[-1] = "\n".join([texts[-1], *(f"• {line}" for line in lines)])
        contacts = [self._contact(number, locale, register) for number in reply.get("contacts", ())]
        specs = [*reply.get("buttons", ()), *(opening(register) if reply.get("opening") else ())]
        buttons = tuple(self._button(spec, state, locale) for spec in specs)
        cards = [Outgoing(key, "", contact=contact) for contact in contacts]
        said = [Outgoing(key, text) for text in texts[:-1]]
        last = Outgoing(key, texts[-1], buttons)
        # Words come first. The cards go before the last words, so that the buttons stand at the
        # end of the chat.
        return [*said, *cards, last] if said else [last, *cards]

    def _facts(self, facts: Mapping[str, Any], locale: Locale, register: Register | None) -> dict[str, str]:
        service, handover = facts.get("service"), facts.get("handover")
        if isinstance(service, Mapping):
            return card_lines(self._catalogue, service, locale, register)
        if isinstance(handover, Mapping):
            return self._handover(handover, locale, register)
        return {name: _in_language(value, locale) for name, value in facts.items() if value is not None}

    def words(self, name: str, state: State) -> str:
        """The words of a label, in the child's language."""
        return label(self._catalogue, name, locale_of(state))

    def _handover(self, handover: Mapping[str, Any], locale: Locale, register: Register | None) -> dict[str, str]:
        """The lines of what will be handed over; a line without its fact is left out."""

        def named(prefix: str, code: str | None) -> str:
            known = code and f"{prefix}{code}" in self._catalogue.labels
            return label(self._catalogue, f"{prefix}{code}", locale) if known else ""

        names = [_in_language(name, locale) for name in handover["names"]]
        told = "words_given" if handover["words"] else "words_none"
        contact = named("ho_", handover["when"] if handover["contact"] == "here" else "receipt")
        return {
            "to": names[0],
            "next": ", ".join(names[1:]),
            "kind": named("ho_", handover["kind"]),
            "concern": named("concern_", handover["concern"]),
            "region": region_name(handover["region"], locale) if handover["region"] else "",
            "age": named("age_", (handover["age_band"] or "").replace("-", "_")),
            "excluded": ", ".join(filter(None, (named("ho_", code) for code in handover["excluded"]))),
            "contact": contact,
            "words": " ".join(render(self._catalogue, told, locale, register)),
        }

    def _contact(self, number: str, locale: Locale, register: Register | None) -> Contact:
        name = " ".join(render(self._catalogue, f"choice_{number}", locale, register))
        return Contact(number, name[:_LONGEST_CARD_NAME])

    def _button(self, spec: Mapping[str, Any], state: State, locale: Locale) -> Button:
        if spec.get("control"):
            return Button(self._label(spec, locale), CONTROL + str(spec["control"]))
        token = self._new_token()
        if "press" in spec:
            state.buttons[token] = {"press": spec["press"]}
            return Button(self._label(spec, locale), token)
        state.buttons[token] = {
            "intent": spec["intent"],
            "entities": dict(spec.get("entities") or {}),
        }
        return Button(self._label(spec, locale), token)

    def _label(self, spec: Mapping[str, Any], locale: Locale) -> str:
        if spec["label"] == "region":
            return region_name(spec["region"], locale)
        return label(self._catalogue, spec["label"], locale)

    @staticmethod
    def _forget_old_buttons(state: State) -> None:
        while len(state.buttons) > MOST_BUTTONS:
            del state.buttons[next(iter(state.buttons))]


def _in_language(value: Any, locale: Locale) -> str:
    """A plain value, or the one of a text in two languages that fits."""
    if isinstance(value, Mapping):
        return str(value.get(locale) or next(iter(value.values()), ""))
    return str(value)


def locale_of(state: State) -> Locale:
    """The language to answer in; Kazakh, the language of the state, until something tells."""
    return "ru" if state.language == "ru" else "kk"
