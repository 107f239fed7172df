"""The reading API: HSDS in shape, nothing private, clear refusals. Services are invented."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from referrals.console.api import api_routes
from referrals.db import make_engine, migrate, session_factory, writing
from referrals.directory.freshness import Limits
from referrals.directory.models import Location, Organization, Phone, Schedule, Service, ServiceArea

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
OLD = NOW.date() - timedelta(days=Limits().hide + 1)
PAGE = {"total_items", "total_pages", "page_number", "size", "first_page", "last_page", "empty", "contents"}


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Callable[[], Session]]:
    engine = make_engine(f"sqlite:///{tmp_path / 'api.db'}")
    migrate(engine)
    yield session_factory(engine)
    engine.dispose()


@pytest.fixture
def api(sessions: Callable[[], Session]) -> Iterator[TestClient]:
    app = Starlette(routes=[Mount("/api", routes=api_routes(sessions, lambda: NOW))])
    with TestClient(app, base_url="http://testserver/api") as client:
        yield client


def invented_service(name: str, **given: object) -> Service:
    values: dict[str, object] = {
        "organization": Organization(name={"kk": f"{name} ұйымы", "ru": f"{name} организация"}, ties=["police"],
                                     source="note of the staff"),
        "kind": "crisis_centre", "status": "published", "name": {"kk": f"{name} кк", "ru": f"{name} ру"},
        "verified_on": NOW.date(), "verified_by": "a staff member", "source": "note of the staff",
        "areas": [ServiceArea(region="KZ35")], "concerns": ["bullying"], "languages": ["kk"],
        "phones": [Phone(number="150"), Phone(number="director's mobile", private=True)],
        "schedules": [Schedule(rrule="FREQ=WEEKLY;BYDAY=MO,TU", opens_at=time(9), closes_at=time(18))],
        "locations": [Location(region="KZ35", town="public town", address={"kk": "public street"}, private=False),
                      Location(region="KZ35", town="hidden town", address={"kk": "hidden street"}, private=True)],
    }  # fmt: skip
    return Service(**{**values, **given})


def fill(sessions: Callable[[], Session], *services: Service) -> list[str]:
    with writing(sessions) as session:
        session.add_all(services)
    return [str(service.id) for service in services]


def test_the_front_page_names_the_version(api: TestClient) -> None:
    assert api.get("/").json()["version"] == "3.0"


def test_a_service_is_in_the_shape_of_hsds(api: TestClient, sessions: Callable[[], Session]) -> None:
    (identity,) = fill(sessions, invented_service("x"))
    found = api.get(f"/services/{identity}", params={"language": "ru"}).json()
    assert (found["id"], found["name"], found["alternate_name"], found["status"]) == (
        identity,
        "x ру",
        "x кк",
        "active",
    )
    assert found["organization"]["name"] == "x организация"
    assert found["service_areas"][0]["extent"] == "KZ35"
    (schedule,) = found["schedules"]
    assert (schedule["freq"], schedule["byday"], schedule["opens_at"]) == ("WEEKLY", "MO,TU", "09:00+05:00")
    assert found["attributes"][0]["taxonomy_term"]["code"] == "bullying"
    assert api.get(f"/services/{identity}").json()["name"] == "x кк"


def test_nothing_private_is_in_any_answer(api: TestClient, sessions: Callable[[], Session]) -> None:
    """SECURITY: the address of a shelter, a director's mobile, who verified, what the staff noted."""
    (identity,) = fill(sessions, invented_service("x"))
    owner = api.get("/organizations").json()["contents"][0]["id"]
    paths = ("/", "/services", f"/services/{identity}", "/organizations", f"/organizations/{owner}", "/taxonomy_terms")
    for path in paths:
        for language in ({"language": "kk"}, {"language": "ru"}):
            answer = api.get(path, params={} if path in ("/", "/taxonomy_terms") else language)
            assert answer.status_code == 200, path
            for private in ("hidden", "director", "staff", "police", "private"):
                assert private not in answer.text, path
    assert "public street" in api.get(f"/services/{identity}").text


def test_only_published_and_fresh_services_are_told(api: TestClient, sessions: Callable[[], Session]) -> None:
    hidden = fill(
        sessions, invented_service("draft", status="draft"), invented_service("archived", status="archived"),
        invented_service("stale", verified_on=OLD), invented_service("never", verified_on=None),
    )  # fmt: skip
    (shown,) = fill(sessions, invented_service("law", verified_on=OLD, source_kind="law_or_state"))
    assert [s["id"] for s in api.get("/services").json()["contents"]] == [shown]
    assert api.get("/organizations").json()["total_items"] == 1
    with sessions() as session:
        owners = {str(s.id): str(s.organization_id) for s in session.query(Service)}
    for identity in hidden:
        assert api.get(f"/services/{identity}").status_code == 404
        assert api.get(f"/organizations/{owners[identity]}").status_code == 404
        assert api.get("/services", params={"organization_id": owners[identity]}).json()["empty"]


