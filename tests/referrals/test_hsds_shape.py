"""The reading API against what HSDS 3.0 says, written down here once more and apart from our OpenAPI document.

Required fields, types, enumerations and formats of the objects that Janymda tells. A date that HSDS marks as
one only for its tables is held to be a date here too. As in HSDS, a field that is not named is no fault. Compared by
hand, field by field, with the specification's schema files (3.0 to 3.2) on 26 November 2026.
"""

from collections.abc import Callable, Iterator
from datetime import time
from typing import Any

import jsonschema_rs
import pytest
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from content.model import LOCALES
from referrals.console.api import api_routes
from referrals.db import make_engine, migrate, session_factory
from referrals.directory.models import Schedule
from referrals.directory.rules import check_rule
from tests.referrals.test_read_api import NOW, fill, invented_service

# A field is a string unless it stands here; "*" before a name: a list of such objects, "@": one such object.
REQUIRED = {
    "service": "id name status",
    "organization": "id name description",
    "phone": "id number",
    "schedule": "id",
    "service_area": "id",
    "service_at_location": "id",
    "location": "id location_type",
    "address": "id address_1 city state_province postal_code country address_type",
    "language": "id",
    "attribute": "id",
    "taxonomy_term": "id name description",
}
TEXTS = {
    "service": "name alternate_name description fees_description eligibility_description",
    "organization": "name alternate_name description",
    "phone": "number type",
    "schedule": "byday bymonthday description opens_at closes_at",
    "service_area": "name extent extent_type",
    "service_at_location": "description",
    "location": "name",
    "address": "address_1 city state_province postal_code country",
    "language": "name code",
    "attribute": "link_entity",
    "taxonomy_term": "code name description taxonomy",
}
NUMBERS = {"service": "minimum_age maximum_age", "schedule": "timezone"}
IDENTIFIERS = {"attribute": "link_id taxonomy_term_id"}
DATES = {"service": "assured_date", "schedule": "valid_from valid_to until"}
ENUMERATIONS = {
    ("service", "status"): ["active", "inactive", "defunct", "temporarily closed"],
    ("schedule", "freq"): ["WEEKLY", "MONTHLY"],
    ("location", "location_type"): ["physical", "postal", "virtual"],
    ("address", "address_type"): ["physical", "postal", "virtual"],
}
PARTS = {
    "service": "*phones:phone *schedules:schedule *service_areas:service_area *languages:language "
    "*service_at_locations:service_at_location *attributes:attribute @organization:organization",
    # HSDS has no services in an organization; ours tells them, and they are to be right as well.
    "organization": "*services:service",
    "service_at_location": "@location:location",
    "location": "*addresses:address",
    "attribute": "@taxonomy_term:taxonomy_term",
}
RULES = (
    "FREQ=WEEKLY;BYDAY=MO,TU;WKST=MO", "FREQ=DAILY", "FREQ=MONTHLY;BYMONTHDAY=1,15", "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=1", "FREQ=WEEKLY;BYDAY=MO;UNTIL=20271231",
    "FREQ=WEEKLY;BYDAY=MO;UNTIL=20271231T000000", "FREQ=WEEKLY;BYDAY=MO;UNTIL=2027-12-31",
)  # fmt: skip


