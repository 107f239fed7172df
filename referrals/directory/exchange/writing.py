"""The directory as a file, with nothing private in it."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from openpyxl import Workbook  # type: ignore[import-untyped] # it carries no types
from sqlalchemy.orm import Session

from referrals.directory.exchange.columns import COLUMNS, CONTROL, FORMULA, cells_of
from referrals.directory.exchange.reading import TableError
from referrals.directory.exchange.taking import all_services
from referrals.directory.models import Service, Status


def write_table(session: Session, kind: str) -> bytes:
    """Every service that is not archived as a file of this kind (csv, xlsx, json); raises TableError for another."""
    services = [s for s in all_services(session) if s.status != Status.ARCHIVED]
    services.sort(key=lambda s: (s.organization.name.get("ru", ""), s.name.get("ru", ""), str(s.id)))
    if kind == "json":
        return _write_json(services)
    lines = [list(COLUMNS), *([_harmless(cell) for cell in cells_of(s).values()] for s in services)]
    if kind == "csv":
        text = io.StringIO(newline="")
        csv.writer(text).writerows(lines)
        # With its mark at the beginning spreadsheets read Kazakh letters right.
        return text.getvalue().encode("utf-8-sig")
    if kind == "xlsx":
        return _write_xlsx(lines)
    raise TableError(f"Files of the kind {kind!r} are not written. Ask for csv, xlsx or json.")


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def _write_xlsx(lines: Iterable[list[str]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("services")
    for line in lines:
        # The format has no place for control characters.
        sheet.append([CONTROL.sub("", cell) for cell in line])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _write_json(services: Iterable[Service]) -> bytes:
    organizations: dict[UUID, dict[str, Any]] = {}
    for service in services:
        owner = service.organization
        about = {"id": str(owner.id), "name": owner.name, "description": owner.description, "source": owner.source}
        organizations.setdefault(owner.id, {**about, "services": []})["services"].append(_json_service(service))
    text = json.dumps({"organizations": list(organizations.values())}, ensure_ascii=False, indent=1)
    return text.encode("utf-8")


def _json_service(service: Service) -> dict[str, Any]:
    plain = ("kind", "status", "name", "description", "minimum_age", "maximum_age", "gender", "concerns", "languages",
             "cost", "needs_guardian", "licence", "trained_for_children", "takes_handovers", "always_open",
             "nationwide", "source", "source_kind")  # fmt: skip
    return {
        "id": str(service.id),
        **{name: getattr(service, name) for name in plain},
        "verified_on": service.verified_on.isoformat() if service.verified_on else None,
        "phones": [{"number": p.number} for p in service.phones if not p.private],
        "schedules": [
            {
                "rrule": part.rrule,
                "opens_at": f"{part.opens_at:%H:%M}",
                "closes_at": f"{part.closes_at:%H:%M}",
                "valid_from": part.valid_from.isoformat() if part.valid_from else None,
                "valid_to": part.valid_to.isoformat() if part.valid_to else None,
            }
            for part in service.schedules
        ],
        "service_areas": sorted(area.region for area in service.areas),
        "locations": [
            {"region": place.region, "town": place.town, "address": place.address, "private": False}
            for place in service.locations
            if not place.private
        ],
    }