def test_an_organization_tells_its_shown_services_only(api: TestClient, sessions: Callable[[], Session]) -> None:
    owner = Organization(name={"kk": "x", "ru": "x"})
    shown, _ = fill(
        sessions, invented_service("a", organization=owner), invented_service("b", organization=owner, status="draft")
    )
    found = api.get(f"/organizations/{owner.id}").json()
    assert [service["id"] for service in found["services"]] == [shown]


@pytest.mark.parametrize(
    ("count", "per_page", "sizes"), [(0, 10, [0]), (1, 1, [1]), (5, 2, [2, 2, 1]), (4, 2, [2, 2]), (3, 100, [3])]
)
def test_pages_have_every_service_once(
    api: TestClient, sessions: Callable[[], Session], count: int, per_page: int, sizes: list[int]
) -> None:
    identities = fill(sessions, *(invented_service(str(number)) for number in range(count)))
    seen: list[str] = []
    for number, size in enumerate(sizes, start=1):
        page = api.get("/services", params={"page": number, "per_page": per_page}).json()
        assert set(page) == PAGE
        assert (page["total_items"], page["total_pages"], page["page_number"]) == (count, len(sizes), number)
        assert (page["size"], len(page["contents"]), page["empty"]) == (size, size, size == 0)
        assert (page["first_page"], page["last_page"]) == (number == 1, number == len(sizes))
        seen += [service["id"] for service in page["contents"]]
    assert sorted(seen) == sorted(identities)
    beyond = api.get("/services", params={"page": len(sizes) + 1, "per_page": per_page})
    assert (beyond.status_code, "does not exist" in beyond.json()["error"]) == (404, True)


def test_services_of_a_concern(api: TestClient, sessions: Callable[[], Session]) -> None:
    fill(
        sessions, invented_service("a"), invented_service("b", concerns=["sadness"]), invented_service("c", concerns=[])
    )
    terms = {
        term["code"]: term["id"] for term in api.get("/taxonomy_terms", params={"per_page": 100}).json()["contents"]
    }
    for asked in ("sadness", terms["sadness"]):
        found = api.get("/services", params={"taxonomy_term_id": asked}).json()["contents"]
        assert sorted(service["name"] for service in found) == ["b кк", "c кк"]


BAD = [
    ("/services", {"page": "0"}), ("/services", {"page": "-1"}), ("/services", {"page": "two"}),
    ("/services", {"page": ""}), ("/services", {"page": "1.5"}), ("/services", {"page": "²"}),
    ("/services", {"page": "9" * 5000}), ("/services", {"per_page": "101"}), ("/services", {"per_page": "0"}),
    ("/services", {"language": "fr"}), ("/services", {"pages": "1"}), ("/services", {"page": ["1", "2"]}),
    ("/services", {"organization_id": "1"}), ("/services", {"taxonomy_term_id": "boredom"}),
    ("/services/1", {}), ("/organizations/x", {}), ("/services/' OR 1=1", {}), ("/", {"page": "1"}),
    ("/organizations", {"organization_id": "x"}), ("/taxonomy_terms", {"language": "kk"}),
    (f"/services/{uuid4()}", {}), (f"/organizations/{uuid4()}", {}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "parameters"), BAD)
def test_a_bad_request_is_answered_with_a_sentence(api: TestClient, path: str, parameters: dict[str, str]) -> None:
    answer = api.get(path, params=parameters)
    assert 400 <= answer.status_code < 500
    (sentence,) = answer.json().values()
    assert sentence.endswith(".")
    assert len(sentence) < 250


def test_nobody_writes_here(api: TestClient) -> None:
    assert api.post("/services", content=json.dumps({})).status_code == 405
    assert api.delete("/services").status_code == 405


def test_hours_that_hsds_has_no_word_for(api: TestClient, sessions: Callable[[], Session]) -> None:
    daily = [Schedule(rrule="FREQ=DAILY", opens_at=time(20), closes_at=time(8))]
    identities = fill(
        sessions,
        invented_service("a", schedules=daily),
        invented_service("b", always_open=True, nationwide=True, areas=[], schedules=[]),
    )
    found = [api.get(f"/services/{identity}").json() for identity in identities]
    assert [s["schedules"][0]["byday"] for s in found] == ["MO,TU,WE,TH,FR,SA,SU"] * 2
    assert found[1]["service_areas"][0]["extent"] == "KZ"
