"""What a turn owes a child besides Rasa's answer. All invented."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import storage
from bot.dialogue import Reading, Said
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


class Safe(Listener):
    """Rasa, to whom "I am safe" is said, and then the concern."""

    async def converse(self, sender: str, **given: Any) -> Said:
        await super().converse(sender, **given)
        key = "told_self_harm" if given.get("intent") == "self_harm" else "safe_now"
        return Said(({"reply": key},), {}, None, Reading("not_in_danger", "not_in_danger", 1.0, 0.0))


@pytest.mark.parametrize(("kind", "text"), [(Kind.TEXT, "сейчас опасности нет"), (Kind.BUTTON, "!safe")])
def test_no_danger_any_more_leads_on_whether_written_or_pressed(house: Office, kind: Kind, text: str) -> None:
    """After a first message of danger there is no step to go back to: what was told of comes next."""
    turn = _turn(house, Safe(), NOW)
    asyncio.run(turn.handle(Incoming(CHILD, "1", Kind.TEXT, "я не хочу больше жить")))
    answer = asyncio.run(turn.handle(Incoming(CHILD, "2", kind, text)))
    assert [message.key for message in answer.messages] == ["safe_now", "told_self_harm"]
