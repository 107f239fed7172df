"""The directory for other programs: the reading half of the HSDS 3.0 API, with nothing private in it.

Two languages: `name` is in the one that is asked for (?language=kk or ru), `alternate_name` in the other.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from dateutil.parser import parse as parse_date
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from content.model import LOCALES, Locale, load_taxonomy
from content.regions import region_name
from referrals.console.openapi import document
from referrals.directory.freshness import is_shown
from referrals.directory.models import Location, Organization, Phone, Schedule, Service, ServiceArea, Status

VERSION = "3.0"
PROFILE = "https://docs.openreferral.org/en/v3.0.0/hsds/"
PER_PAGE = 50
MOST_PER_PAGE = 100
_TAXONOMY = "janymda-concerns"
# Hours from UTC, the same in all of Kazakhstan since 2024.
_OFFSET = 5
_LANGUAGE_NAMES = {"kk": "Kazakh", "ru": "Russian", "en": "English"}

Json = dict[str, Any]
Answer = Callable[[Request, Session], Json]


class BadRequest(Exception):
    """A request that cannot be answered; the message says why, and what to do."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class _Paging:
    page: int
    per_page: int


def api_routes(sessions: Callable[[], Session], now: Callable[[], datetime]) -> list[Route]:
    """The routes of the API, to be mounted wherever it shall stand."""

    def services(request: Request, session: Session) -> Json:
        return _services(request, session, now())

    def service(request: Request, session: Session) -> Json:
        return _service_by_id(request, session, now())

    def organizations(request: Request, session: Session) -> Json:
        return _organizations(request, session, now())

    def organization(request: Request, session: Session) -> Json:
        return _organization_by_id(request, session, now())

    answers: dict[str, Answer] = {
        "/": _about,
        "/openapi.json": _openapi,
        "/services": services,
        "/services/{id}": service,
        "/organizations": organizations,
        "/organizations/{id}": organization,
        "/taxonomy_terms": _terms,
    }
    return [Route(path, _endpoint(answer, sessions), methods=["GET"]) for path, answer in answers.items()]


def _endpoint(answer: Answer, sessions: Callable[[], Session]) -> Callable[[Request], JSONResponse]:
    def endpoint(request: Request) -> JSONResponse:
        try:
            with sessions() as session:
                return JSONResponse(_told(answer(request, session)))
        except BadRequest as refusal:
            return JSONResponse({"error": str(refusal)}, status_code=refusal.status)

    return endpoint


def _told(shaped: Any) -> Any:
    """An answer without the fields of which nothing is known: HSDS leaves them out, it has no null."""
    if isinstance(shaped, dict):
        return {name: _told(value) for name, value in shaped.items() if value is not None}
    return [_told(item) for item in shaped] if isinstance(shaped, list) else shaped


# -- what is asked for


def _parameters(request: Request, *known: str) -> Mapping[str, str]:
    """The query's parameters; an unknown or repeated one is refused: it may be a misspelt filter."""
    given = request.query_params.multi_items()
    for name, _ in given:
        if name not in known:
            allowed = f"use only {', '.join(known)}" if known else "leave it out"
            raise BadRequest(f"The parameter {name[:40]!r} is not known here; {allowed}.")
    if len({name for name, _ in given}) < len(given):
        raise BadRequest("A parameter is given twice; give each only once.")
    return dict(given)


def _paging(given: Mapping[str, str]) -> _Paging:
    per_page = _whole_number(given, "per_page", PER_PAGE)
    if per_page > MOST_PER_PAGE:
        raise BadRequest(f"The parameter per_page is above {MOST_PER_PAGE}; ask for fewer and for more pages.")
    return _Paging(_whole_number(given, "page", 1), per_page)


def _whole_number(given: Mapping[str, str], name: str, default: int) -> int:
    written = given.get(name)
    if written is None:
        return default
    if not (written.isascii() and written.isdecimal() and len(written) <= 9 and int(written) > 0):
        raise BadRequest(f"The parameter {name} is {written[:40]!r}; write a whole number from 1.")
    return int(written)


def _language(given: Mapping[str, str]) -> Locale:
    asked = given.get("language", "kk")
    for language in LOCALES:
        if asked == language:
            return language
    raise BadRequest(f"The parameter language is {asked[:40]!r}; write one of {', '.join(LOCALES)}.")


def _identity(written: str, name: str) -> UUID:
    try:
        return UUID(written)
    except ValueError:
        raise BadRequest(f"The {name} {written[:40]!r} is no identifier; take it from a list of this API.") from None


