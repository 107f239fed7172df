"""What nobody may do alone, and ten ways around it that lead nowhere (SECURITY S12). All invented."""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from referrals import audit, people
from referrals.cases import handing, lifecycle
from referrals.cases.models import CHILD_REFUSED, AnswerLink, Notice, Override, Referral, SecondPerson
from referrals.cases.routing import Need
from referrals.crypto import token_digest
from referrals.db import writing
from tests.console.desk import Desk, Person
from tests.referrals.handovers import PASSPHRASE

WORDS = "меня дразнят кырмуздайкой"
REASON = "the colleague is ill and the child waits"


class House:
    """One organisation at work: a hand-over that is assigned to one of four."""

    def __init__(self, desk: Desk) -> None:
        self.desk, mine = desk, desk.house.organizations["Invented"]
        desk.house.send(words=WORDS, at=desk.clock.at)
        with writing(desk.house.sessions) as session:
            session.query(Referral).filter_by(organization_id=desk.house.organizations["Second"]).delete()
        self.owner = desk.person("case_worker", mine, name="owner")
        self.asker = desk.person("case_worker", mine, name="asker")
        self.second = desk.person("case_worker", mine, name="second")
        self.lead = desk.person("lead", mine, name="lead")
        self.foreign = desk.person("lead", desk.house.organizations["Second"], name="foreign")
        with desk.house.sessions() as session:
            self.number = desk.house.case(session).number
        self.path = f"/cases/{self.number}"
        self.owner.post(self.path, do="accept")
        for person in (self.owner, self.asker, self.second, self.lead):
            person.post("/cases/unlock", passphrase=PASSPHRASE)

    def reads(self, person: Person) -> bool:
        return "кырмуздай" in person.get(self.path).text

    def ask(self, reason: str = REASON) -> int:
        return int(self.asker.post(f"{self.path}/look", reason=reason).status_code)

    def propose(self, person: Person, **more: str) -> int:
        page = person.get(f"{self.path}/hand-on").text.split('<select id="service-now"')
        found = re.findall(r'<option value="([0-9a-f-]{36})">Second<', page[1] if len(page) > 1 else "")
        data = {"do": "propose", "service": found[0] if found else "", "reason": REASON, "danger": "on", **more}
        return int(person.post(f"{self.path}/hand-on", **data).status_code)

    def request(self) -> str:
        with self.desk.house.sessions() as session:
            return str(session.scalars(select(SecondPerson.id).order_by(SecondPerson.asked_at.desc())).first())

    def decide(self, person: Person, do: str = "agree") -> int:
        return int(person.post(f"/second/{self.request()}", do=do).status_code)

    def state(self, name: str) -> str:
        with self.desk.house.sessions() as session:
            return self.desk.house.referral(session, name).state

    def events(self, *actions: str) -> list[str]:
        with self.desk.house.sessions() as session:
            query = select(audit.AuditEvent).where(audit.AuditEvent.action.in_(actions))
            return [e.action for e in session.scalars(query.order_by(audit.AuditEvent.id))]


@pytest.fixture
def house(desk: Desk) -> House:
    return House(desk)


def test_only_whose_it_is_and_the_lead_open_it(house: House) -> None:
    assert house.reads(house.owner)
    assert house.reads(house.lead)
    for colleague in (house.asker, house.second):
        page = colleague.get(house.path).text
        assert "assigned to:" in page
        assert "кырмуздай" not in page
        for do in ("accept", "reject", "close", "answer", "note", "assign"):
            sent = colleague.post(house.path, do=do, text="x", choice=str(colleague.id))
            assert sent.status_code == 403, do
        assert colleague.get(f"{house.path}/hand-on").status_code == 403
        assert colleague.post(f"{house.path}/hand-on", do="ask").status_code == 403
    assert house.state("Invented") == "accepted"


def test_a_look_is_asked_granted_read_told_and_over_after_half_an_hour(house: House) -> None:
    assert house.ask() == 200
    assert not house.reads(house.asker)
    waiting = house.second.get("/second").text
    assert REASON in waiting
    assert "кырмуздай" not in waiting
    assert house.decide(house.second) == 200
    assert house.reads(house.asker)
    assert not house.reads(house.second)
    # Looking is all that it is good for.
    assert house.asker.post(house.path, do="answer", text="x").status_code == 403
    assert house.asker.get(f"{house.path}/hand-on").status_code == 403
    assert house.events("look_asked", "look_approved") == ["look_asked", "look_approved"]
    with house.desk.house.sessions() as session:
        reads = session.scalars(select(audit.AuditEvent).where(audit.AuditEvent.action == "case_read")).all()
        looked = [e for e in reads if e.details.get("look") == house.request()]
        assert [e.details["opened"] for e in looked] == ["yes"]
        # The reason stands in no event, and a lead hears of both steps.
        assert REASON not in " ".join(str(e.details) for e in session.scalars(select(audit.AuditEvent)))
        told = session.execute(select(Notice.kind, Notice.staff_id).where(Notice.staff_id.is_not(None))).all()
        assert {tuple(row) for row in told} == {("look_asked", house.lead.id), ("look_granted", house.lead.id)}
        assert audit.verify(session) is None
    assert REASON in house.lead.get("/second").text
    assert REASON not in house.second.get("/second").text
    house.desk.clock.at += timedelta(minutes=20)
    assert house.reads(house.asker)
    house.asker.post("/cases/unlock", passphrase=PASSPHRASE)
    house.desk.clock.at += timedelta(minutes=11)
    assert not house.reads(house.asker)


