"""HSDS-shaped JSON into the directory."""

import json
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.orm import Session

from referrals.directory.models import (
    Kind,
    Location,
    NeedsGuardian,
    Organization,
    Phone,
    Schedule,
    Service,
    ServiceArea,
    SourceKind,
    Status,
)


class SeedError(Exception):
    """A file of the directory does not hold what it must; the message says where."""


@dataclass
class SeedReport:
    """What a seeding did."""

    added: int = 0
    updated: int = 0
    kept: int = 0


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Phone(_Strict):
    number: str
    private: bool = False


class _Schedule(_Strict):
    rrule: str
    opens_at: time
    closes_at: time
    valid_from: date | None = None
    valid_to: date | None = None


class _Location(_Strict):
    region: str
    town: str = ""
    address: dict[str, str] = Field(default_factory=dict)
    private: bool = True


class _Service(_Strict):
    id: UUID
    kind: Kind
    status: Status
    name: dict[str, str]
    description: dict[str, str] = Field(default_factory=dict)
    minimum_age: int | None = None
    maximum_age: int | None = None
    gender: str | None = None
    concerns: list[str] = Field(default_factory=list)
    languages: list[str] = Field(default_factory=list)
    cost: str | None = None
    needs_guardian: NeedsGuardian = NeedsGuardian.UNKNOWN
    licence: str | None = None
    trained_for_children: bool | None = None
    takes_handovers: bool = False
    always_open: bool = False
    nationwide: bool = False
    source: str
    source_kind: SourceKind = SourceKind.VERIFIED
    verified_on: date | None = None
    verified_by: str | None = None
    phones: list[_Phone] = Field(default_factory=list)
    schedules: list[_Schedule] = Field(default_factory=list)
    service_areas: list[str] = Field(default_factory=list)
    locations: list[_Location] = Field(default_factory=list)


class _Organization(_Strict):
    id: UUID
    name: dict[str, str]
    description: dict[str, str] = Field(default_factory=dict)
    source: str = ""
    services: list[_Service] = Field(default_factory=list)


def seed(session: Session, folder: Path) -> SeedReport:
    """Load every file of a folder; again and again without harm. Raises SeedError.

    A record that staff have edited since is kept as they left it.
    """
    report = SeedReport()
    for path in sorted(folder.glob("*.json")):
        for given in _read(path):
            organization = session.get(Organization, given.id)
            if organization is None:
                organization = Organization(id=given.id)
                session.add(organization)
            organization.name = given.name
            organization.description = given.description
            organization.source = given.source
            for service in given.services:
                _put(session, organization, service, report)
    session.flush()
    return report


def _read(path: Path) -> list[_Organization]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return [_Organization.model_validate(part) for part in content["organizations"]]
    except (OSError, ValueError, KeyError, ValidationError) as error:
        raise SeedError(f"{path.name}: {error}") from error


def _put(session: Session, organization: Organization, given: _Service, report: SeedReport) -> None:
    service = session.get(Service, given.id)
    if service is not None and service.edited:
        report.kept += 1
        return
    if service is None:
        service = Service(id=given.id, organization=organization)
        session.add(service)
        report.added += 1
    else:
        report.updated += 1
    for name, value in _columns(given).items():
        setattr(service, name, value)
    _replace_parts(service, given)


def _columns(given: _Service) -> dict[str, Any]:
    parts = {"id", "phones", "schedules", "service_areas", "locations"}
    return given.model_dump(exclude=parts)


def _replace_parts(service: Service, given: _Service) -> None:
    """Phones, hours, areas and places, only where they differ: seeding twice changes nothing."""
    phones = [(p.number, p.private) for p in given.phones]
    if [(p.number, p.private) for p in service.phones] != phones:
        service.phones = [
            Phone(number=number, private=private, position=position)
            for position, (number, private) in enumerate(phones)
        ]
    if {a.region for a in service.areas} != set(given.service_areas):
        service.areas = [ServiceArea(region=region) for region in given.service_areas]
    hours = [s.model_dump() for s in given.schedules]
    if [_hours(s) for s in service.schedules] != hours:
        service.schedules = [Schedule(**values) for values in hours]
    places = [p.model_dump() for p in given.locations]
    if [_place(p) for p in service.locations] != places:
        service.locations = [Location(**values) for values in places]


def _hours(schedule: Schedule) -> dict[str, Any]:
    return {name: getattr(schedule, name) for name in _Schedule.model_fields}


def _place(location: Location) -> dict[str, Any]:
    return {name: getattr(location, name) for name in _Location.model_fields}
