"""A service as a form, a file or a history entry tells it: plain values, checked."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Any
from uuid import UUID

import phonenumbers
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from content.model import LOCALES, load_taxonomy
from content.regions import all_regions
from referrals.directory.models import (
    Kind,
    Location,
    NeedsGuardian,
    Phone,
    Schedule,
    Service,
    ServiceArea,
    SourceKind,
)
from referrals.directory.rules import check_rule
from referrals.directory.search import FoundService, found_service

# Numbers of emergency and help lines: two to five digits, as the State gives them out.
_SHORT_NUMBER = range(2, 6)
LANGUAGES = ("kk", "ru", "en")
LONGEST_NAME, LONGEST_DESCRIPTION = 120, 400
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
OLDEST_SERVED = 25


class FactsWrong(Exception):
    """What was typed cannot be a service; `problems` says for each field what to do."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {what}" for name, what in problems.items()))
        self.problems = dict(problems)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PhoneFacts(_Strict):
    number: str
    private: bool = False

    @field_validator("number")
    @classmethod
    def _dialled(cls, number: str) -> str:
        return checked_number(number)


class HoursFacts(_Strict):
    rrule: Annotated[str, Field(max_length=200)]
    opens_at: time
    closes_at: time
    valid_from: date | None = None
    valid_to: date | None = None

    @field_validator("rrule")
    @classmethod
    def _readable(cls, rrule: str) -> str:
        check_rule(rrule)
        return rrule


class PlaceFacts(_Strict):
    region: str
    town: Annotated[str, Field(max_length=80)] = ""
    address: dict[str, Annotated[str, Field(max_length=300)]] = {}
    private: bool = True