def test_a_refused_look_opens_nothing_and_can_be_asked_again(house: House) -> None:
    house.ask()
    assert house.ask() == 400
    assert house.decide(house.second, "refuse") == 200
    assert not house.reads(house.asker)
    assert house.events("look_refused") == ["look_refused"]
    assert house.ask() == 200


# -- ten ways around


def _same_person_twice(house: House) -> None:
    house.ask()
    assert house.decide(house.asker) == 400


def _disabled_second_person(house: House) -> None:
    house.ask()
    house.lead.post(f"/colleagues/{house.second.id}", do="disable")
    assert house.decide(house.second) == 404


def _other_houses_person(house: House) -> None:
    house.ask()
    absent = house.foreign.post(f"/second/{uuid4()}", do="agree")
    tried = house.foreign.post(f"/second/{house.request()}", do="agree")
    assert (tried.status_code, tried.text) == (404, absent.text)
    assert house.foreign.post(f"{house.path}/look", reason=REASON).status_code == 404


def _wrong_role(house: House) -> None:
    house.ask()
    for role in ("editor", "coordinator", "auditor", "administrator"):
        assert house.decide(house.desk.person(role)) == 404


def _expired(house: House) -> None:
    house.ask()
    house.desk.clock.at += timedelta(hours=24, minutes=1)
    assert house.second.try_login().status_code == 303
    assert house.decide(house.second) == 400
    assert house.asker.try_login().status_code == 303
    house.asker.post("/cases/unlock", passphrase=PASSPHRASE)


def _no_reason(house: House) -> None:
    for reason in ("", " " * 20, "too short", "x" * 401):
        assert house.ask(reason) == 400, reason


def _without_asking(house: House) -> None:
    for request in (uuid4(), house.asker.id, "x"):
        assert house.second.post(f"/second/{request}", do="agree").status_code == 404
    assert house.second.post(f"/second/{uuid4()}", do="agree", granted="on", until="2099").status_code == 404


def _replayed_form(house: House) -> None:
    house.ask()
    request = house.request()
    assert house.second.post(f"/second/{request}", do="agree").status_code == 200
    house.desk.clock.at += timedelta(minutes=31)
    assert house.second.try_login().status_code == 303
    assert house.second.post(f"/second/{request}", do="agree").status_code == 400
    # A refusal is not turned round either, nor is a form of an old session taken.
    house.asker.try_login()
    house.asker.post("/cases/unlock", passphrase=PASSPHRASE)
    sent = house.second.browser.post(f"/second/{request}", data={"form_token": house.asker.token(), "do": "agree"})
    assert sent.status_code == 404


def _after_a_change_of_role(house: House) -> None:
    house.ask()
    house.decide(house.second)
    assert house.reads(house.asker)
    with writing(house.desk.house.sessions) as session:
        # The second person is a case worker no more: neither is what it granted.
        other = session.get_one(people.Staff, house.second.id)
        other.organization_id = house.desk.house.organizations["Second"]


def _after_it_was_given_to_somebody_else(house: House) -> None:
    house.ask()
    house.decide(house.second)
    assert house.reads(house.asker)
    house.lead.post(house.path, do="assign", choice=str(house.lead.id))


