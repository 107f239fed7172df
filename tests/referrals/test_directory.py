"""The directory: what is open comes first, what is stale or private is not shown. Services are invented."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from bot import cli
from bot.actions.directory import FindServices
from bot.state import State
from bot.voice import Voice
from content.model import CONTENT, load_catalogue
from referrals.console.records import freshness_of
from referrals.db import make_engine, migrate, session_factory, writing
from referrals.directory.freshness import Limits, set_limits, stale_services
from referrals.directory.hours import KAZAKHSTAN
from referrals.directory.hsds import SeedError, seed
from referrals.directory.models import Location, Organization, Phone, Schedule, Service, ServiceArea
from referrals.directory.search import find_services, national_lines
from referrals.settings import SettingsError, load_settings

MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=KAZAKHSTAN)
WEEKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Callable[[], Session]]:
    engine = make_engine(f"sqlite:///{tmp_path / 'directory.db'}")
    migrate(engine)
    yield session_factory(engine)
    engine.dispose()


def _service(name: str, **given: object) -> Service:
    values: dict[str, object] = {
        "organization": Organization(name={"kk": name, "ru": name}),
        "kind": "crisis_centre", "status": "published", "name": {"kk": name, "ru": name},
        "verified_on": MONDAY_NOON.date(), "areas": [ServiceArea(region="KZ35")],
        "phones": [Phone(number="0000 invented")], "cost": "free",
    }  # fmt: skip
    return Service(**{**values, **given})


def _open(start: int, end: int, rule: str = WEEKDAYS) -> list[Schedule]:
    return [Schedule(rrule=rule, opens_at=time(start), closes_at=time(end))]


def _found(session: Session, at: datetime = MONDAY_NOON, **asked: object) -> list[str]:
    asked = {"region": "KZ35", "limit": 9, **asked}
    return [s.name["ru"] for s in find_services(session, at=at, **asked)]  # type: ignore[arg-type] # values vary


def test_open_now_comes_first_then_the_soonest_then_the_unknown(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        session.add_all(
            [
                _service("unknown"), _service("evening", schedules=_open(18, 22)),
                _service("afternoon", schedules=_open(14, 18)), _service("open", schedules=_open(9, 18)),
                _service("always", always_open=True), _service("elsewhere", areas=[ServiceArea(region="KZ79")]),
            ]
        )  # fmt: skip
    with sessions() as session:
        assert _found(session)[2:] == ["afternoon", "evening", "unknown"]
        assert set(_found(session)[:2]) == {"open", "always"}


def test_hours_over_midnight_and_at_the_edges(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        session.add(_service("night", schedules=_open(20, 8, "FREQ=DAILY")))
    with sessions() as session:
        for hour, minute, state in (
            (7, 59, "open"),
            (8, 0, "closed"),
            (19, 59, "closed"),
            (20, 0, "open"),
            (0, 0, "open"),
        ):
            at = MONDAY_NOON.replace(hour=hour, minute=minute).astimezone(UTC)
            (found,) = find_services(session, region="KZ35", at=at)
            assert found.hours.state == state, hour
        closed = find_services(session, region="KZ35", at=MONDAY_NOON)[0].hours
        assert closed.opens_at == MONDAY_NOON.replace(hour=20)


def test_almaty_time_is_five_hours_ahead() -> None:
    assert MONDAY_NOON.utcoffset() == timedelta(hours=5)


@pytest.mark.parametrize(("days", "shown", "stale"), [(59, True, False), (60, True, False), (61, True, True),
                                                     (119, True, True), (120, True, True), (121, False, True)])  # fmt: skip
def test_what_nobody_verified_is_warned_of_and_then_hidden(
    sessions: Callable[[], Session], days: int, shown: bool, stale: bool
) -> None:
    with writing(sessions) as session:
        session.add(_service("x", verified_on=MONDAY_NOON.date() - timedelta(days=days)))
    with sessions() as session:
        assert bool(_found(session)) is shown
        assert bool(stale_services(session, MONDAY_NOON)) is stale


@pytest.mark.parametrize(("days", "shown", "stale"), [(10, True, False), (11, True, True), (21, False, True)])
def test_the_limits_are_those_of_the_settings(
    sessions: Callable[[], Session], monkeypatch: pytest.MonkeyPatch, days: int, shown: bool, stale: bool
) -> None:
    monkeypatch.setenv("JANYMDA_WARN_DAYS", "10")
    monkeypatch.setenv("JANYMDA_HIDE_DAYS", "20")
    try:
        cli._settings()
        with writing(sessions) as session:
            session.add(_service("x", verified_on=MONDAY_NOON.date() - timedelta(days=days)))
        with sessions() as session:
            assert bool(_found(session)) is shown
            assert bool(stale_services(session, MONDAY_NOON)) is stale
            assert freshness_of(session.query(Service).one(), MONDAY_NOON) == (
                "hidden" if not shown else "stale" if stale else "fresh"
            )
    finally:
        set_limits(Limits())


def test_a_warning_comes_before_the_hiding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JANYMDA_HIDE_DAYS", "60")
    with pytest.raises(SettingsError, match="JANYMDA_WARN_DAYS"):
        load_settings()


def test_drafts_wrong_ages_and_other_concerns_are_left_out(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        session.add_all(
            [
                _service("draft", status="draft"), _service("never verified", verified_on=None),
                _service("for the old", minimum_age=14), _service("for all"),
                _service("for trafficking", concerns=["trafficking"]),
            ]
        )  # fmt: skip
    with sessions() as session:
        assert _found(session, age=9, concern="bullying") == ["for all"]
        assert set(_found(session, age=15, concern="trafficking")) == {
            "for the old",
            "for all",
            "for trafficking",
        }


def test_nothing_private_is_found(sessions: Callable[[], Session]) -> None:
    """SECURITY: the address of a shelter, a director's mobile."""
    hidden = Location(region="KZ35", address={"ru": "hidden street", "kk": "hidden street"}, private=True)
    with writing(sessions) as session:
        phones = [Phone(number="1"), Phone(number="2", private=True)]
        session.add(_service("shelter", phones=phones, locations=[hidden]))
    with sessions() as session:
        (found,) = find_services(session, region="KZ35", at=MONDAY_NOON)
    assert [phone.number for phone in found.phones] == ["1"]
    assert "hidden" not in repr(found)