def _shape(name: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": {"type": "string", "format": "uuid"}}
    fields |= {field: {"type": "string"} for field in TEXTS[name].split()}
    fields |= {field: {"type": "string", "format": "uuid"} for field in IDENTIFIERS.get(name, "").split()}
    fields |= {field: {"type": "number"} for field in NUMBERS.get(name, "").split()}
    fields |= {field: {"type": "string", "format": "date"} for field in DATES.get(name, "").split()}
    fields |= {field: {"enum": values} for (owner, field), values in ENUMERATIONS.items() if owner == name}
    for part in PARTS.get(name, "").split():
        field, _, other = part[1:].partition(":")
        one = {"$ref": f"#/$defs/{other}"}
        fields[field] = {"type": "array", "items": one} if part[0] == "*" else one
    return {"type": "object", "required": REQUIRED[name].split(), "properties": fields}


SHAPES = {name: _shape(name) for name in REQUIRED}


def faults(name: str, value: Any) -> list[str]:
    schema = {"$ref": f"#/$defs/{name}", "$defs": SHAPES}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('hsds') / 'api.db'}")
    migrate(engine)
    sessions: Callable[[], Session] = session_factory(engine)
    bare = {"areas": [], "phones": [], "schedules": [], "locations": [], "concerns": [], "languages": []}
    for rule in RULES:
        check_rule(rule)
    hours = [
        Schedule(rrule=rule, opens_at=time(9), closes_at=time(18), valid_from=NOW.date(), valid_to=NOW.date())
        for rule in RULES
    ]
    everything: dict[str, Any] = {"minimum_age": 10, "maximum_age": 17, "cost": "free", "languages": ["kk", "ru"]}
    fill(
        sessions,
        invented_service("Full", schedules=hours, description={"kk": "кк", "ru": "ру"}, **everything),
        invented_service("Bare", **bare),
        invented_service("Nationwide", always_open=True, nationwide=True, **bare),
    )
    app = Starlette(routes=[Mount("/api", routes=api_routes(sessions, lambda: NOW))])
    with TestClient(app, base_url="http://testserver/api") as client:
        yield client
    engine.dispose()


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("name", ["service", "organization"])
def test_every_answer_is_as_hsds_says(client: TestClient, name: str, language: str) -> None:
    asked = {"language": language}
    items = client.get(f"/{name}s", params=asked).json()["contents"]
    assert len(items) == 3
    for item in items:
        alone = client.get(f"/{name}s/{item['id']}", params=asked).json()
        assert (faults(name, item), faults(name, alone)) == ([], [])


def test_every_term_is_as_hsds_says(client: TestClient) -> None:
    terms = client.get("/taxonomy_terms", params={"per_page": 100}).json()["contents"]
    assert terms
    assert [faults("taxonomy_term", term) for term in terms] == [[]] * len(terms)


def test_a_rule_of_days_says_no_more_than_hsds_can(client: TestClient) -> None:
    full = next(item for item in client.get("/services").json()["contents"] if item["alternate_name"] == "Full ру")
    told = {schedule["description"]: schedule for schedule in full["schedules"]}
    assert set(told) == set(RULES)
    for rule, schedule in told.items():
        assert schedule.get("until") == ("2027-12-31" if "UNTIL" in rule else None), rule
    assert not {"freq", "byday", "bymonthday"} & set(told["FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=1"])


def test_a_mutated_answer_is_refused(client: TestClient) -> None:
    """Each required field left out, and each field of the wrong kind, wherever it stands."""
    full = next(item for item in client.get("/services").json()["contents"] if item["alternate_name"] == "Full ру")
    assert faults("service", full) == []
    place = full["service_at_locations"][0]["location"]
    found = [
        ("service", full), ("organization", full["organization"]), ("phone", full["phones"][0]),
        ("schedule", full["schedules"][0]), ("service_area", full["service_areas"][0]),
        ("service_at_location", full["service_at_locations"][0]), ("location", place),
        ("address", place["addresses"][0]), ("language", full["languages"][0]),
        ("attribute", full["attributes"][0]), ("taxonomy_term", full["attributes"][0]["taxonomy_term"]),
    ]  # fmt: skip
    assert {name for name, _ in found} == set(SHAPES)
    for name, value in found:
        for field in REQUIRED[name].split():
            assert faults(name, {key: kept for key, kept in value.items() if key != field}), (name, field)
        for field in set(value) & set(SHAPES[name]["properties"]):
            assert faults(name, {**value, field: None}), (name, field)
        assert faults(name, {**value, "id": "150"}), name
    assert faults("service", {**full, "assured_date": "24.11.2026"})
    assert faults("service", {**full, "status": "open"})
    assert faults("service", {**full, "phones": [{"id": full["id"]}]})
