"""What the reading API answers, as an OpenAPI document: for programs that read it, and for the tests.

The objects are those of HSDS 3.0 with the fields that Janymda tells: same names, types, enumerations and
required fields; nothing else is allowed in them, so that no field appears unseen.
"""

from typing import Any

from content.model import LOCALES

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_NUMBER: Json = {"type": "number"}
_ID: Json = {"type": "string", "format": "uuid"}
_DATE: Json = {"type": "string", "format": "date"}
_TIME: Json = {"type": "string", "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9](Z|[+-][0-9]{2}:[0-9]{2})$"}
_YES_NO: Json = {"type": "boolean"}
_COUNT: Json = {"type": "integer", "minimum": 0}


def _one_of(*values: str) -> Json:
    return {"type": "string", "enum": list(values)}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> Json:
    return {"type": "array", "items": _ref(name)}


def _object(required: str, **fields: Json) -> Json:
    return {"type": "object", "required": required.split(), "properties": fields, "additionalProperties": False}


def _page(name: str) -> Json:
    fields = {
        "total_items": _COUNT, "total_pages": _COUNT, "page_number": _COUNT, "size": _COUNT,
        "first_page": _YES_NO, "last_page": _YES_NO, "empty": _YES_NO, "contents": _list(name),
    }  # fmt: skip
    return _object(" ".join(fields), **fields)


_PHYSICAL = _one_of("physical", "postal", "virtual")
SCHEMAS: Json = {
    "service": _object(
        "id name status",
        id=_ID, name=_TEXT, alternate_name=_TEXT, description=_TEXT, fees_description=_TEXT,
        status=_one_of("active", "inactive", "defunct", "temporarily closed"), eligibility_description=_TEXT,
        minimum_age=_NUMBER, maximum_age=_NUMBER, assured_date=_DATE, phones=_list("phone"),
        schedules=_list("schedule"), service_areas=_list("service_area"), languages=_list("language"),
        service_at_locations=_list("service_at_location"), attributes=_list("attribute"),
        organization=_ref("organization"),
    ),
    "organization": _object(
        "id name description",
        id=_ID, name=_TEXT, alternate_name=_TEXT, description=_TEXT, services=_list("service"),
    ),
    "phone": _object("id number", id=_ID, number=_TEXT, type=_TEXT),
    "schedule": _object(
        "id",
        id=_ID, freq=_one_of("WEEKLY", "MONTHLY"), byday=_TEXT, bymonthday=_TEXT, until=_DATE, description=_TEXT,
        wkst=_one_of("MO", "TU", "WE", "TH", "FR", "SA", "SU"), opens_at=_TIME, closes_at=_TIME,
        valid_from=_DATE, valid_to=_DATE, timezone=_NUMBER,
    ),
    "service_area": _object("id", id=_ID, name=_TEXT, extent=_TEXT, extent_type=_TEXT),
    "service_at_location": _object("id", id=_ID, location=_ref("location")),
    "location": _object("id location_type", id=_ID, location_type=_PHYSICAL, addresses=_list("address")),
    "address": _object(
        "id address_1 city state_province postal_code country address_type",
        id=_ID, address_1=_TEXT, city=_TEXT, state_province=_TEXT, postal_code=_TEXT, country=_TEXT,
        address_type=_PHYSICAL,
    ),
    "language": _object("id", id=_ID, code=_TEXT, name=_TEXT),
    "attribute": _object(
        "id", id=_ID, link_id=_ID, link_entity=_TEXT, taxonomy_term_id=_ID, taxonomy_term=_ref("taxonomy_term"),
    ),
    "taxonomy_term": _object("id name description", id=_ID, code=_TEXT, name=_TEXT, description=_TEXT, taxonomy=_TEXT),
    "about": _object("version profile openapi_url", version=_TEXT, profile=_TEXT, openapi_url=_TEXT),
    "services": _page("service"),
    "organizations": _page("organization"),
    "taxonomy_terms": _page("taxonomy_term"),
    "error": _object("error", error=_TEXT),
}  # fmt: skip

_WHOLE: Json = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_PARAMETERS: dict[str, Json] = {
    "page": _WHOLE,
    "language": _one_of(*LOCALES),
    "organization_id": _ID,
    "taxonomy_term_id": _TEXT,
}


def document(version: str, most_per_page: int) -> Json:
    """The OpenAPI document of the API: `version` is that of HSDS."""
    per_page = {"per_page": {**_WHOLE, "maximum": most_per_page}}
    paging = {"page": _PARAMETERS["page"], **per_page}
    language = {"language": _PARAMETERS["language"]}
    filters = {name: _PARAMETERS[name] for name in ("organization_id", "taxonomy_term_id")}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Janymda's directory of services, HSDS reading API", "version": version},
        "paths": {
            "/": _get("about", {}),
            "/services": _get("services", {**paging, **language, **filters}),
            "/services/{id}": _get("service", language, by_id=True),
            "/organizations": _get("organizations", {**paging, **language}),
            "/organizations/{id}": _get("organization", language, by_id=True),
            "/taxonomy_terms": _get("taxonomy_terms", paging),
        },
        "components": {"schemas": SCHEMAS},
    }


def _get(answer: str, query: dict[str, Json], *, by_id: bool = False) -> Json:
    parameters: list[Json] = [{"name": name, "in": "query", "schema": schema} for name, schema in query.items()]
    if by_id:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": _ID})
    answers = {"200": (answer, "What was asked for"), "400": ("error", "What is wrong, and what to do")}
    answers["404"] = ("error", "There is no such thing, or no such page")
    responses = {
        code: {"description": words, "content": {"application/json": {"schema": _ref(name)}}}
        for code, (name, words) in answers.items()
    }
    return {"get": {"parameters": parameters, "responses": responses}}
