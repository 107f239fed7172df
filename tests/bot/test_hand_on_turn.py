"""May another organisation read it? Asked in the chat behind the receipt, answered once. All invented."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import storage
from bot.messages import Answer, Incoming, Kind
from bot.state import State, Step
from content.lint import LIMITS
from content.model import Register
from referrals.cases import handing, lifecycle
from referrals.cases.models import Override
from referrals.cases.routing import Need
from referrals.db import writing
from referrals.directory.models import Service
from tests.bot.test_handover_turn import CHILD, turn_of
from tests.referrals.handovers import NOW, Office, office

WORDS = "меня дразнят кырмуздайкой"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        made.add("Invented")
        yield made


class _Chat:
    """A child with its receipt, and the organisation's question waiting for it."""

    def __init__(self, house: Office, language: str = "ru", band: str = "11-13") -> None:
        self.house, self.turn, self.count = house, turn_of(house), 0
        self.receipt = house.send(words=WORDS, language=language)
        house.add("Other", region=None)
        with writing(house.sessions) as session:
            holder = house.referral(session, "Invented")
            lifecycle.accept(session, holder, "staff:1", NOW)
            need = Need("bullying", "KZ35", 12, language)
            choice = handing.candidates(session, house.pins, holder, need, NOW)[0][0]
            handing.ask(session, holder, choice, b'{"words": null}', "staff:1", NOW)
            state = State(language=language, language_chosen=True, step=Step(slots={"age_band": band}))
            storage.save_state(session, house.sealer, self.turn.profile(CHILD), state, NOW)

    def send(self, kind: Kind, text: str) -> Answer:
        self.count += 1
        return asyncio.run(self.turn.handle(Incoming(CHILD, str(self.count), kind, text)))

    def look(self) -> Answer:
        return self.send(Kind.TEXT, self.receipt)

    def state(self, name: str) -> str:
        with self.house.sessions() as session:
            return self.house.referral(session, name).state


def _tokens(answer: Answer) -> dict[str, str]:
    asked = next(m for m in answer.messages if m.key == "ask_hand_on" and m.buttons)
    return dict(zip(("yes", "no"), [button.token for button in asked.buttons], strict=True))


def _said(answer: Answer) -> list[str]:
    return list(dict.fromkeys(m.key for m in answer.messages))


def test_a_yes_is_given_once_and_moves_the_case(house: Office) -> None:
    chat = _Chat(house)
    answer = chat.look()
    assert _said(answer) == ["status_accepted", "ask_hand_on"]
    question = next(m.text for m in answer.messages if m.key == "ask_hand_on")
    assert "Other" in question
    assert "кырмуздай" not in question
    tokens = _tokens(answer)
    assert _said(chat.send(Kind.BUTTON, tokens["yes"])) == ["hand_on_given"]
    assert (chat.state("Invented"), chat.state("Other")) == ("handed_on", "in_progress")
    # Neither button means anything any more.
    for token in tokens.values():
        assert _said(chat.send(Kind.BUTTON, token)) == ["old_button"]
    assert _said(chat.look()) == ["status_in_progress"]


def test_a_no_leaves_all_as_it_was(house: Office) -> None:
    chat = _Chat(house)
    tokens = _tokens(chat.look())
    assert _said(chat.send(Kind.BUTTON, tokens["no"])) == ["hand_on_kept"]
    assert (chat.state("Invented"), chat.state("Other")) == ("accepted", "revoked")
    assert _said(chat.send(Kind.BUTTON, tokens["yes"])) == ["old_button"]
    assert _said(chat.look()) == ["status_accepted"]


def test_two_questions_shown_are_answered_once(house: Office) -> None:
    chat = _Chat(house)
    first, second = _tokens(chat.look()), _tokens(chat.look())
    assert _said(chat.send(Kind.BUTTON, first["no"])) == ["hand_on_kept"]
    assert _said(chat.send(Kind.BUTTON, second["yes"])) == ["old_button"]
    assert chat.state("Other") == "revoked"


def test_a_question_that_was_withdrawn_or_cannot_be_is_told_as_over(house: Office) -> None:
    chat = _Chat(house)
    tokens = _tokens(chat.look())
    with writing(house.sessions) as session:
        handing.withdraw(session, house.referral(session, "Invented"), "staff:1", NOW)
    assert _said(chat.send(Kind.BUTTON, tokens["yes"])) == ["hand_on_over"]
    assert chat.state("Invented") == "accepted"


@pytest.mark.parametrize("change", ["hidden", "unpinned"])
def test_who_can_take_it_no_more_gets_nothing(house: Office, change: str) -> None:
    chat = _Chat(house)
    tokens = _tokens(chat.look())
    if change == "unpinned":
        del house.pins[str(house.organizations["Other"])]
    else:
        with writing(house.sessions) as session:
            session.query(Service).filter_by(organization_id=house.organizations["Other"]).one().status = "archived"
    assert _said(chat.send(Kind.BUTTON, tokens["yes"])) == ["hand_on_over"]
    assert (chat.state("Invented"), chat.state("Other")) == ("accepted", "revoked")


def test_a_withdrawal_between_press_and_commit_is_told_as_over(house: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = _Chat(house)
    tokens = _tokens(chat.look())

    def withdrawn(*given: object, **more: object) -> None:
        raise lifecycle.NotPossible("withdrawn just now")

    monkeypatch.setattr(handing, "decide", withdrawn)
    assert _said(chat.send(Kind.BUTTON, tokens["yes"])) == ["hand_on_over"]
    assert chat.state("Other") == "asked"


def test_after_hiding_the_buttons_mean_nothing(house: Office) -> None:
    chat = _Chat(house)
    tokens = _tokens(chat.look())
    chat.send(Kind.COMMAND, "hide")
    assert "old_button" in _said(chat.send(Kind.BUTTON, tokens["yes"]))
    assert chat.state("Other") == "asked"


@pytest.mark.parametrize("language", ["kk", "ru"])
@pytest.mark.parametrize("band", list(LIMITS))
def test_it_is_asked_in_the_childs_language_and_words(house: Office, language: str, band: Register) -> None:
    chat = _Chat(house, language, band)
    asked = next(m for m in chat.look().messages if m.key == "ask_hand_on")
    assert [button.label for button in asked.buttons] == (
        ["Иә, оқысын", "Жоқ, оқымасын"] if language == "kk" else ["Да, пусть прочитают", "Нет, не надо"]
    )
    assert ("шешесіз" in asked.text) == (language == "kk" and band == "adult")


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_what_was_done_without_asking_is_told_as_it_is(house: Office, language: str) -> None:
    chat = _Chat(house, language)
    with writing(house.sessions) as session:
        holder, other = house.referral(session, "Invented"), house.referral(session, "Other")
        override = Override(first_person="staff:1", second_person="staff:2", reason="an invented reason", at=NOW)
        session.add(override)
        session.flush()
        other.override_id = override.id
        handing.move(session, holder, other, NOW)
    answer = chat.look()
    assert _said(answer) == ["status_in_progress", "status_for_safety"]
    told = " ".join(m.text for m in answer.messages if m.key == "status_for_safety")
    assert "Other" in told
    assert ("қорғау" if language == "kk" else "защитить") in told
