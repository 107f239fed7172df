"""What a turn owes a child besides Rasa's answer. All invented."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import storage
from bot.dialogue import DialogueFailed, Reading, Said
from bot.guard import find_danger
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


# A phrase that stands in as many harmless messages as grave ones.
DOUBTFUL = "ағам қонаққа қой сойып жатыр"


class Judge(Listener):
    """Rasa, that takes danger for so likely; None: it does not answer at all, "late": not in time."""

    def __init__(self, likely: float | str | None) -> None:
        super().__init__()
        self.likely = likely

    async def read(self, text: str) -> Reading:
        self.heard.append(f"read {text}")
        if self.likely is None:
            raise DialogueFailed("down")
        if isinstance(self.likely, str):
            await asyncio.sleep(60)
        return Reading("emotional_abuse", "emotional_abuse", 0.9, float(self.likely))


@pytest.mark.parametrize(
    ("likely", "is_danger"), [(0.0, False), (0.11, False), (0.12, True), (0.9, True), (None, True), ("late", True)]
)
def test_a_doubtful_alarm_is_dropped_only_by_a_model_that_is_sure(
    house: Office, likely: float | str | None, is_danger: bool
) -> None:
    alarm = find_danger(DOUBTFUL)
    assert alarm
    assert alarm.doubtful
    judge = Judge(likely)
    answer = asyncio.run(_turn(house, judge, NOW).handle(Incoming(CHILD, "1", Kind.TEXT, DOUBTFUL)))
    assert answer.messages[0].key.startswith("danger_") is is_danger
    assert any(not heard.startswith("read") for heard in judge.heard) is not is_danger


def test_a_sure_alarm_asks_nobody(house: Office) -> None:
    judge = Judge(0.0)
    answer = asyncio.run(_turn(house, judge, NOW).handle(Incoming(CHILD, "1", Kind.TEXT, "я хочу умереть")))
    assert answer.messages[0].key.startswith("danger_")
    assert judge.heard == []


def test_own_words_are_judged_by_the_guard_alone(house: Office) -> None:
    """What is written for an organisation never reaches Rasa, not even to ask whether it is danger."""
    judge = Judge(0.0)
    turn = _turn(house, judge, NOW)
    asked = Step(slots={"requested_slot": "handover_words"}, form="handover_form")
    state = State(language="kk", language_chosen=True, step=asked, seen_at=NOW.timestamp())
    with writing(house.sessions) as session:
        storage.save_state(session, house.sealer, turn.profile(CHILD), state, NOW)
    answer = asyncio.run(turn.handle(Incoming(CHILD, "1", Kind.TEXT, DOUBTFUL)))
    assert answer.messages[0].key.startswith("danger_")
    assert judge.heard == []