def _page(items: Sequence[Any], paging: _Paging, shape: Callable[[Any], Json]) -> Json:
    """One page of a list in the shape of HSDS; there is always a first page, if an empty one."""
    pages = max(1, math.ceil(len(items) / paging.per_page))
    if paging.page > pages:
        raise BadRequest(f"The page {paging.page} does not exist; the last one is {pages}.", 404)
    start = (paging.page - 1) * paging.per_page
    contents = [shape(item) for item in items[start : start + paging.per_page]]
    return {
        "total_items": len(items),
        "total_pages": pages,
        "page_number": paging.page,
        "size": len(contents),
        "first_page": paging.page == 1,
        "last_page": paging.page == pages,
        "empty": not contents,
        "contents": contents,
    }


# -- answers


def _about(request: Request, session: Session) -> Json:
    _parameters(request)
    return {
        "version": VERSION,
        "profile": PROFILE,
        "openapi_url": str(request.url.replace(query="")).rstrip("/") + "/openapi.json",
    }


def _openapi(request: Request, session: Session) -> Json:
    _parameters(request)
    return document(VERSION, MOST_PER_PAGE)


def _services(request: Request, session: Session, at: datetime) -> Json:
    given = _parameters(request, "page", "per_page", "language", "organization_id", "taxonomy_term_id")
    paging, language = _paging(given), _language(given)
    shown = _shown(session, at)
    if "organization_id" in given:
        owner = _identity(given["organization_id"], "parameter organization_id")
        shown = [service for service in shown if service.organization_id == owner]
    if "taxonomy_term_id" in given:
        concern = _concern(given["taxonomy_term_id"])
        shown = [service for service in shown if not service.concerns or concern in service.concerns]
    return _page(shown, paging, lambda service: _service(service, language))


def _service_by_id(request: Request, session: Session, at: datetime) -> Json:
    language = _language(_parameters(request, "language"))
    service = session.get(Service, _identity(request.path_params["id"], "service"))
    if service is None or not is_shown(service, at):
        raise BadRequest("There is no such service, or it is not published now; look into /services.", 404)
    return _service(service, language)


def _organizations(request: Request, session: Session, at: datetime) -> Json:
    given = _parameters(request, "page", "per_page", "language")
    paging, language = _paging(given), _language(given)
    owners = {service.organization_id: service.organization for service in _shown(session, at)}
    ordered = [owners[identity] for identity in sorted(owners)]
    return _page(ordered, paging, lambda organization: _organization(organization, language))


def _organization_by_id(request: Request, session: Session, at: datetime) -> Json:
    language = _language(_parameters(request, "language"))
    identity = _identity(request.path_params["id"], "organization")
    shown = [service for service in _shown(session, at) if service.organization_id == identity]
    # An organisation of which nothing is published is not for the public either.
    if not shown:
        raise BadRequest("There is no such organization with a published service; look into /organizations.", 404)
    services = [_service(service, language, with_organization=False) for service in shown]
    return {**_organization(shown[0].organization, language), "services": services}


def _terms(request: Request, session: Session) -> Json:
    paging = _paging(_parameters(request, "page", "per_page"))
    return _page(sorted(load_taxonomy().concerns), paging, _term)


def _shown(session: Session, at: datetime) -> list[Service]:
    """Published and fresh services in a lasting order; their parts are read for one page only."""
    query = select(Service).where(Service.status == Status.PUBLISHED).order_by(Service.id)
    query = query.options(selectinload(Service.organization))
    return [service for service in session.scalars(query) if is_shown(service, at)]


# -- shapes: every field is named here, so that a new column is private until somebody adds it


def _service(service: Service, language: Locale, *, with_organization: bool = True) -> Json:
    shaped: Json = {
        "id": str(service.id),
        **_names(service.name, language),
        "description": _in(service.description, language),
        "status": "active",
        "fees_description": service.cost,
        "eligibility_description": f"guardian's consent needed: {service.needs_guardian}",
        "minimum_age": service.minimum_age,
        "maximum_age": service.maximum_age,
        "assured_date": service.verified_on.isoformat() if service.verified_on else None,
        "phones": [_phone(phone) for phone in service.phones if not phone.private],
        "schedules": _schedules(service),
        "service_areas": _areas(service, language),
        "service_at_locations": [_place(place, service, language) for place in service.locations if not place.private],
        "languages": [_spoken(service, code) for code in service.languages],
        "attributes": [_attribute(service, concern) for concern in service.concerns],
    }
    if with_organization:
        shaped["organization"] = _organization(service.organization, language)
    return shaped


def _organization(organization: Organization, language: Locale) -> Json:
    return {
        "id": str(organization.id),
        **_names(organization.name, language),
        # HSDS wants a description; a name is the least one.
        "description": _in(organization.description, language) or _in(organization.name, language),
    }