WAYS = (
    _same_person_twice, _disabled_second_person, _other_houses_person, _wrong_role, _expired, _no_reason,
    _without_asking, _replayed_form, _after_a_change_of_role, _after_it_was_given_to_somebody_else,
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
def test_no_way_leads_around_the_second_person(house: House, way: Callable[[House], None]) -> None:
    way(house)
    assert not house.reads(house.asker)
    with house.desk.house.sessions() as session:
        for event in session.scalars(select(audit.AuditEvent).where(audit.AuditEvent.action == "case_read")):
            assert not (event.actor == f"staff:{house.asker.id}" and event.details.get("opened")) or (
                event.details.get("look") not in (None, "refused")
            )
        assert audit.verify(session) is None


def test_when_the_hand_over_is_closed_nothing_is_granted_any_more(house: House) -> None:
    house.ask()
    house.owner.post(house.path, do="close", choice="helped")
    assert house.decide(house.second) == 400
    assert not house.reads(house.asker)


# -- without the child's yes


def test_two_persons_hand_on_what_a_life_depends_on(house: House) -> None:
    assert house.propose(house.owner) == 200
    assert house.state("Second") == "proposed"
    house.foreign.post("/cases/unlock", passphrase=PASSPHRASE)
    assert house.foreign.get(house.path).status_code == 404
    assert house.number not in house.foreign.get("/cases").text
    assert house.decide(house.lead) == 200
    assert (house.state("Invented"), house.state("Second")) == ("handed_on", "in_progress")
    page = house.foreign.get(house.path).text
    assert "кырмуздай" in page
    assert "without the child's yes" in page
    assert not house.reads(house.owner)
    with house.desk.house.sessions() as session:
        case = house.desk.house.case(session)
        override = session.scalars(select(Override)).one()
        assert (override.first_person, override.second_person, override.reason) == (
            f"staff:{house.owner.id}", f"staff:{house.lead.id}", REASON,
        )  # fmt: skip
        assert override.id in (case.override_id, house.desk.house.referral(session, "Second").override_id)
        told = session.execute(select(Notice.kind).where(Notice.staff_id == house.lead.id)).scalars().all()
        assert told == ["override_asked", "override_done"]
        # And the child that wants to be written to gets its line.
        assert session.query(Notice).filter_by(kind="look_in").count() == 2
    assert house.events("override_asked", "override_confirmed") == ["override_asked", "override_confirmed"]
    assert house.decide(house.lead) == 400


def test_a_lead_who_proposed_does_not_confirm_and_workers_never(house: House) -> None:
    assert house.propose(house.lead) == 200
    for person in (house.lead, house.owner, house.asker):
        assert house.decide(person) == 400
    assert house.decide(house.foreign) == 404
    assert house.state("Second") == "proposed"
    other = house.desk.person("lead", house.desk.house.organizations["Invented"], name="other")
    assert house.decide(other, "refuse") == 200
    assert (house.state("Invented"), house.state("Second")) == ("accepted", "revoked")
    with house.desk.house.sessions() as session:
        assert house.desk.house.referral(session, "Second").sealed is None
        assert session.query(Override).count() == 0


@pytest.mark.parametrize(
    "wrong", [{"danger": ""}, {"reason": "short"}, {"reason": " "}, {"service": ""}, {"service": str(uuid4())}]
)
def test_a_proposal_needs_its_reason_its_danger_and_its_place(house: House, wrong: dict[str, str]) -> None:
    assert house.propose(house.owner, **wrong) == 400
    with house.desk.house.sessions() as session:
        assert session.query(Referral).count() == 1
        assert session.query(SecondPerson).count() == 0


@pytest.mark.parametrize("what", ["reassigned", "closed", "withdrawn", "demoted", "disabled", "late"])
def test_a_proposal_that_stands_no_more_is_confirmed_by_nobody(house: House, what: str) -> None:
    house.propose(house.owner)
    if what == "reassigned":
        house.lead.post(house.path, do="assign", choice=str(house.second.id))
    elif what == "closed":
        house.owner.post(house.path, do="close", choice="helped")
    elif what == "withdrawn":
        house.owner.post(f"{house.path}/hand-on", do="withdraw")
    elif what == "late":
        house.desk.clock.at += timedelta(hours=25)
        assert house.lead.try_login().status_code == 303
    else:
        with writing(house.desk.house.sessions) as session:
            if what == "demoted":
                lead = session.get_one(people.Staff, house.lead.id)
                people.change_role(session, lead, "case_worker", "test", house.desk.clock.at)
            else:
                people.disable(session, session.get_one(people.Staff, house.owner.id), "test", house.desk.clock.at)
        if what == "demoted":
            house.desk.clock.at += timedelta(seconds=31)
            assert house.lead.try_login().status_code == 303
    assert house.decide(house.lead) == 400
    assert house.state("Second") in ("proposed", "revoked")
    with house.desk.house.sessions() as session:
        assert session.query(Override).count() == 0


def test_a_no_of_the_child_is_overruled_by_two_persons_only(house: House) -> None:
    with writing(house.desk.house.sessions) as session:
        case = house.desk.house.case(session)
        holder = house.desk.house.referral(session, "Invented")
        need = Need(case.concern, case.region, 12, "ru")
        service = handing.candidates(session, house.desk.house.pins, holder, need, house.desk.clock.at)[0][0]
        asked = handing.ask(session, holder, service, b'{"words": null}', "staff:1", house.desk.clock.at)
        handing.decide(session, asked.id, False, house.desk.clock.at)
        assert asked.reason == CHILD_REFUSED
    page = house.owner.get(f"{house.path}/hand-on").text
    assert '<select id="service"' not in page
    assert house.propose(house.owner) == 200
    assert house.decide(house.lead) == 200
    assert house.state("Second") == "in_progress"


def test_no_link_opens_what_is_assigned(house: House) -> None:
    with writing(house.desk.house.sessions) as session:
        referral = house.desk.house.referral(session, "Invented")
        link = AnswerLink(
            token=token_digest("link"), referral_id=referral.id, expires_at=house.desk.clock.at + timedelta(hours=1)
        )
        session.add(link)
        assert lifecycle.holder_of(referral.case) is referral
    assert house.desk.browser().get("/answer/link").status_code == 404
    with writing(house.desk.house.sessions) as session:
        house.desk.house.referral(session, "Invented").assigned_to = None
    assert house.desk.browser().get("/answer/link").status_code == 200
