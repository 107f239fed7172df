"""Somebody else takes up the phone: nothing of the one before is there, save the language (SECURITY F7). Invented."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import storage
from bot.dialogue import Dialogue, Reading, Said
from bot.handover import Handovers
from bot.messages import Answer, Incoming, Kind
from bot.state import IDLE_SECONDS, State, Step
from bot.turn import Turn
from bot.voice import Voice
from content.model import load_catalogue
from referrals.cases import intake
from referrals.db import writing
from tests.referrals.handovers import EASY, NOW, PEPPER, Office, office

CHILD = "web:invented"
WORDS = "меня дразнят кырмуздайкой"
SECRETS = ("кырмуздай", "bullying", "KZ35", "11-13", "shelter")
IN_FORM = Step(
    slots={"age_band": "11-13", "region": "KZ35", "concern": "bullying", "requested_slot": "handover_words"},
    form="handover_form",
    replies=[{"reply": "help_card", "told": "shelter"}],
)


class Listener(Dialogue):
    """In Rasa's place; keeps what it was given."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", "x")
        self.heard: list[str] = []

    async def converse(self, sender: str, **given: Any) -> Said:
        self.heard.append(f"{sender} {given}")
        return Said(({"reply": "help_card"},), {}, None, Reading("greet", "greet", 1.0, 0.0))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


def _turn(house: Office, dialogue: Dialogue, at: datetime) -> Turn:
    return Turn(
        sessions=house.sessions, sealer=house.sealer, pepper=PEPPER, voice=Voice(load_catalogue()),
        dialogue=dialogue, now=lambda: at,
        handovers=Handovers(house.sessions, house.sealer, PEPPER, lambda: house.pins, lambda: at, EASY),
    )  # fmt: skip


def _first_person(house: Office, turn: Turn) -> None:
    state = State(language="ru", language_chosen=True, step=IN_FORM, history=[IN_FORM], seen_at=NOW.timestamp())
    state.buttons["old"] = {"intent": "affirm", "entities": {"concern": "bullying"}}
    with writing(house.sessions) as session:
        storage.save_state(session, house.sealer, turn.profile(CHILD), state, NOW)
        intake.keep_draft(session, house.sealer, turn.profile(CHILD), WORDS, NOW)


def _say(turn: Turn, text: str, kind: Kind = Kind.TEXT) -> Answer:
    return asyncio.run(turn.handle(Incoming(CHILD, f"{kind}:{text}", kind, text)))


def _kept(house: Office, turn: Turn, at: datetime) -> tuple[State | None, str | None]:
    with house.sessions() as session:
        state = storage.load_state(session, house.sealer, turn.profile(CHILD))
        return state, intake.read_draft(session, house.sealer, turn.profile(CHILD), at)


@pytest.mark.parametrize(
    ("text", "kind"), [("привет", Kind.TEXT), ("back", Kind.COMMAND), ("old", Kind.BUTTON), ("!back", Kind.BUTTON)]
)
def test_after_half_an_hour_nothing_but_the_language_is_left(house: Office, text: str, kind: Kind) -> None:
    later = NOW + timedelta(seconds=IDLE_SECONDS + 1)
    listener = Listener()
    turn = _turn(house, listener, later)
    _first_person(house, turn)
    answer = _say(turn, text, kind)
    state, words = _kept(house, turn, later)
    assert words is None
    assert state is not None
    assert state.language == "ru"
    said = " ".join(message.text for message in answer.messages)
    for secret in SECRETS:
        assert secret not in " ".join(listener.heard)
        assert secret not in said
        assert secret not in repr(state)


def test_within_the_half_hour_the_words_are_kept(house: Office) -> None:
    turn = _turn(house, Listener(), NOW + timedelta(seconds=IDLE_SECONDS - 1))
    _first_person(house, turn)
    _say(turn, "help", Kind.COMMAND)
    assert _kept(house, turn, NOW)[1] == WORDS


@pytest.mark.parametrize("button", ["!hide", "!erase"])
def test_hiding_forgets_words_that_were_not_sent(house: Office, button: str) -> None:
    turn = _turn(house, Listener(), NOW + timedelta(minutes=1))
    _first_person(house, turn)
    _say(turn, button, Kind.BUTTON)
    state, words = _kept(house, turn, NOW)
    assert words is None
    assert state is None or not any(secret in repr(state) for secret in SECRETS)