def _names(names: Mapping[str, str], language: Locale) -> Json:
    other: Locale = "ru" if language == "kk" else "kk"
    return {"name": _in(names, language), "alternate_name": names.get(other)}


def _in(words: Mapping[str, str], language: Locale) -> str:
    return words.get(language) or next(iter(words.values()), "")


def _phone(phone: Phone) -> Json:
    return {"id": str(phone.id), "number": phone.number, "type": "voice"}


def _schedules(service: Service) -> list[Json]:
    if service.always_open:
        always = {"id": _derived(service, "always"), "freq": "WEEKLY", "byday": "MO,TU,WE,TH,FR,SA,SU"}
        return [{**always, "opens_at": _moment(time.min), "closes_at": _moment(time.max), "timezone": _OFFSET}]
    return [_schedule(schedule) for schedule in service.schedules]


def _schedule(schedule: Schedule) -> Json:
    rule = dict(part.split("=", 1) for part in schedule.rrule.split(";") if "=" in part)
    if rule.get("FREQ") == "YEARLY":
        # HSDS has no word for it, and the parts of a rule say something else without it: the description keeps it.
        rule = {}
    shaped = {name: rule[name.upper()] for name in ("byday", "bymonthday", "wkst", "until") if name.upper() in rule}
    if "until" in shaped:
        # iCalendar writes 20261231T000000; in HSDS it is a date.
        shaped["until"] = parse_date(shaped["until"]).date().isoformat()
    freq = rule.get("FREQ")
    if freq == "DAILY":
        # HSDS knows weekly and monthly rules only.
        freq = "WEEKLY"
        shaped.setdefault("byday", "MO,TU,WE,TH,FR,SA,SU")
    return {
        "id": str(schedule.id),
        "freq": freq,
        **shaped,
        "description": schedule.rrule,
        "opens_at": _moment(schedule.opens_at),
        "closes_at": _moment(schedule.closes_at),
        "valid_from": schedule.valid_from.isoformat() if schedule.valid_from else None,
        "valid_to": schedule.valid_to.isoformat() if schedule.valid_to else None,
        "timezone": _OFFSET,
    }


def _moment(at: time) -> str:
    return f"{at:%H:%M}+{_OFFSET:02}:00"


def _areas(service: Service, language: Locale) -> list[Json]:
    if service.nationwide:
        name = "Қазақстан" if language == "kk" else "Казахстан"
        return [{"id": _derived(service, "area:KZ"), "name": name, "extent": "KZ", "extent_type": "text"}]
    return [_area(area, service, language) for area in sorted(service.areas, key=lambda area: area.region)]


def _area(area: ServiceArea, service: Service, language: Locale) -> Json:
    name = region_name(area.region, language)
    return {"id": _derived(service, f"area:{area.region}"), "name": name, "extent": area.region, "extent_type": "text"}


def _place(place: Location, service: Service, language: Locale) -> Json:
    address = {
        "id": _derived(service, f"address:{place.id}"),
        "address_1": _in(place.address, language),
        "city": place.town,
        # HSDS requires it; Janymda does not keep it.
        "postal_code": "",
        "state_province": region_name(place.region, language),
        "country": "KZ",
        "address_type": "physical",
    }
    location = {"id": str(place.id), "location_type": "physical", "addresses": [address]}
    return {"id": _derived(service, f"at:{place.id}"), "location": location}


def _spoken(service: Service, code: str) -> Json:
    return {"id": _derived(service, f"language:{code}"), "code": code, "name": _LANGUAGE_NAMES.get(code, code)}


def _attribute(service: Service, concern: str) -> Json:
    link = {"id": _derived(service, f"concern:{concern}"), "link_id": str(service.id), "link_entity": "service"}
    return {**link, "taxonomy_term": _term(concern), "taxonomy_term_id": _term_id(concern)}


def _term(concern: str) -> Json:
    about = load_taxonomy().concerns.get(concern)
    name = concern.replace("_", " ")
    return {
        "id": _term_id(concern),
        "code": concern,
        "name": name,
        "description": about.chi if about else name,
        "taxonomy": _TAXONOMY,
    }


def _term_id(concern: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{_TAXONOMY}/{concern}"))


def _concern(written: str) -> str:
    """A concern by the identifier of its term or its code."""
    for concern in load_taxonomy().concerns:
        if written in (concern, _term_id(concern)):
            return concern
    raise BadRequest(f"The parameter taxonomy_term_id is {written[:40]!r}; take one from /taxonomy_terms.")


def _derived(service: Service, part: str) -> str:
    """HSDS wants an identifier for everything; of what has none here it is made, always the same."""
    return str(uuid5(service.id, part))
