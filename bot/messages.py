"""What a channel brings to the turn, and what the turn gives a channel to carry."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

# Something that happens in the turn's own transaction, or not at all.
Effect = Callable[[Session], None]


class Kind(StrEnum):
    """What a child did."""

    TEXT = "text"
    BUTTON = "button"
    COMMAND = "command"
    PHOTO = "photo"
    VOICE = "voice"
    STICKER = "sticker"
    CONTACT = "contact"
    LOCATION = "location"
    OTHER = "other"
    EDITED = "edited"


@dataclass(frozen=True)
class Incoming:
    """One thing that a child did, freed from its channel.

    `address` is the channel's name and its own id of the chat; it is only ever stored as a
    pseudonym. `update` is the key by which the same event, delivered twice, is known.
    `hint` is the language of the child's app, used until the child's own words tell.
    """

    address: str
    update: str
    kind: Kind
    text: str = ""
    hint: str | None = None


@dataclass(frozen=True)
class Button:
    """Words to press and the opaque token that comes back."""

    label: str
    token: str


@dataclass(frozen=True)
class Contact:
    """A number to tap, with the name under which it is shown."""

    number: str
    name: str


@dataclass(frozen=True)
class Outgoing:
    """One message to the child: text with buttons, or a contact card."""

    key: str
    text: str
    buttons: tuple[Button, ...] = ()
    controls: tuple[Button, ...] = ()
    contact: Contact | None = None

    def as_json(self) -> dict[str, Any]:
        """As stored, sealed, in the outbox."""
        return {
            "key": self.key,
            "text": self.text,
            "buttons": [[b.label, b.token] for b in self.buttons],
            "controls": [[b.label, b.token] for b in self.controls],
            "contact": [self.contact.number, self.contact.name] if self.contact else None,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Outgoing":
        return cls(
            key=value["key"],
            text=value["text"],
            buttons=tuple(Button(*pair) for pair in value["buttons"]),
            controls=tuple(Button(*pair) for pair in value["controls"]),
            contact=Contact(*value["contact"]) if value["contact"] else None,
        )


@dataclass(frozen=True)
class Answer:
    """What a turn came to. `notice` is a line that leaves no trace where the channel has such."""

    messages: tuple[Outgoing, ...] = ()
    hide: bool = False
    notice: str | None = None
    stored: bool = True
    repeated: bool = False


@dataclass
class Reply:
    """What a turn decided, before it is put into words.

    `effects` are committed with it. `instead` is what is said when that failed: nobody is told of
    something that did not happen.
    """

    replies: Sequence[dict[str, Any]]
    hide: bool = False
    erase: bool = False
    notice: str | None = None
    effects: Sequence[Effect] = ()
    instead: dict[str, Any] | None = None
