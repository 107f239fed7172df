"""Where a conversation stands: what is kept of it between two messages, and nothing else.

No word that a child wrote is in here. It is stored sealed, and sent along to Rasa, which may
have forgotten it.
"""

import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any

# After so long without a word another person may hold the phone: only the language is kept.
IDLE_SECONDS = 30 * 60
# A new sender now and then keeps Rasa's memory of a conversation short.
SENDER_TURNS = 40
MOST_STEPS = 10
MOST_BUTTONS = 120


def new_sender() -> str:
    """A random name under which Rasa knows a stretch of a conversation."""
    return secrets.token_hex(16)


@dataclass
class Step:
    """A place in the dialogue to which one can come back: Rasa's slots and form, and what was said."""

    slots: dict[str, Any] = field(default_factory=dict)
    form: str | None = None
    replies: list[dict[str, Any]] = field(default_factory=list)


# The way through asking an organisation for help, and the slots by which its steps are known.
STAGES = ("kind", "region", "excluded", "gender", "contact", "when", "words", "preview", "sent")
_STAGE_OF_SLOT = {
    "handover_kind": "kind", "region": "region", "handover_excluded_done": "excluded", "handover_gender": "gender",
    "handover_contact": "contact", "handover_when": "when", "handover_words": "words",
}  # fmt: skip


def stage_of(step: Step) -> str | None:
    """Which step of asking an organisation for help this is."""
    if any(reply["reply"] == "handover_preview" for reply in step.replies):
        return "preview"
    if step.form != "handover_form":
        return None
    return _STAGE_OF_SLOT.get(str(step.slots.get("requested_slot")))


def furthest(one: str | None, other: str | None) -> str | None:
    """The later of two steps of that way."""
    return max((stage for stage in (one, other) if stage), key=STAGES.index, default=None)


@dataclass
class State:
    """A conversation between two messages."""

    language: str | None = None
    language_chosen: bool = False
    step: Step = field(default_factory=Step)
    history: list[Step] = field(default_factory=list)
    buttons: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Set while the last answer was one to danger: what the message was about.
    danger: str | None = None
    # The case that the receipt has opened in this chat, and whether the next words go to its organisation.
    case: str | None = None
    writing: bool = False
    seen_at: float = 0.0
    # How far this conversation has come in asking for help, and the ends that are not counted yet (endings.py).
    handover: str | None = None
    endings: int = 0
    ended: list[dict[str, Any]] = field(default_factory=list)

    @property
    def register(self) -> str | None:
        band = self.step.slots.get("age_band")
        return band if band in ("7-10", "11-13", "14-17", "adult") else None

    @property
    def to_count(self) -> bool:
        """Will there be an end to count?"""
        return bool(self.step.replies or self.handover or self.ended or self.danger)

    def advance(self, step: Step) -> None:
        """Go to the next step, keeping the way back."""
        if self.step.replies:
            self.history = [*self.history, self.step][-MOST_STEPS:]
        self.step = step
        self.handover = furthest(self.handover, stage_of(step))

    def for_dialogue(self) -> dict[str, Any]:
        """What Rasa needs to go on from here."""
        return {"slots": self.step.slots, "form": self.step.form}

    def dump(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def load(cls, stored: bytes) -> "State":
        value = json.loads(stored)
        value["step"] = Step(**value["step"])
        value["history"] = [Step(**step) for step in value["history"]]
        return cls(**value)

    def forgotten(self) -> "State":
        """What stays when the phone may be in other hands, or when the child hides the chat."""
        return State(
            language=self.language, language_chosen=self.language_chosen, endings=self.endings, ended=self.ended
        )
