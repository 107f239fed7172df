"""What a turn owes a child besides Rasa's answer. All invented."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import storage
from bot.messages import Incoming, Kind
from bot.state import State, Step
from referrals.cases import intake
from referrals.db import writing
from tests.bot.test_second_person import CHILD, Listener, _turn
from tests.referrals.handovers import NOW, Office, office


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


@pytest.mark.parametrize("words", ["меня дразнят кырмуздайкой", "меня дразнят кырмуздайкой, я не хочу жить"])
def test_own_words_under_a_picture_are_kept_as_is_said(house: Office, words: str) -> None:
    turn = _turn(house, Listener(), NOW)
    asked = Step(slots={"requested_slot": "handover_words"}, form="handover_form")
    state = State(language="ru", language_chosen=True, step=asked, seen_at=NOW.timestamp())
    with writing(house.sessions) as session:
        storage.save_state(session, house.sealer, turn.profile(CHILD), state, NOW)
    asyncio.run(turn.handle(Incoming(CHILD, "1", Kind.PHOTO, words)))
    with house.sessions() as session:
        assert intake.read_draft(session, house.sealer, turn.profile(CHILD), NOW) == words
