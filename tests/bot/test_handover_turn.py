"""Send, in the turn's own transaction: told only when it is stored, made once, and refused when it cannot be."""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from bot import storage
from bot.dialogue import Dialogue
from bot.handover import Handovers, find_receipt
from bot.messages import Answer, Incoming, Kind
from bot.state import State, Step
from bot.turn import Turn
from bot.voice import Voice
from content.model import CONTENT, load_catalogue
from referrals.cases import intake
from referrals.cases.models import Case, Draft, OrganizationKey
from referrals.db import writing
from tests.referrals.handovers import EASY, NOW, PEPPER, Office, office

CHILD = "web:invented"
WORDS = "меня дразнят кырмуздайкой"
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        made.add("Invented")
        yield made


def turn_of(house: Office) -> Turn:
    """A turn over this office; no dialogue engine behind it."""
    return Turn(
        sessions=house.sessions, sealer=house.sealer, pepper=PEPPER, voice=Voice(load_catalogue()),
        dialogue=Dialogue("http://127.0.0.1:9", "x"), now=lambda: NOW,
        handovers=Handovers(house.sessions, house.sealer, PEPPER, lambda: house.pins, lambda: NOW, EASY),
    )  # fmt: skip


def _before_send(house: Office, turn: Turn) -> None:
    """A child that has told everything and looks at the preview."""
    organization = str(house.organizations["Invented"])
    handover = {
        "kind": "talk", "concern": "bullying", "region": "KZ35", "age_band": "11-13", "gender": None, "excluded": [],
        "contact": "receipt", "when": "any", "words": True, "danger": False, "order": [organization],
        "names": [{"ru": "Invented", "kk": "Invented"}],
    }  # fmt: skip
    state = State(language="ru", language_chosen=True, step=Step(slots={"age_band": "11-13"}), seen_at=NOW.timestamp())
    state.buttons["send"] = {"press": {"do": "send", "handover": handover}}
    profile = turn.profile(CHILD)
    with writing(house.sessions) as session:
        storage.save_state(session, house.sealer, profile, state, NOW)
        intake.keep_draft(session, house.sealer, profile, WORDS, NOW)


def _press(turn: Turn, update: str, deliver: Any = None) -> Answer:
    incoming = Incoming(CHILD, update, Kind.BUTTON, "send")
    return asyncio.run(turn.handle(incoming, deliver) if deliver else turn.handle(incoming))


def _count(house: Office, model: type) -> int:
    with house.sessions() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_sent_is_told_when_it_is_stored_and_the_draft_is_gone(house: Office) -> None:
    """SECURITY D9."""
    turn = turn_of(house)
    _before_send(house, turn)
    stored_when_told = []

    def deliver(session: Session, profile: bytes, answer: Answer) -> None:
        stored_when_told.append((session.query(Case).count(), [m.key for m in answer.messages]))

    answer = _press(turn, "1", deliver)
    assert stored_when_told == [(1, ["handover_sent", "handover_sent"])]
    assert find_receipt(" ".join(m.text for m in answer.messages)) is not None
    assert _count(house, Draft) == 0


def test_what_could_not_be_stored_is_told_as_not_sent_and_never_sent_later(
    house: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = io.StringIO()
    monkeypatch.setattr("bot.log._Sink.stream", lines)
    turn = turn_of(house)
    _before_send(house, turn)

    def fails(session: Session, profile: bytes, answer: Answer) -> None:
        raise RuntimeError(WORDS)

    answer = _press(turn, "1", fails)
    assert {m.key for m in answer.messages} == {"handover_failed"}
    assert _count(house, Case) == 0
    again = _press(turn, "1")
    assert again.repeated
    assert _count(house, Case) == 0
    assert "commit_failed" in lines.getvalue()
    assert "кырмуздай" not in lines.getvalue()


def test_send_pressed_twice_makes_one_case(house: Office) -> None:
    turn = turn_of(house)
    _before_send(house, turn)
    _press(turn, "1")
    second = _press(turn, "2")
    assert _count(house, Case) == 1
    assert "handover_sent" not in {m.key for m in second.messages}


def test_when_nobody_can_take_it_any_more_nothing_is_kept(house: Office) -> None:
    turn = turn_of(house)
    _before_send(house, turn)
    with writing(house.sessions) as session:
        session.execute(delete(OrganizationKey))
    answer = _press(turn, "1")
    assert answer.messages[0].key == "handover_nobody"
    assert {m.contact.number for m in answer.messages if m.contact} == {"150", "111"}
    assert _count(house, Case) == _count(house, Draft) == 0


def test_the_limits_are_told_before_the_first_free_words() -> None:
    """SECURITY F8: every way into the form goes through them."""
    rules = yaml.safe_load((ROOT / "nlu" / "data" / "rules" / "handover.yml").read_text("utf-8"))["rules"]
    for path in (ROOT / "nlu" / "data").rglob("*.yml"):
        for rule in (yaml.safe_load(path.read_text("utf-8")) or {}).get("rules", []):
            actions = [step["action"] for step in rule["steps"] if "action" in step]
            inside = {"active_loop": "handover_form"} in rule.get("condition", [])
            if "handover_form" in actions and not inside:
                assert actions[0] == "action_open_handover"
    assert rules
    form = yaml.safe_load((ROOT / "nlu" / "domain" / "handover.yml").read_text("utf-8"))["forms"]["handover_form"]
    assert form["required_slots"][-1] == "handover_words"
    limits = yaml.safe_load((CONTENT / "replies" / "handover.yaml").read_text("utf-8"))["replies"]["handover_limits"]
    for texts in (limits["ru"], limits["kk"]):
        assert all("обязан" in text or "міндетті" in text for text in texts.values())


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("1234567812345678", "1234567812345678"), ("мой номер 1234 5678 1234 5678.", "1234567812345678"),
        ("1234-5678-1234-5678", "1234567812345678"), ("123456781234567", None), ("12345678123456789", None),
        ("8 701 123 45 67", None), ("", None),
    ],
)  # fmt: skip
def test_a_receipt_is_found_however_it_is_grouped(text: str, digits: str | None) -> None:
    assert find_receipt(text) == digits
