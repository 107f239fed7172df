"""What nobody may do alone, as the database keeps it and as leads and the child hear of it. All invented."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from referrals import audit
from referrals.cases import handing, lifecycle, receipts, retention, second
from referrals.cases.models import Disposition, Notice, Override, SecondPerson
from referrals.cases.routing import Need
from referrals.crypto import receipt_keys
from referrals.db import writing
from referrals.notices import Letter, deliver_due
from referrals.people import Staff
from tests.referrals.handovers import EASY, NOW, PEPPER, Office

REASON = "the colleague is ill and the child waits"


class People:
    """The staff of the first organisation, by name."""

    def __init__(self, house: Office) -> None:
        self.house = house
        self.receipt = self._sent()
        self.ids: dict[str, UUID] = {}
        for name, role in (("owner", "case_worker"), ("asker", "case_worker"), ("lead", "lead"), ("other", "lead")):
            self.ids[name] = self._person(name, role)
        with writing(house.sessions) as session:
            holder = house.referral(session, "first")
            lifecycle.accept(session, holder, "staff:owner", NOW)
            holder.assigned_to = self.ids["owner"]

    def _sent(self) -> str:
        self.house.add("first", concerns=["bullying"])
        receipt = self.house.send(words="слова")
        self.house.add("next")
        return receipt

    def _person(self, name: str, role: str) -> UUID:
        with writing(self.house.sessions) as session:
            person = Staff(
                name=name, email=f"{name}@example.invalid", role=role, created_at=NOW, joined_at=NOW,
                organization_id=self.house.organizations["first"], totp_last=0, recovery_codes=[],
            )  # fmt: skip
            session.add(person)
            session.flush()
            return person.id

    def get(self, session: Session, name: str) -> Staff:
        return session.get_one(Staff, self.ids[name])

    def ask(self, session: Session) -> SecondPerson:
        return second.ask_look(
            session, self.house.referral(session, "first"), self.get(session, "asker"), REASON, NOW
        )  # fmt: skip

    def propose(self, session: Session, at: datetime = NOW) -> SecondPerson:
        holder = self.house.referral(session, "first")
        choice = handing.candidates(session, self.house.pins, holder, Need("bullying", "KZ35", 12, "ru"), NOW)[0][0]
        return second.propose(
            session, holder, self.get(session, "owner"), choice, b'{"words": null}', REASON, at
        )  # fmt: skip


@pytest.fixture
def staff(house: Office) -> People:
    return People(house)


async def test_every_lead_gets_a_letter_in_both_languages_and_nothing_of_the_case_is_in_it(staff: People) -> None:
    letters: list[Letter] = []

    async def send(letter: Letter) -> None:
        letters.append(letter)

    with writing(staff.house.sessions) as session:
        request = staff.ask(session)
        second.decide(session, request, staff.get(session, "owner"), True, NOW)
        session.query(Notice).filter(Notice.staff_id.is_(None)).delete()
        number = request.referral.case.number
        session.get_one(Staff, staff.ids["other"]).disabled_at = NOW

    def failed(error: Exception) -> None:
        raise error

    assert await deliver_due(staff.house.sessions, {"telegram": send}, "http://x", NOW, failed) == 0
    assert await deliver_due(staff.house.sessions, {"mail": send}, "http://x", NOW, failed) == 2
    assert await deliver_due(staff.house.sessions, {"mail": send}, "http://x", NOW, failed) == 0
    assert {letter.address for letter in letters} == {"lead@example.invalid"}
    for letter in letters:
        assert number in letter.subject
        assert "http://x/second" in letter.text
        for secret in (REASON, "слова", "bullying", "asker", "/answer/"):
            assert secret not in letter.subject + letter.text


def test_the_database_itself_wants_two_persons_and_a_reason(staff: People) -> None:
    with writing(staff.house.sessions) as session:
        staff.ask(session)
    wrong: tuple[dict[str, object], ...] = (
        {"decider": staff.ids["asker"]}, {"reason": "short"}, {"granted": True},
    )  # fmt: skip
    for values in wrong:
        with pytest.raises(IntegrityError), writing(staff.house.sessions) as session:
            session.execute(update(SecondPerson).values(**values))


def test_what_nobody_decides_on_lapses_with_its_copy(staff: People) -> None:
    with writing(staff.house.sessions) as session:
        look, proposal = staff.ask(session), staff.propose(session)
        first, late = staff.house.organizations["first"], NOW + timedelta(hours=24)
        assert second.waiting(session, first, NOW) == [look, proposal]
        assert handing.expire(session, late - timedelta(minutes=1)) == 0
        assert handing.expire(session, late) == 1
        following = staff.house.referral(session, "next")
        assert (following.state, following.sealed) == ("revoked", None)
        assert second.waiting(session, first, late) == []
        assert set(second.over(session, first, late, 10)) == {look, proposal}
        for request in (look, proposal):
            with pytest.raises(lifecycle.NotPossible, match="over"):
                second.decide(session, request, staff.get(session, "lead"), True, late)
        # Lapsed is not refused by the child: it can be asked. The older request does not rise with the new one.
        again = staff.propose(session, late)
        assert second.waiting(session, first, late) == [again]
        with pytest.raises(lifecycle.NotPossible, match="over"):
            second.decide(session, proposal, staff.get(session, "lead"), True, late)


@pytest.mark.parametrize("how", ["revoke", "close", "withdraw"])
def test_a_proposal_ends_with_what_it_is_about(staff: People, how: str) -> None:
    with writing(staff.house.sessions) as session:
        proposal, holder = staff.propose(session), staff.house.referral(session, "first")
        if how == "revoke":
            lifecycle.revoke(session, holder.case, audit.CHILD, NOW)
        elif how == "close":
            lifecycle.close(session, holder, Disposition.HELPED, "staff:owner", NOW)
        else:
            handing.withdraw(session, holder, "staff:owner", NOW)
        assert staff.house.referral(session, "next").sealed is None
        with pytest.raises(lifecycle.NotPossible):
            second.decide(session, proposal, staff.get(session, "lead"), True, NOW)
        assert session.query(Override).count() == 0


def test_the_child_is_told_who_was_told_and_that_it_was_for_its_safety(staff: People) -> None:
    keys = receipt_keys(staff.receipt, PEPPER, EASY)
    with writing(staff.house.sessions) as session:
        case = staff.house.case(session)
        proposal = staff.propose(session)
        assert receipts.read_status(session, case, keys, NOW).told_for_safety == ()
        lines = session.query(Notice).filter_by(kind="look_in").count()
        second.decide(session, proposal, staff.get(session, "lead"), True, NOW)
        status = receipts.read_status(session, case, keys, NOW)
        assert status.told_for_safety == ({"kk": "next", "ru": "next"},)
        assert (status.state, (status.name or {})["ru"]) == ("in_progress", "next")
        assert session.query(Notice).filter_by(kind="look_in").count() == lines + 1
        assert audit.verify(session) is None


def test_erasing_a_case_takes_the_reasons_with_it(staff: People) -> None:
    with writing(staff.house.sessions) as session:
        staff.ask(session)
        staff.propose(session)
        case = staff.house.case(session)
        lifecycle.revoke(session, case, audit.CHILD, NOW)
        second.sweep(session, NOW)
        assert session.query(SecondPerson).count() == 2
        retention.erase_case(session, case, audit.CHILD, NOW)
        second.sweep(session, NOW)
        assert session.query(SecondPerson).count() == 0


def test_requests_are_forgotten_after_ninety_days(staff: People) -> None:
    with writing(staff.house.sessions) as session:
        staff.ask(session)
        second.sweep(session, NOW + timedelta(days=89))
        assert session.query(SecondPerson).count() == 1
        second.sweep(session, NOW + timedelta(days=90))
        assert session.query(SecondPerson).count() == 0


def test_a_request_of_another_house_is_as_absent_as_none(staff: People) -> None:
    with writing(staff.house.sessions) as session:
        request = staff.ask(session)
        assert second.find(session, request.id, staff.house.organizations["first"]) is request
        assert second.find(session, request.id, staff.house.organizations["next"]) is None
        assert second.find(session, uuid4(), staff.house.organizations["first"]) is None
        assert second.waiting(session, staff.house.organizations["next"], NOW) == []
        assert session.scalars(select(audit.AuditEvent.action)).all().count("look_asked") == 1


@pytest.mark.parametrize(("minutes", "lasts"), [(29, True), (30, False), (31, False)])
def test_a_look_lasts_half_an_hour(staff: People, minutes: int, lasts: bool) -> None:
    at: datetime = NOW + timedelta(minutes=minutes)
    with writing(staff.house.sessions) as session:
        request = staff.ask(session)
        second.decide(session, request, staff.get(session, "owner"), True, NOW)
        found = second.look_of(session, request.referral, staff.get(session, "asker"), at)
        assert (found is request) == lasts
        assert second.look_of(session, request.referral, staff.get(session, "owner"), at) is None