def test_a_found_service_is_what_the_child_reads(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        session.add(_service("Invented centre", schedules=_open(14, 18), needs_guardian="no"))
    dispatcher = CollectingDispatcher()
    tracker = Tracker.from_dict(
        {
            "sender_id": "x",
            "slots": {"region": "KZ35"},
            "latest_message": {"metadata": {"language": "ru"}},
            "events": [],
        }
    )
    FindServices(sessions, lambda: MONDAY_NOON).run(dispatcher, tracker, {})
    replies = [message["custom"] for message in dispatcher.messages]
    assert [reply["reply"] for reply in replies] == ["services_found", "service_card", "helped_check"]
    state = State(language="ru")
    card = Voice(load_catalogue()).say(replies, state)[1]
    assert card.text.startswith("Invented centre\n0000 invented\n")
    assert "14:00" in card.text


def test_the_seed_names_only_known_numbers_and_repeats_without_harm(sessions: Callable[[], Session]) -> None:
    for _ in range(2):
        with writing(sessions) as session:
            report = seed(session, CONTENT / "directory")
    assert report.added == 0
    with sessions() as session:
        lines = national_lines(session, datetime.now(UTC))
        numbers = {phone.number for line in lines for phone in line.phones}
        assert numbers == {"150", "111", "102", "112", "103", "101", "104"}
        drafts = session.query(Service).filter(Service.status == "draft").all()
        assert len(drafts) > 8
        for draft in drafts:
            assert not re.search(r"\d{5,}", " ".join(p.number for p in draft.phones))


def test_what_staff_edited_the_seed_leaves_alone(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        seed(session, CONTENT / "directory")
        service = session.query(Service).filter(Service.kind == "line").first()
        assert service is not None
        service.edited, service.name = True, {"kk": "staff", "ru": "staff"}
        identity = service.id
    with writing(sessions) as session:
        assert seed(session, CONTENT / "directory").kept == 1
        kept = session.get(Service, identity)
        assert kept is not None
        assert kept.name["ru"] == "staff"


def test_a_broken_file_is_told_by_its_name(sessions: Callable[[], Session], tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"organizations": [{"id": "x"}]}')
    with writing(sessions) as session, pytest.raises(SeedError, match=r"broken\.json"):
        seed(session, tmp_path)


def test_sources_are_given_for_every_record(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        seed(session, CONTENT / "directory")
        services = session.query(Service).all()
        assert all(service.source for service in services)
        assert all(service.verified_on is None or service.verified_on <= date(2026, 11, 23) for service in services)
