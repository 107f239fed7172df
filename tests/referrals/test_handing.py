"""Handing a case on: asked of the child, sealed before, seen by nobody without its yes. All invented."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from referrals import audit
from referrals.cases import handing, lifecycle, receipts, retention
from referrals.cases.models import Case, CaseMessage, Disposition, Notice, Referral, RejectReason
from referrals.cases.routing import Choice, Need
from referrals.crypto import open_with, receipt_keys, referral_purpose
from referrals.db import session_factory, writing
from tests.postgres import Server
from tests.referrals.handovers import EASY, NOW, PEPPER, Office
from tests.referrals.test_roles import Roles

WORDS, LATER = "меня дразнят кырмуздайкой", "и сегодня қырғұл"
LATER_ON = NOW + timedelta(hours=1)


def _opened(house: Office, referral: Referral) -> dict[str, object]:
    assert referral.sealed is not None
    purpose = referral_purpose(referral.case_id, referral.organization_id)
    opened: dict[str, object] = json.loads(
        open_with(house.keys[referral.organization_id].private, referral.sealed, purpose)
    )
    return opened


def _need(**more: object) -> Need:
    return Need(**{"concern": "bullying", "region": "KZ35", "age": 12, "language": "ru", **more})  # type: ignore[arg-type] # values vary


def _candidates(session: Session, house: Office, **more: object) -> list[Choice]:
    return [c for c, _ in handing.candidates(session, house.pins, _held(session, house), _need(**more), NOW)]


def _held(session: Session, house: Office) -> Referral:
    return house.referral(session, "first")


def _names(session: Session, house: Office, **more: object) -> set[str]:
    return {choice.name["ru"] for choice in _candidates(session, house, **more)}


@pytest.fixture
def asked(house: Office) -> Office:
    """The first has accepted, and would hand it on to one that the child had not chosen."""
    house.add("first", concerns=["bullying"])
    house.send(words=WORDS)
    house.add("next", region="KZ10")
    with writing(house.sessions) as session:
        lifecycle.accept(session, _held(session, house), "staff:1", NOW)
        _ask(session, house, "next")
    return house


def _ask(session: Session, house: Office, name: str) -> Referral:
    holder = _held(session, house)
    choice = next(c for c in _candidates(session, house) if c.name["ru"] == name)
    content = handing.content_for_next(_opened(house, holder), [LATER])
    return handing.ask(session, holder, choice, content, "staff:1", LATER_ON)


def test_whom_the_child_excludes_or_refused_or_nobody_vouches_for_is_no_choice(house: Office) -> None:
    house.add("first", concerns=["bullying"])
    house.send()
    excluded = house.add("excluded")
    house.add("its arm", ties=[str(excluded)])
    house.add("of the police", ties=["police"])
    house.add("draft", status="draft")
    house.add("no hand-overs", takes_handovers=False)
    house.add("never verified", verified_on=None)
    house.add("far", region="KZ10")
    house.add("near")
    del house.pins[str(house.add("not pinned"))]
    with writing(house.sessions) as session:
        found = handing.candidates(
            session, house.pins, _held(session, house), _need(excluded=("police", str(excluded))), NOW
        )
        assert [(choice.name["ru"], fits) for choice, fits in found] == [("near", True), ("far", False)]
        handing.decide(session, _ask(session, house, "near").id, False, LATER_ON)
        assert _names(session, house, excluded=("police", str(excluded))) == {"far"}


def test_nothing_is_seen_before_the_yes_and_then_by_the_other_alone(asked: Office) -> None:
    with writing(asked.sessions) as session:
        following, holder = asked.referral(session, "next"), _held(session, asked)
        assert (following.state, following.sent_at, following.consent) == ("asked", None, False)
        assert lifecycle.holder_of(asked.case(session)) is holder
        assert session.scalars(select(Notice).where(Notice.referral_id == following.id)).all() == []
        handing.decide(session, following.id, True, LATER_ON)
        assert (following.state, following.consent) == ("in_progress", True)
        assert following.due_at == LATER_ON + timedelta(days=3)
        assert (holder.state, holder.sealed) == ("handed_on", None)
        assert asked.case(session).state == "open"
        assert _opened(asked, following)["words"] == f"{WORDS}\n{LATER}"
        kinds = session.execute(select(Notice.kind, Notice.referral_id).order_by(Notice.id)).all()
        assert ("new_handover", following.id) in [tuple(row) for row in kinds]
        assert ("child_decided", holder.id) in [tuple(row) for row in kinds]
        actions = session.scalars(select(audit.AuditEvent.action)).all()
        assert {"hand_on_asked", "hand_on_agreed"} <= set(actions)
        assert audit.verify(session) is None


def test_words_that_come_before_the_yes_reach_the_other_too(asked: Office) -> None:
    with writing(asked.sessions) as session:
        case, following = asked.case(session), asked.referral(session, "next")
        assert lifecycle.add_words(session, case, "ещё слово", LATER_ON)
        handing.decide(session, following.id, True, LATER_ON)
        private = asked.keys[following.organization_id].private
        theirs = [m for m in case.messages if m.organization_id == following.organization_id]
        purpose = lifecycle.message_purpose(case, following)
        assert [open_with(private, m.to_organization, purpose).decode() for m in theirs] == ["ещё слово"]


def test_a_no_destroys_the_copy_and_changes_nothing_else(asked: Office) -> None:
    with writing(asked.sessions) as session:
        case, following = asked.case(session), asked.referral(session, "next")
        lifecycle.add_words(session, case, "ещё слово", LATER_ON)
        handing.decide(session, following.id, False, LATER_ON)
        assert (following.state, following.reason, following.sealed) == ("revoked", "child_refused", None)
        assert _held(session, asked).state == "accepted"
        assert session.query(CaseMessage).filter_by(organization_id=following.organization_id).count() == 0
        assert session.query(CaseMessage).count() == 1
        with pytest.raises(lifecycle.NotPossible):
            handing.decide(session, following.id, True, LATER_ON)
        assert "next" not in _names(session, asked)


def test_a_question_is_withdrawn_and_can_be_asked_again(asked: Office) -> None:
    asked.add("third")
    with writing(asked.sessions) as session:
        following = asked.referral(session, "next")
        assert _names(session, asked) == {"third"}
        with pytest.raises(lifecycle.NotPossible, match="open already"):
            _ask(session, asked, "third")
        handing.withdraw(session, _held(session, asked), "staff:1", LATER_ON)
        assert (following.state, following.sealed) == ("revoked", None)
        with pytest.raises(lifecycle.NotPossible):
            handing.decide(session, following.id, True, LATER_ON)
        with pytest.raises(lifecycle.NotPossible):
            handing.withdraw(session, _held(session, asked), "staff:1", LATER_ON)
        assert _ask(session, asked, "next").state == "asked"


@pytest.mark.parametrize("how", ["revoke", "close", "reject", "erase", "expire"])
def test_whatever_ends_the_case_or_the_question_ends_the_copy(house: Office, how: str) -> None:
    house.add("first", concerns=["bullying"])
    house.send(words=WORDS)
    house.add("next")
    with writing(house.sessions) as session:
        case, holder = house.case(session), _held(session, house)
        following = _ask(session, house, "next")
        if how == "revoke":
            lifecycle.revoke(session, case, audit.CHILD, LATER_ON)
        elif how == "close":
            lifecycle.accept(session, holder, "staff:1", LATER_ON)
            lifecycle.close(session, holder, Disposition.HELPED, "staff:1", LATER_ON)
        elif how == "reject":
            lifecycle.reject(session, holder, RejectReason.CONFLICT, "staff:1", LATER_ON)
        elif how == "erase":
            lifecycle.revoke(session, case, audit.CHILD, LATER_ON)
            retention.erase_case(session, case, audit.CHILD, LATER_ON)
        else:
            assert handing.expire(session, LATER_ON + timedelta(days=13)) == 0
            assert handing.expire(session, LATER_ON + timedelta(days=14)) == 1
    with house.sessions() as session:
        following = house.referral(session, "next")
        assert (following.state, following.sealed) == ("revoked", None)
        assert (house.case(session).state == "open") == (how == "expire")


def test_silence_goes_to_the_childs_next_choice_and_the_question_goes(house: Office) -> None:
    house.add("first", concerns=["bullying"])
    house.add("second")
    house.send(words=WORDS)
    house.add("next")
    with writing(house.sessions) as session:
        _ask(session, house, "next")
        for days in (4, 8):
            lifecycle.escalate(session, NOW + timedelta(days=days))
        assert _held(session, house).state == "rejected"
        assert house.referral(session, "second").state == "in_progress"
        assert (house.referral(session, "next").state, house.referral(session, "next").sealed) == ("revoked", None)


def test_the_childs_own_later_choice_goes_back_to_its_place(house: Office) -> None:
    house.add("first", concerns=["bullying"])
    house.add("second")
    house.send(words=WORDS)
    with writing(house.sessions) as session:
        following = _ask(session, house, "second")
        assert following.consent
        handing.withdraw(session, _held(session, house), "staff:1", LATER_ON)
        assert following.state == "waiting"
        assert following.sealed is not None
        again = _ask(session, house, "second")
        lifecycle.reject(session, _held(session, house), RejectReason.CONFLICT, "staff:1", LATER_ON)
        # Refused by the first: the child's own next choice is asked, as it wanted.
        assert again.state == "in_progress"


def test_closing_destroys_the_copies_of_choices_that_were_never_asked(house: Office) -> None:
    house.add("first", concerns=["bullying"])
    house.add("second")
    receipt = house.send(words=WORDS)
    with writing(house.sessions) as session:
        lifecycle.accept(session, _held(session, house), "staff:1", NOW)
        lifecycle.close(session, _held(session, house), Disposition.HELPED, "staff:1", LATER_ON)
        second = house.referral(session, "second")
        assert (second.state, second.sealed) == ("revoked", None)
        keys = receipt_keys(receipt, PEPPER, EASY)
        status = receipts.read_status(session, house.case(session), keys, LATER_ON)
        assert (status.state, (status.name or {})["ru"]) == ("done", "first")


@pytest.mark.parametrize(("mode", "lines"), [("here", 1), ("receipt", 0)])
def test_a_line_comes_only_to_who_wants_one_and_the_question_stands_behind_the_receipt(
    house: Office, mode: str, lines: int
) -> None:
    house.add("first", concerns=["bullying"])
    receipt = house.send(contact_mode=mode)
    house.add("next")
    with writing(house.sessions) as session:
        following = _ask(session, house, "next")
        keys = receipt_keys(receipt, PEPPER, EASY)
        status = receipts.read_status(session, house.case(session), keys, LATER_ON)
        assert status.question == receipts.Question(following.id, {"kk": "next", "ru": "next"})
        assert session.query(Notice).filter_by(kind="look_in").count() == lines
        handing.decide(session, following.id, True, LATER_ON)
        status = receipts.read_status(session, house.case(session), keys, LATER_ON)
        assert (status.question, status.state, (status.name or {})["ru"]) == (None, "in_progress", "next")


def test_the_database_itself_refuses_an_organisation_without_the_childs_yes(asked: Office) -> None:
    """SECURITY S15, for each organisation."""
    for state in ("in_progress", "accepted", "waiting", "done"):
        with pytest.raises(IntegrityError), writing(asked.sessions) as session:
            session.execute(update(Referral).where(Referral.state == "asked").values(state=state))


def test_too_many_words_are_cut_and_not_lost_altogether(house: Office) -> None:
    house.add("first", concerns=["bullying"])
    house.send(words="я" * 13_000)
    house.add("next")
    with writing(house.sessions) as session:
        holder = _held(session, house)
        content = handing.content_for_next(_opened(house, holder), ["ю" * 4_000])
        choice = _candidates(session, house)[0]
        following = handing.ask(session, holder, choice, content, "staff:1", NOW)
        assert str(_opened(house, following)["words"]).startswith("я" * 13_000)
        assert session.query(Case).count() == 1


def test_the_two_database_roles_are_enough(postgres: Server) -> None:
    """The console asks and proposes, the bot brings the answer and lets things lapse: each with its own rights."""
    roles = Roles(postgres)
    owner = Office(
        session_factory(roles.owner), "", roles.bot.sealer, roles.bot.pins, roles.bot.keys, roles.bot.organizations
    )
    owner.add("first", concerns=["bullying"])
    receipt = roles.bot.send(words=WORDS)
    owner.add("next")
    keys = receipt_keys(receipt, PEPPER, EASY)
    for yes in (False, True):
        with writing(roles.console) as session:
            holder = roles.bot.referral(session, "first")
            need = _need()
            choice = handing.candidates(session, roles.bot.pins, holder, need, NOW, despite_no=True)[0][0]
            handing.ask(session, holder, choice, b'{"words": null}', "staff:1", NOW)
        with writing(roles.bot.sessions) as session:
            assert handing.expire(session, NOW) == 0
            case = receipts.find_case(session, keys)
            assert case is not None
            question = receipts.read_status(session, case, keys, NOW).question
            assert question is not None
            assert lifecycle.add_words(session, case, LATER, NOW)
            handing.decide(session, question.referral_id, yes, NOW)
    with writing(roles.bot.sessions) as session:
        case = roles.bot.case(session)
        assert [r.state for r in case.referrals] == ["handed_on", "in_progress"]
        lifecycle.revoke(session, case, audit.CHILD, NOW)
        retention.erase_case(session, case, audit.CHILD, NOW)
    roles.close()
