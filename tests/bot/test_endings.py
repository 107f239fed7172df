"""Where conversations end: counted once, by step and month, and the place is forgotten. All words invented."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from bot import endings, storage
from bot.dialogue import Dialogue
from bot.handover import Handovers
from bot.messages import Answer, Incoming, Kind
from bot.state import STAGES, State, Step
from bot.storage import Conversation
from bot.turn import Turn
from bot.voice import Voice
from content.lint import domain_keys
from content.model import load_catalogue
from referrals import dropoff, tallies
from referrals.crypto import Sealer
from referrals.db import make_engine, writing
from tests.conftest import ROOT
from tests.postgres import Server, server
from tests.referrals.handovers import EASY, NOW, PEPPER, Office, office

CHILD = "web:invented"
MONTH = "2026-11"
IDLE = timedelta(minutes=31)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    url: Any = tmp_path if request.param == "sqlite" else request.getfixturevalue("postgres").database()
    with office(url) as made:
        yield made


class _Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


class _Child:
    """A child at a place in the dialogue."""

    def __init__(self, house: Office, address: str = CHILD) -> None:
        self.house, self.address, self.clock, self.count = house, address, _Clock(), 0
        self.turn = Turn(
            sessions=house.sessions, sealer=house.sealer, pepper=PEPPER, voice=Voice(load_catalogue()),
            dialogue=Dialogue("http://127.0.0.1:9", "x"), now=self.clock,
            handovers=Handovers(house.sessions, house.sealer, PEPPER, lambda: house.pins, self.clock, EASY),
        )  # fmt: skip
        self.profile = self.turn.profile(address)

    def at(self, *keys: str, form: str | None = None, slot: str | None = None, **more: Any) -> "_Child":
        slots = {"age_band": "11-13", **({"requested_slot": slot} if slot else {})}
        state = State(language="ru", language_chosen=True, seen_at=self.clock.at.timestamp(), **more)
        state.advance(Step(slots, form, [{"reply": key} for key in keys]))
        with writing(self.house.sessions) as session:
            storage.save_state(session, self.house.sealer, self.profile, state, self.clock.at)
        return self

    def send(self, text: str, kind: Kind = Kind.COMMAND) -> Answer:
        self.count += 1
        return asyncio.run(self.turn.handle(Incoming(self.address, f"{self.address}{self.count}", kind, text)))

    def state(self) -> State:
        with self.house.sessions() as session:
            return storage.load_state(session, self.house.sealer, self.profile) or State()


def _chore(house: Office, at: datetime) -> int:
    with writing(house.sessions) as session:
        return endings.count_idle(session, house.sealer, at)


def _counts(house: Office, kind: str = tallies.ENDED) -> dict[str, int]:
    with house.sessions() as session:
        return dict(tallies.counts(session, kind, [MONTH]))


def test_half_an_hour_of_silence_is_an_end_and_the_place_is_forgotten(house: Office) -> None:
    child = _Child(house).at("told_bullying", "confirm_bullying")
    assert _chore(house, NOW + timedelta(minutes=29)) == 0
    assert _chore(house, NOW + IDLE) == 1
    assert _chore(house, NOW + IDLE) == 0
    assert _counts(house) == {"confirm": 1}
    state = child.state()
    assert (state.step.replies, state.language, state.seen_at) == ([], "ru", NOW.timestamp())
    # Whoever comes back is known as one who was away, and is counted again only for what comes then.
    child.clock.at = NOW + 2 * IDLE
    child.send("help")
    assert _chore(house, NOW + 4 * IDLE) == 0
    assert _counts(house) == {"confirm": 1}


@pytest.mark.parametrize("how", ["hide", "!erase"])
def test_hiding_and_erasing_are_ends(house: Office, how: str) -> None:
    child = _Child(house).at("services_found")
    child.send(how.strip("!"), Kind.COMMAND) if how == "hide" else child.send(how, Kind.BUTTON)
    # Erased is counted at once, there will be nothing to count later; hidden waits in the sealed state.
    assert _counts(house) == ({} if how == "hide" else {"services": 1})
    assert _chore(house, NOW + IDLE) == (1 if how == "hide" else 0)
    assert _counts(house) == {"services": 1}
    with house.sessions() as session:
        assert (session.get(Conversation, child.profile) is None) == (how != "hide")


def test_who_returns_before_the_chores_have_come_is_counted_once(house: Office) -> None:
    child = _Child(house).at("ask_region")
    child.clock.at = NOW + IDLE
    child.send("help")
    assert _chore(house, NOW + IDLE) == 0
    assert _chore(house, NOW + 3 * IDLE) == 1
    assert _counts(house) == {"region": 1}


def test_a_turn_and_the_chores_that_see_the_same_end_count_it_once(house: Office) -> None:
    """The turn has read the state before the chores wrote, and writes after them."""
    child = _Child(house).at("ask_concern")
    child.clock.at = NOW + IDLE
    load = child.turn._load

    def late(profile: bytes, update: str) -> State | None:
        state = load(profile, update)
        assert _chore(house, NOW + IDLE) == 1
        return state

    child.turn._load = late  # type: ignore[method-assign] # between reading and writing
    child.send("hide")
    child.turn._load = load  # type: ignore[method-assign] # as it was
    assert _chore(house, NOW + 3 * IDLE) == 0
    assert _counts(house) == {"concern": 1}
    child.clock.at = NOW + 4 * IDLE
    child.at("ask_concern", endings=child.state().endings)
    child.send("erase")
    child.send("!erase", Kind.BUTTON)
    assert _counts(house) == {"concern": 2}


def test_two_processes_count_every_end_once(house: Office) -> None:
    for number in range(40):
        _Child(house, f"web:{number}").at("ask_age_band")

    async def both() -> list[int]:
        chores = (asyncio.to_thread(_chore, house, NOW + IDLE) for _ in range(4))
        return list(await asyncio.gather(*chores))

    assert sum(asyncio.run(both())) == 40
    assert _counts(house) == {"age": 40}


@pytest.mark.parametrize("slot", ["handover_kind", "region", "handover_excluded_done", "handover_words"])
def test_how_far_somebody_came_in_asking_for_help_is_counted_apart(house: Office, slot: str) -> None:
    _Child(house).at("ask_handover_kind", form="handover_form", slot=slot)
    # Somebody who went back from there to something else counts with the furthest step.
    other = _Child(house, "web:2").at("ask_handover_kind", form="handover_form", slot=slot)
    state = other.state()
    state.advance(Step({}, None, [{"reply": "hotlines"}]))
    with writing(house.sessions) as session:
        storage.save_state(session, house.sealer, other.profile, state, NOW)
    _chore(house, NOW + IDLE)
    assert _counts(house) == {"handover": 1, "numbers": 1}
    stage = {"handover_kind": "kind", "region": "region", "handover_words": "words"}.get(slot, "excluded")
    assert _counts(house, tallies.HANDOVER) == {stage: 2}


def test_a_region_asked_elsewhere_is_no_step_of_a_hand_over(house: Office) -> None:
    _Child(house).at("ask_region", form="where_form", slot="region")
    _chore(house, NOW + IDLE)
    assert _counts(house, tallies.HANDOVER) == {}


def test_what_was_sent_is_counted_as_sent(house: Office) -> None:
    _Child(house).at(handover="sent")
    _chore(house, NOW + IDLE)
    assert (_counts(house), _counts(house, tallies.HANDOVER)) == ({"sent": 1}, {"sent": 1})


def test_danger_is_where_it_ended(house: Office) -> None:
    child = _Child(house).at("ask_region")
    child.send("меня сейчас убьют", Kind.TEXT)
    _chore(house, NOW + IDLE)
    assert _counts(house) == {"danger": 1}


def test_the_month_is_that_of_kazakhstan(house: Office) -> None:
    child = _Child(house)
    child.clock.at = datetime.fromisoformat("2026-11-30T20:00:00+00:00")
    child.at("ask_region")
    _chore(house, child.clock.at + IDLE)
    assert _counts(house) == {}
    with house.sessions() as session:
        assert tallies.counts(session, tallies.ENDED, ["2026-12"]) == {"region": 1}


def test_nothing_in_the_counts_leads_to_a_child(house: Office) -> None:
    _Child(house).at("told_sexual_abuse")
    _chore(house, NOW + IDLE)
    with house.sessions() as session:
        rows = session.execute(text("SELECT * FROM step_tally")).all()
    assert [tuple(row) for row in rows] == [(MONTH, "ended", "concern", 1)]


def test_a_state_that_cannot_be_opened_holds_nothing_up(house: Office) -> None:
    _Child(house).at("ask_region")
    _Child(house, "web:2").at("ask_region")
    with writing(house.sessions) as session:
        row = session.get_one(Conversation, _Child(house).profile)
        row.state = Sealer(b"x" * 32).seal(b"{}", "other")
    assert _chore(house, NOW + IDLE) == 1
    assert _chore(house, NOW + IDLE) == 0


def test_that_it_cannot_be_counted_keeps_nobody_from_erasing(house: Office) -> None:
    child = _Child(house).at("services_found")
    engine = make_engine(house.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE step_tally")
    engine.dispose()
    answer = child.send("!erase", Kind.BUTTON)
    assert answer.stored
    with house.sessions() as session:
        assert session.get(Conversation, child.profile) is None


def test_no_turn_does_more_for_it(house: Office) -> None:
    """As many statements as ever, and none of them counts."""
    child = _Child(house).at("services_found")
    statements: list[str] = []
    with house.sessions() as session:
        engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", lambda c, cursor, statement, *_: statements.append(statement))
    used = []
    for command in ("help", "hide", "help"):
        statements.clear()
        child.send(command)
        assert not any("step_tally" in statement for statement in statements)
        used.append(len([s for s in statements if s.startswith(("SELECT", "UPDATE", "INSERT", "DELETE"))]))
        child.clock.at += IDLE
    # Hiding drops words that were not sent: one look more, as before.
    assert used == [used[0], used[0] + 1, used[0]]


def test_every_key_of_the_dialogue_has_a_step_and_every_step_is_reported() -> None:
    keys, _labels = domain_keys(ROOT / "nlu")
    steps = {endings._step_of_key(key) for key in {*keys, *load_catalogue().replies}}
    assert steps | {"sent", "danger"} == set(dropoff.STEPS)
    assert dropoff.STAGES == STAGES


def test_a_line_that_is_said_first_leaves_nothing_of_before_and_its_buttons_work(house: Office) -> None:
    child = _Child(house).at("services_found")
    child.clock.at = NOW + timedelta(days=1)
    press = {"do": "follow_up", "how": "better", "case": "00000000-0000-4000-8000-000000000000"}
    asked = {"reply": "how_are_you", "buttons": [{"label": "better", "press": press}]}
    said: list[Answer] = []

    def deliver(session: Session, profile: bytes, answer: Answer) -> None:
        said.append(answer)

    asyncio.run(child.turn.speak_first(CHILD, [asked], deliver, lambda session: None))
    assert child.state().step.replies == []
    child.clock.at += timedelta(hours=3)
    answer = child.send(said[0].messages[0].buttons[0].token, Kind.BUTTON)
    assert [m.key for m in answer.messages] == ["glad_better"]
    assert _chore(house, child.clock.at + IDLE) == 1
    assert _counts(house) == {"services": 1}