class ServiceFacts(_Strict):
    """All that staff say of a service, and all that a second person reviews."""

    organization_id: UUID
    kind: Kind
    name: dict[str, Annotated[str, Field(max_length=LONGEST_NAME)]]
    description: dict[str, Annotated[str, Field(max_length=LONGEST_DESCRIPTION)]] = {}
    minimum_age: Annotated[int | None, Field(ge=0, le=OLDEST_SERVED)] = None
    maximum_age: Annotated[int | None, Field(ge=0, le=OLDEST_SERVED)] = None
    gender: str | None = None
    concerns: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    cost: Annotated[str | None, Field(max_length=40)] = None
    needs_guardian: NeedsGuardian = NeedsGuardian.UNKNOWN
    licence: Annotated[str | None, Field(max_length=60)] = None
    trained_for_children: bool | None = None
    takes_handovers: bool = False
    always_open: bool = False
    nationwide: bool = False
    backup_contact: Annotated[str | None, Field(max_length=120)] = None
    source: Annotated[str, Field(max_length=400)] = ""
    phones: tuple[PhoneFacts, ...] = ()
    hours: tuple[HoursFacts, ...] = ()
    regions: tuple[str, ...] = ()
    places: tuple[PlaceFacts, ...] = ()

    @field_validator("gender")
    @classmethod
    def _known_gender(cls, gender: str | None) -> str | None:
        if gender not in (None, "female", "male"):
            raise ValueError("girls only, boys only, or everybody")
        return gender

    @field_validator("languages")
    @classmethod
    def _known_languages(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        return _among(languages, LANGUAGES, "languages are kk, ru and en")

    @field_validator("concerns")
    @classmethod
    def _known_concerns(cls, concerns: tuple[str, ...]) -> tuple[str, ...]:
        return _among(concerns, tuple(load_taxonomy().concerns), "choose concerns from the list")

    @field_validator("regions")
    @classmethod
    def _known_regions(cls, regions: tuple[str, ...]) -> tuple[str, ...]:
        return _among(regions, tuple(all_regions()), "choose regions from the list")

    @model_validator(mode="after")
    def _whole(self) -> "ServiceFacts":
        missing = [locale for locale in LOCALES if not self.name.get(locale, "").strip()]
        if missing:
            raise ValueError("the name is needed in both languages; a child reads its own")
        if self.minimum_age is not None and self.maximum_age is not None and self.minimum_age > self.maximum_age:
            raise ValueError("the youngest age is above the oldest")
        if not any(not phone.private for phone in self.phones) and not self.takes_handovers:
            raise ValueError("give a public phone, or let it take hand-overs: else no child can reach it")
        if not self.nationwide and not self.regions:
            raise ValueError("choose at least one region, or the whole country")
        return self


def checked_number(number: str) -> str:
    """A telephone number that can be dialled in Kazakhstan, as people write it; raises ValueError."""
    digits = "".join(c for c in number if c.isdigit())
    if len(digits) in _SHORT_NUMBER and digits == "".join(number.split()).strip():
        return digits
    try:
        parsed = phonenumbers.parse(number, "KZ")
    except phonenumbers.NumberParseException:
        raise ValueError("this is no telephone number; write it like +7 727 123 45 67 or 150") from None
    if not phonenumbers.is_valid_number(parsed):
        raise ValueError("nobody can have this number; check its digits")
    if not phonenumbers.is_valid_number_for_region(parsed, "KZ"):
        raise ValueError("this number is abroad; give one that a child in Kazakhstan can call")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _among(given: tuple[str, ...], known: tuple[str, ...], sentence: str) -> tuple[str, ...]:
    if not set(given) <= set(known):
        raise ValueError(sentence)
    return tuple(one for one in known if one in given)


def check_facts(values: Mapping[str, Any]) -> ServiceFacts:
    """Values as facts; raises FactsWrong that names each field."""
    try:
        return ServiceFacts.model_validate(dict(values))
    except ValidationError as error:
        problems: dict[str, str] = {}
        for one in error.errors():
            place = str(one["loc"][0]) if one["loc"] else "service"
            problems.setdefault(place, one["msg"].removeprefix("Value error, "))
        raise FactsWrong(problems) from None


def facts_of(service: Service) -> ServiceFacts:
    """What the directory says of a service now. A seed record may lack what a form must have: it is not checked."""
    values: dict[str, Any] = {
        name: getattr(service, name)
        for name in ServiceFacts.model_fields
        if name not in ("phones", "hours", "regions", "places")
    }
    return ServiceFacts.model_construct(
        **{
            **values,
            "kind": Kind(service.kind),
            "needs_guardian": NeedsGuardian(service.needs_guardian),
            "concerns": tuple(service.concerns or ()),
            "languages": tuple(service.languages or ()),
            "phones": tuple(PhoneFacts.model_construct(number=p.number, private=p.private) for p in service.phones),
            "hours": tuple(
                HoursFacts.model_construct(
                    rrule=s.rrule, opens_at=s.opens_at, closes_at=s.closes_at, valid_from=s.valid_from,
                    valid_to=s.valid_to,
                )
                for s in service.schedules
            ),
            "regions": tuple(sorted(a.region for a in service.areas)),
            "places": tuple(
                PlaceFacts.model_construct(region=p.region, town=p.town, address=dict(p.address), private=p.private)
                for p in service.locations
            ),
        }
    )  # fmt: skip


def apply_facts(service: Service, facts: ServiceFacts) -> None:
    """Make a service what the facts say; who may do so, and whether children see it, is decided elsewhere."""
    for name in ServiceFacts.model_fields:
        if name not in ("phones", "hours", "regions", "places", "concerns", "languages"):
            setattr(service, name, getattr(facts, name))
    service.concerns, service.languages = list(facts.concerns), list(facts.languages)
    service.phones = [
        Phone(number=phone.number, private=phone.private, position=position)
        for position, phone in enumerate(facts.phones)
    ]
    service.schedules = [Schedule(**hours.model_dump()) for hours in facts.hours]
    kept = {area.region: area for area in service.areas}
    service.areas = [kept.get(region) or ServiceArea(region=region) for region in facts.regions]
    service.locations = [Location(**place.model_dump()) for place in facts.places]
    service.edited = True
    service.source_kind = SourceKind.VERIFIED


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Field, old and new value, for all that differs between two facts dumped as JSON."""
    old = before or {}
    return [(name, old.get(name), value) for name, value in after.items() if old.get(name) != value]


def as_child_sees(facts: ServiceFacts, at: datetime) -> FoundService:
    """The service as a search would find it if these facts were published: nothing private is in it."""
    service = Service(organization_id=facts.organization_id)
    apply_facts(service, facts)
    return found_service(service, at, facts.regions[0] if facts.regions else None)
