"""The reading API against its own OpenAPI document (SECURITY H10): whatever is asked, the answer is as written there."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from content.model import LOCALES
from referrals.console.api import api_routes
from referrals.console.openapi import SCHEMAS, document
from referrals.db import make_engine, migrate, session_factory
from tests.referrals.test_read_api import NOW, fill, invented_service

EXAMPLES = 150
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('api') / 'api.db'}")
    migrate(engine)
    sessions: Callable[[], Session] = session_factory(engine)
    bare = {"areas": [], "phones": [], "schedules": [], "locations": [], "concerns": [], "languages": []}
    fill(
        sessions,
        invented_service("Full", minimum_age=10, maximum_age=17, cost="free"),
        invented_service("Bare", **bare),
        invented_service("Nationwide", always_open=True, nationwide=True, **bare),
        *(invented_service(f"Number {number}") for number in range(60)),
    )
    yield Starlette(routes=[Mount("/api", routes=api_routes(sessions, lambda: NOW))])
    engine.dispose()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", sorted(document("3.0", 100)["paths"]))
def test_whatever_is_asked_the_answer_is_as_written(app: Starlette, path: str, mode: GenerationMode) -> None:
    """Requests drawn from the document, and such as break it."""
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    schema.config.update(base_url="http://testserver/api")
    asked = 0

    # Drawn by hand: schemathesis' own pytest plugin does not know this pytest.
    @given(case=schema[path]["GET"].as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def ask(case: Any) -> None:
        nonlocal asked
        # A line break never comes to the API: starlette's mount does not match it, and the server's own 404 answers.
        assume(not any("\n" in str(value) for value in case.path_parameters.values()))
        case.call_and_validate(checks=CHECKS)
        asked += 1

    try:
        ask()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "nothing was asked"
    print(f"{path} {mode.value}: {asked} requests")


def test_every_service_is_as_written(app: Starlette) -> None:
    """Drawn identifiers hit no real service: here each one is asked for, page by page and alone."""
    schemas = {"components": {"schemas": SCHEMAS}}
    seen = 0
    with TestClient(app, base_url="http://testserver/api") as client:
        for language in LOCALES:
            for name in ("services", "organizations", "taxonomy_terms"):
                # The terms have no language.
                asked = {} if name == "taxonomy_terms" else {"language": language}
                for page in range(1, client.get(f"/{name}", params=asked).json()["total_pages"] + 1):
                    told = client.get(f"/{name}", params={**asked, "page": page}).json()
                    assert faults(schemas, name, told) == []
                    for item in told["contents"] if asked else ():
                        alone = client.get(f"/{name}/{item['id']}", params=asked).json()
                        assert faults(schemas, name.removesuffix("s"), alone) == []
                        seen += 1
    assert seen == 2 * 2 * 63


def test_a_field_that_nobody_wrote_down_is_a_fault() -> None:
    schemas = {"components": {"schemas": SCHEMAS}}
    good = {"id": "5f6d3c52-6a0e-4a62-9d1c-0e6f0a6c7d11", "number": "150"}
    assert faults(schemas, "phone", good) == []
    assert faults(schemas, "phone", {**good, "private": True})
    assert faults(schemas, "phone", {**good, "id": "150"})
    assert faults(schemas, "phone", {"id": good["id"]})
    assert faults(schemas, "phone", {**good, "type": None})


def faults(schemas: dict[str, Any], name: str, value: Any) -> list[str]:
    """What in a value is not as the schema of that name says."""
    schema = {**schemas, "$ref": f"#/components/schemas/{name}"}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    return [error.message for error in validator.iter_errors(value)]


def test_the_document_is_told_whole(app: Starlette) -> None:
    with TestClient(app, base_url="http://testserver/api") as client:
        about = client.get("/").json()
        told = client.get("/openapi.json").json()
    assert about["openapi_url"] == "http://testserver/api/openapi.json"
    assert json.loads(json.dumps(told))["components"]["schemas"] == SCHEMAS
