"""What a process remembers of a conversation while it runs: whose turn it is, and Rasa's name for it."""

import asyncio
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from bot.state import new_sender


@dataclass
class Seat:
    """What a process remembers of a conversation while it runs: whose turn it is, Rasa's name for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    sender: str = field(default_factory=new_sender)
    turns: int = 0

    def renew(self) -> None:
        """Rasa's memory and ours may differ: begin again from the stored state."""
        self.sender, self.turns = new_sender(), 0


class Seats:
    """One seat a profile, held for a while, so that Rasa's name for a conversation outlives one message."""

    def __init__(self) -> None:
        self._seats: WeakValueDictionary[bytes, Seat] = WeakValueDictionary()
        self._recent: list[Seat] = []

    def of(self, profile: bytes) -> Seat:
        """The seat of this profile; a new one where it has none."""
        seat = self._seats.get(profile)
        if seat is None:
            seat = self._seats[profile] = Seat()
            self._recent = [*self._recent[-1_999:], seat]
        return seat
