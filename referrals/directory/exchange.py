"""Services in and out as tables (CSV, XLSX) and HSDS-shaped JSON: looked at first, then taken over whole or not at all.

A file that somebody gave us may hold anything: every cell is checked, every mistake is told with its line.
Private telephones and addresses are in no file, and an import leaves them as they are.
"""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Any
from uuid import UUID, uuid4

import phonenumbers
from dateutil.rrule import rrulestr
from openpyxl import Workbook, load_workbook  # type: ignore[import-untyped] # it carries no types
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from content.model import load_taxonomy
from content.regions import all_regions
from referrals import audit
from referrals.directory.models import (
    Kind,
    NeedsGuardian,
    Organization,
    Phone,
    Schedule,
    Service,
    ServiceArea,
    Status,
)

MAX_BYTES = 20_000_000
MAX_UNPACKED_BYTES = 100_000_000
MAX_ROWS = 20_000
_MAX_COLUMNS = 64
# In `regions`: the whole country.
NATIONWIDE = "KZ"
REQUIRED = ("organization_name_kk", "organization_name_ru", "name_kk", "name_ru", "kind")
_YES = frozenset(("yes", "true", "1", "да", "иә"))
_NO = frozenset(("no", "false", "0", "нет", "жоқ", ""))
# Spreadsheets run a cell that begins so; the full-width forms are taken for the same by some of them.
_FORMULA = re.compile(r"[\s']*[=+\-@＝＋－＠]")
_QUOTED = re.compile(r"'[\s']*[=+\-@＝＋－＠]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]|[\ud800-\udfff]")
_SHORT_NUMBER = re.compile(r"\d{2,5}")
# A rule holds semicolons itself, so what ends one schedule is its hours.
_SCHEDULE = re.compile(
    r"\s*(?P<rule>[^@]+)@(?P<opens>\d{1,2}:\d\d)-(?P<closes>\d{1,2}:\d\d)"
    r"(?:\[(?P<start>[\d-]*)\.\.(?P<end>[\d-]*)\])?\s*(?:;|$)"
)
# Hours are counted from the day before, so "every second week" and "ten times" would tell a child something wrong.
_RULE_PARTS = frozenset(("FREQ", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS", "WKST", "UNTIL"))
_RULE_FREQUENCIES = frozenset(("DAILY", "WEEKLY", "MONTHLY", "YEARLY"))


class TableError(Exception):
    """A file that cannot be read as a table of services; the message says why, and what to do."""


class ImportRefused(Exception):
    """An import that may not be taken over; the message says why, and what to do."""


@dataclass(frozen=True)
class Row:
    """One service of a file, as it stands there."""

    line: int
    cells: Mapping[str, str]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class LineError:
    """What is wrong, and where."""

    line: int
    sentence: str


@dataclass(frozen=True)
class Difference:
    """One field of a service, before and after."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Addition:
    """A service that the directory does not have yet."""

    line: int
    service_id: UUID | None
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """A service that the directory has, and what the file says otherwise of it."""

    line: int
    service_id: UUID
    name: str
    # It goes back to being a draft: children do not see it until staff publish it again.
    was_published: bool
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Preview:
    """What an import would do."""

    new: tuple[Addition, ...]
    changed: tuple[Change, ...]
    unchanged: tuple[int, ...]
    errors: tuple[LineError, ...]


@dataclass(frozen=True)
class Applied:
    """How many services an import made and changed."""

    new: int
    changed: int


# -- cells: each column has one written form, in which files and the directory are compared


def _text(limit: int, *, required: bool = False) -> Callable[[str], str]:
    def check(cell: str) -> str:
        if required and not cell:
            raise ValueError("is empty; write it in this language too")
        if len(cell) > limit:
            raise ValueError(f"has {len(cell)} characters; shorten it to {limit}")
        return cell

    return check


def _one_of(known: Iterable[str], default: str | None = None) -> Callable[[str], str]:
    words = tuple(known)

    def check(cell: str) -> str:
        value = cell.lower()
        if not value and default is not None:
            return default
        if value not in words:
            raise ValueError(f"{cell!r} is not known; use one of: {', '.join(words)}")
        return value

    return check


def _list_of(check: Callable[[str], str]) -> Callable[[str], str]:
    def check_all(cell: str) -> str:
        return ";".join(sorted({check(part) for part in _parts(cell)}))

    return check_all


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def _identity(cell: str) -> str:
    try:
        return str(UUID(cell)) if cell else ""
    except ValueError:
        raise ValueError(f"{cell!r} is not an identifier; leave it empty for a new service") from None


def _region(part: str) -> str:
    code = part.upper()
    if code != NATIONWIDE and code not in all_regions():
        raise ValueError(f"{part!r} is not a region; write codes like KZ35, or {NATIONWIDE} for the whole country")
    return code


def _language(part: str) -> str:
    if not re.fullmatch(r"[a-z]{2}", part.lower()):
        raise ValueError(f"{part!r} is not a language; write codes like kk, ru, en")
    return part.lower()


@cache
def _concerns() -> frozenset[str]:
    return frozenset(load_taxonomy().concerns)


def _concern(part: str) -> str:
    if part.lower() not in _concerns():
        raise ValueError(f"{part!r} is not a concern; use codes of the taxonomy: {', '.join(sorted(_concerns()))}")
    return part.lower()


def _age(cell: str) -> str:
    if not cell:
        return ""
    if not re.fullmatch(r"[0-9]{1,2}", cell):
        raise ValueError(f"{cell!r} is not an age; write whole years from 0 to 99")
    return str(int(cell))


def _yes_or_no(cell: str) -> str:
    if cell.lower() in _YES:
        return "yes"
    if cell.lower() in _NO:
        return "no"
    raise ValueError(f"{cell!r} is not understood; write yes or no")


def _phones(cell: str) -> str:
    return ";".join(dict.fromkeys(phone(part) for part in _parts(cell)))


def phone(written: str) -> str:
    """A telephone number of Kazakhstan in its one form; raises ValueError with a sentence for the staff."""
    if _SHORT_NUMBER.fullmatch(written):
        return written
    try:
        number = phonenumbers.parse(written, "KZ")
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number_for_region(number, "KZ"):
        raise ValueError(
            f"{written!r} is not a telephone number of Kazakhstan; "
            "write it like +7 7172 12 34 56, or a short one like 111"
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


@dataclass(frozen=True)
class _Hours:
    rule: str
    opens: time
    closes: time
    start: date | None
    end: date | None

    def __str__(self) -> str:
        days = f"[{self.start or ''}..{self.end or ''}]" if self.start or self.end else ""
        return f"{self.rule}@{self.opens:%H:%M}-{self.closes:%H:%M}{days}"


def _schedules(cell: str) -> str:
    return ";".join(sorted({str(hours) for hours in _all_hours(cell)}))


@lru_cache(maxsize=1024)
def _all_hours(cell: str) -> tuple[_Hours, ...]:
    found, position = [], 0
    while position < len(cell):
        part = _SCHEDULE.match(cell, position)
        if part is None:
            raise ValueError(
                f"{cell[position:][:60]!r} is not understood; write days and hours like "
                "FREQ=WEEKLY;BYDAY=MO,TU@09:00-18:00"
            )
        found.append(_hours(part))
        position = part.end()
    return tuple(found)


def _hours(part: re.Match[str]) -> _Hours:
    rule = part["rule"].strip().upper().rstrip(";")
    _check_rule(rule)
    try:
        opens, closes = (datetime.strptime(part[name], "%H:%M").time() for name in ("opens", "closes"))  # noqa: DTZ007 # a clock
        start, end = (date.fromisoformat(part[name]) if part[name] else None for name in ("start", "end"))
    except ValueError:
        raise ValueError(
            f"{part.group().strip()!r} has hours or days that do not exist; write 09:00-18:00, and 00:00 for midnight"
        ) from None
    return _Hours(rule, opens, closes, start, end)


@lru_cache(maxsize=1024)
def _check_rule(rule: str) -> None:
    """Only rules of days: a rule of seconds would keep the search busy for minutes."""
    pairs = dict(part.split("=", 1) if "=" in part else (part, "") for part in rule.split(";"))
    fits = set(pairs) <= _RULE_PARTS and pairs.get("FREQ") in _RULE_FREQUENCIES and len(rule) <= 200
    try:
        # A leap year and a little, so that a rule of the 29th of February has its day.
        start = datetime(2024, 1, 1)  # noqa: DTZ001 # as the directory's hours: without a zone
        happens = fits and rrulestr(rule, dtstart=start).between(start, start + timedelta(days=400), inc=True)
    except (ValueError, TypeError, KeyError, IndexError):
        happens = False
    if not happens and "UNTIL" not in pairs:
        raise ValueError(f"{rule!r} is not a rule of days; write one like FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR")
    if not fits:
        raise ValueError(f"{rule!r} is not a rule of days; use only {', '.join(sorted(_RULE_PARTS))}")
    _check_until(rule, pairs)


def _check_until(rule: str, pairs: Mapping[str, str]) -> None:
    if "UNTIL" not in pairs:
        return
    try:
        rrulestr(rule, dtstart=datetime(2024, 1, 1))  # noqa: DTZ001 # as the directory's hours: without a zone
    except (ValueError, TypeError, KeyError, IndexError):
        raise ValueError(f"{rule!r} is not a rule of days; write UNTIL as 20261231") from None


_CHECKS: dict[str, Callable[[str], str]] = {
    "id": _identity,
    "organization_name_kk": _text(200, required=True),
    "organization_name_ru": _text(200, required=True),
    "name_kk": _text(200, required=True),
    "name_ru": _text(200, required=True),
    "description_kk": _text(2000),
    "description_ru": _text(2000),
    "kind": _one_of(Kind),
    "phones": _phones,
    "regions": _list_of(_region),
    "languages": _list_of(_language),
    "minimum_age": _age,
    "maximum_age": _age,
    "concerns": _list_of(_concern),
    "cost": _text(40),
    "needs_guardian": _one_of(NeedsGuardian, NeedsGuardian.UNKNOWN),
    "takes_handovers": _yes_or_no,
    "always_open": _yes_or_no,
    "schedules": _schedules,
    "source": _text(400),
}
COLUMNS = tuple(_CHECKS)
_DEFAULTS = {name: check("") for name, check in _CHECKS.items() if name not in REQUIRED}


def _checked(row: Row) -> tuple[dict[str, str], list[LineError]]:
    """The cells in their one form, and what is wrong with them."""
    cells: dict[str, str] = {}
    errors = [LineError(row.line, f"Line {row.line}: {fault}.") for fault in row.faults]
    for name, cell in row.cells.items():
        try:
            cells[name] = _checked_cell(name, cell)
        except ValueError as error:
            errors.append(LineError(row.line, f"Line {row.line}, {name}: {error}."))
    youngest, oldest = cells.get("minimum_age"), cells.get("maximum_age")
    if youngest and oldest and int(youngest) > int(oldest):
        sentence = f"Line {row.line}, minimum_age: {youngest} is above maximum_age {oldest}; exchange them."
        errors.append(LineError(row.line, sentence))
    return cells, errors


def _checked_cell(name: str, cell: str) -> str:
    if _QUOTED.match(cell):
        # Our own export put the quote before it.
        cell = cell[1:].strip()
    elif cell.startswith("="):
        raise ValueError("it is a formula; put its value there instead")
    if _CONTROL.search(cell):
        raise ValueError("it has characters that no text has; type it anew")
    return _CHECKS[name](cell)


# -- a file into rows


def read_table(content: bytes, kind: str) -> list[Row]:
    """The rows of a file of this kind (csv, xlsx, json); raises TableError when it is no table of services."""
    if len(content) > MAX_BYTES:
        raise TableError(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Split it and import the parts.")
    readers = {"csv": _read_csv, "xlsx": _read_xlsx, "json": _read_json}
    if kind not in readers:
        raise TableError(f"Files of the kind {kind!r} are not read. Save it as csv, xlsx or json.")
    rows = readers[kind](content)
    if not rows:
        raise TableError("There is no service in the file. Put one in each row under the names of the columns.")
    if len(rows) > MAX_ROWS:
        raise TableError(f"There are more than {MAX_ROWS} services in the file. Split it and import the parts.")
    return rows


def _read_csv(content: bytes) -> list[Row]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TableError("The file is not in UTF-8, so Kazakh letters are lost. Save it as 'CSV UTF-8'.") from None
    first = text.split("\n", 1)[0]
    # Spreadsheets set to Russian separate by semicolons.
    delimiter = max(",;\t", key=lambda mark: len({part.strip(' "\r') for part in first.split(mark)} & set(COLUMNS)))
    return _rows(_csv_lines(text, delimiter))


def _csv_lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            # A cell may go over several lines; a row is named by its first one.
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"Line {line} cannot be read as CSV ({error}). Save the table as CSV anew.") from None


def _read_xlsx(content: bytes) -> list[Row]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise TableError("The workbook is far larger unpacked than it looks. Copy its table into a new one.")
        return _rows(_xlsx_lines(content))
    except TableError:
        raise
    except Exception as error:
        # openpyxl raises errors of many kinds for a damaged workbook.
        raise TableError("The file is no workbook that can be read. Save it as .xlsx anew.") from error


def _xlsx_lines(content: bytes) -> Iterator[tuple[int, list[str]]]:
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=False)
    try:
        lines = book.worksheets[0].iter_rows(max_col=_MAX_COLUMNS, values_only=True)
        for number, cells in enumerate(lines, start=1):
            if number > 5 * MAX_ROWS:
                raise TableError(f"The sheet has more than {5 * MAX_ROWS} rows. Copy its table into a new one.")
            yield number, [_written(cell) for cell in cells]
    finally:
        book.close()


def _written(cell: object) -> str:
    """A cell of a workbook as it would stand in a CSV file."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _rows(lines: Iterator[tuple[int, list[str]]]) -> list[Row]:
    _, header = next(lines, (1, []))
    names = _column_names(header)
    rows: list[Row] = []
    for line, written in lines:
        cells = [cell.strip() for cell in written]
        if not any(cells):
            continue
        faults = ("there are more cells than columns; put text with a separator in quotation marks",)
        # A short row has its last cells empty.
        padded = cells + [""] * (len(names) - len(cells))
        rows.append(
            Row(line, dict(zip(names, padded, strict=False)), faults if any(cells[len(names) :]) else ()),
        )
        if len(rows) > MAX_ROWS:
            break
    return rows


def _column_names(header: Sequence[str]) -> list[str]:
    names = [cell.strip().lower() for cell in header]
    while names and not names[-1]:
        names.pop()
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise TableError(f"Line 1 does not name the columns {', '.join(missing)}. Write them there.")
    if unknown:
        raise TableError(f"Line 1 names unknown columns: {', '.join(map(repr, unknown))}. Use {', '.join(COLUMNS)}.")
    if len(set(names)) < len(names):
        raise TableError("Line 1 names a column twice. Leave each name only once.")
    return names


def _read_json(content: bytes) -> list[Row]:
    """The shape of content/directory/*.json; `line` counts the services."""
    try:
        organizations = json.loads(content)["organizations"]
        pairs = [(organization, service) for organization in organizations for service in organization["services"]]
        return [_json_row(number, *pair) for number, pair in enumerate(pairs, start=1)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TableError(
            'The file is not JSON with "organizations" and their "services" in it. '
            f"Compare it with an export of the directory ({type(error).__name__}: {str(error)[:100]})."
        ) from None


def _json_row(number: int, organization: Mapping[str, Any], service: Mapping[str, Any]) -> Row:
    cells = {
        **_json_names("organization_name", organization["name"]), **_json_names("name", service["name"]),
        **_json_names("description", service.get("description") or {}),
        # A private number is in no export of ours; from elsewhere it must not become a public one.
        "phones": ";".join(str(p["number"]) for p in service.get("phones") or () if not p.get("private")),
        "regions": ";".join([NATIONWIDE] * bool(service.get("nationwide")) + (service.get("service_areas") or [])),
        "schedules": ";".join(_json_hours(part) for part in service.get("schedules") or ()),
    }  # fmt: skip
    for name in ("languages", "concerns"):
        cells[name] = ";".join(service.get(name) or ())
    for name in (set(COLUMNS) - set(cells)) & set(service):
        cells[name] = _written(service[name]).strip()
    return Row(number, {name: cells[name] for name in COLUMNS if name in cells or name in REQUIRED})


def _json_names(column: str, given: Mapping[str, str]) -> dict[str, str]:
    return {f"{column}_{language}": str(given.get(language, "")).strip() for language in ("kk", "ru")}


def _json_hours(given: Mapping[str, Any]) -> str:
    start, end = (given.get(name) or "" for name in ("valid_from", "valid_to"))
    return f"{given['rrule']}@{given['opens_at'][:5]}-{given['closes_at'][:5]}[{start}..{end}]"


# -- the directory into a file


def write_table(session: Session, kind: str) -> bytes:
    """Every service that is not archived as a file of this kind (csv, xlsx, json), nothing private in it."""
    services = [s for s in _all_services(session) if s.status != Status.ARCHIVED]
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
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _write_xlsx(lines: Iterable[list[str]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("services")
    for line in lines:
        # The format has no place for control characters.
        sheet.append([_CONTROL.sub("", cell) for cell in line])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def cells_of(service: Service) -> dict[str, str]:
    """A service in the columns of a table."""
    return {
        "id": str(service.id),
        **_named("organization_name", service.organization.name), **_named("name", service.name),
        **_named("description", service.description), "kind": str(service.kind),
        "phones": ";".join(dict.fromkeys(_lenient(p.number) for p in service.phones if not p.private)),
        "regions": ";".join(sorted([NATIONWIDE] * service.nationwide + [area.region for area in service.areas])),
        "languages": ";".join(sorted(set(service.languages))),
        "minimum_age": "" if service.minimum_age is None else str(service.minimum_age),
        "maximum_age": "" if service.maximum_age is None else str(service.maximum_age),
        "concerns": ";".join(sorted(set(service.concerns))), "cost": (service.cost or "").strip(),
        "needs_guardian": str(service.needs_guardian),
        "takes_handovers": "yes" if service.takes_handovers else "no",
        "always_open": "yes" if service.always_open else "no",
        "schedules": ";".join(sorted({str(_hours_of(part)) for part in service.schedules})),
        "source": service.source.strip(),
    }  # fmt: skip


def _named(column: str, names: Mapping[str, str]) -> dict[str, str]:
    return {f"{column}_{language}": names.get(language, "").strip() for language in ("kk", "ru")}


def _lenient(number: str) -> str:
    """A number in its one form, or as somebody once wrote it."""
    try:
        return phone(number)
    except ValueError:
        return number.strip()


def _hours_of(part: Schedule) -> _Hours:
    return _Hours(part.rrule.upper(), part.opens_at, part.closes_at, part.valid_from, part.valid_to)


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


# -- looking first


def preview(session: Session, rows: Sequence[Row]) -> Preview:
    """What these rows would make, change and leave alone, and every mistake in them."""
    known = _Known.of(_all_services(session))
    new: list[Addition] = []
    changed: list[Change] = []
    unchanged: list[int] = []
    errors: list[LineError] = []
    seen: dict[object, int] = {}
    for row in rows:
        cells, faults = _checked(row)
        service = None
        if not faults:
            service, faults = _match(row, cells, known, seen)
        if faults:
            errors += faults
        elif service is None:
            new.append(Addition(row.line, UUID(cells["id"]) if cells.get("id") else None, cells))
        elif differences := _differences(service, cells):
            published = service.status == Status.PUBLISHED
            changed.append(Change(row.line, service.id, service.name.get("ru", ""), published, differences))
        else:
            unchanged.append(row.line)
    return Preview(tuple(new), tuple(changed), tuple(unchanged), tuple(errors))


@dataclass(frozen=True)
class _Known:
    """The directory's services by identifier and by their names."""

    by_id: Mapping[str, Service]
    by_name: Mapping[tuple[str, ...], Sequence[Service]]

    @classmethod
    def of(cls, services: Sequence[Service]) -> "_Known":
        by_name: dict[tuple[str, ...], list[Service]] = {}
        for service in services:
            by_name.setdefault(_name_key(cells_of(service)), []).append(service)
        return cls({str(service.id): service for service in services}, by_name)


def _name_key(cells: Mapping[str, str]) -> tuple[str, ...]:
    """What a row without an identifier is recognised by: whose service, and its names."""
    return tuple(cells[name].casefold() for name in REQUIRED if name != "kind")


def _match(
    row: Row, cells: Mapping[str, str], known: _Known, seen: dict[object, int]
) -> tuple[Service | None, list[LineError]]:
    """The service that a row is about, if the directory has it."""
    service = known.by_id.get(cells["id"]) if cells.get("id") else None
    if not cells.get("id"):
        namesakes = known.by_name.get(_name_key(cells), ())
        if len(namesakes) > 1:
            sentence = (
                f"Line {row.line}, name_ru: {len(namesakes)} services of this organisation have this name; "
                "give the one that is meant in the column id."
            )
            return None, [LineError(row.line, sentence)]
        service = namesakes[0] if namesakes else None
    key: object = str(service.id) if service else cells.get("id") or _name_key(cells)
    first = seen.setdefault(key, row.line)
    if first != row.line:
        sentence = f"Line {row.line}: it is the same service as in line {first}; leave only one of them."
        return None, [LineError(row.line, sentence)]
    return service, []


def _differences(service: Service, cells: Mapping[str, str]) -> tuple[Difference, ...]:
    before = cells_of(service)
    return tuple(
        Difference(name, before[name], cell) for name, cell in cells.items() if name != "id" and before[name] != cell
    )


def _all_services(session: Session) -> Sequence[Service]:
    parts = (Service.phones, Service.schedules, Service.areas, Service.locations, Service.organization)
    return session.scalars(select(Service).options(*(selectinload(part) for part in parts))).all()


# -- taking over


def apply(session: Session, looked_at: Preview, actor: str, at: datetime) -> Applied:
    """Take over what was looked at, as drafts, in the caller's transaction; raises ImportRefused before any change."""
    if looked_at.errors:
        raise ImportRefused(
            f"{len(looked_at.errors)} mistakes are in the file, so nothing of it was taken over. "
            f"Mend them and import it again. The first: {looked_at.errors[0].sentence}"
        )
    known = {service.id: service for service in _all_services(session)}
    _refuse_outdated(looked_at, known)
    owners = _Owners(session)
    for addition in looked_at.new:
        service = Service(id=addition.service_id or uuid4(), **_empty())
        _write(service, {**_DEFAULTS, "source": f"Import of {at:%Y-%m-%d}", **_filled(addition.cells)}, owners)
        session.add(service)
        _mark(session, service, "service_imported", actor, at)
    for change in looked_at.changed:
        service = known[change.service_id]
        _write(service, {part.field: part.after for part in change.differences}, owners)
        _mark(session, service, "service_changed_by_import", actor, at)
    session.flush()
    return Applied(len(looked_at.new), len(looked_at.changed))


def _filled(cells: Mapping[str, str]) -> dict[str, str]:
    return {name: cell for name, cell in cells.items() if cell}


def _empty() -> dict[str, Any]:
    return {"name": {}, "description": {}, "phones": [], "schedules": [], "areas": []}


def _refuse_outdated(looked_at: Preview, known: Mapping[UUID, Service]) -> None:
    """Somebody may have edited the directory since the preview: their work is not overwritten unseen."""
    for change in looked_at.changed:
        service = known.get(change.service_id)
        now = cells_of(service) if service else {}
        if any(now.get(part.field) != part.before for part in change.differences):
            raise ImportRefused(
                f"The service {change.name!r} (line {change.line}) was changed since you looked at the import, "
                "so nothing was taken over. Look at it again."
            )
    names = {_name_key(cells_of(service)) for service in known.values()}
    for addition in looked_at.new:
        taken = addition.service_id in known if addition.service_id else _name_key(addition.cells) in names
        if taken:
            raise ImportRefused(
                f"The service of line {addition.line} was added since you looked at the import, "
                "so nothing was taken over. Look at it again."
            )


class _Owners:
    """Organisations by their names, made where they are missing."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._by_name: dict[tuple[str, str], Organization] = {}
        for organization in session.scalars(select(Organization).order_by(Organization.id)):
            names = (organization.name.get("kk", ""), organization.name.get("ru", ""))
            self._by_name.setdefault(self._key(*names), organization)

    def named(self, kazakh: str, russian: str) -> Organization:
        key = self._key(kazakh, russian)
        if key not in self._by_name:
            self._by_name[key] = Organization(id=uuid4(), name={"kk": kazakh, "ru": russian})
            self._session.add(self._by_name[key])
        return self._by_name[key]

    @staticmethod
    def _key(kazakh: str, russian: str) -> tuple[str, str]:
        return kazakh.strip().casefold(), russian.strip().casefold()


def _write(service: Service, cells: Mapping[str, str], owners: _Owners) -> None:
    """Put cells in their one form into a service; columns that are not there stay as they are."""
    if "organization_name_kk" in cells or "organization_name_ru" in cells:
        names = _named("organization_name", service.organization.name if service.organization else {}) | cells
        service.organization = owners.named(names["organization_name_kk"], names["organization_name_ru"])
    for name, cell in cells.items():
        _write_cell(service, name, cell)


def _write_cell(service: Service, name: str, cell: str) -> None:
    if name in ("kind", "needs_guardian", "source"):
        setattr(service, name, cell)
    elif name == "cost":
        service.cost = cell or None
    elif name in ("minimum_age", "maximum_age"):
        setattr(service, name, int(cell) if cell else None)
    elif name in ("takes_handovers", "always_open"):
        setattr(service, name, cell == "yes")
    elif name in ("languages", "concerns"):
        setattr(service, name, _parts(cell))
    elif name in ("name_kk", "name_ru", "description_kk", "description_ru"):
        field, language = name.split("_")
        setattr(service, field, {**getattr(service, field), language: cell})
    elif name in _WRITE_PARTS:
        _WRITE_PARTS[name](service, cell)


def _write_phones(service: Service, cell: str) -> None:
    public = [Phone(number=number) for number in _parts(cell)]
    # A private number is in no file: it stays.
    service.phones = public + [kept for kept in service.phones if kept.private]
    for position, kept in enumerate(service.phones):
        kept.position = position


def _write_regions(service: Service, cell: str) -> None:
    wanted = set(_parts(cell))
    service.nationwide = NATIONWIDE in wanted
    wanted.discard(NATIONWIDE)
    kept = [area for area in service.areas if area.region in wanted]
    added = sorted(wanted - {area.region for area in kept})
    service.areas = kept + [ServiceArea(region=region) for region in added]


def _write_schedules(service: Service, cell: str) -> None:
    service.schedules = [
        Schedule(rrule=h.rule, opens_at=h.opens, closes_at=h.closes, valid_from=h.start, valid_to=h.end)
        for h in _all_hours(cell)
    ]


_WRITE_PARTS = {"phones": _write_phones, "regions": _write_regions, "schedules": _write_schedules}


def _mark(session: Session, service: Service, action: str, actor: str, at: datetime) -> None:
    """A draft that staff have to verify and publish, and that no seed touches."""
    service.status = Status.DRAFT
    service.edited = True
    service.verified_on = service.verified_by = None
    audit.record(session, at=at, actor=actor, action=action, subject=f"service:{service.id}")
