"""The columns of a table of services: each cell has one written form, in which files and the directory are compared."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache, lru_cache
from uuid import UUID

from content.model import LOCALES, load_taxonomy
from content.regions import all_regions
from referrals.directory.facts import (
    LANGUAGES,
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    OLDEST_SERVED,
    HoursFacts,
    checked_number,
)
from referrals.directory.models import Kind, NeedsGuardian, Schedule, Service
from referrals.directory.rules import check_rule

# In `regions`: the whole country.
NATIONWIDE = "KZ"
REQUIRED = ("organization_name_kk", "organization_name_ru", "name_kk", "name_ru", "kind")
_YES = frozenset(("yes", "true", "1", "да", "иә"))
_NO = frozenset(("no", "false", "0", "нет", "жоқ", ""))
# Spreadsheets run a cell that begins so; the full-width forms are taken for the same by some of them.
FORMULA = re.compile(r"[\s']*[=+\-@＝＋－＠]")
_QUOTED = re.compile(r"'[\s']*[=+\-@＝＋－＠]")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]|[\ud800-\udfff]")
# A rule holds semicolons itself, so what ends one schedule is its hours.
_SCHEDULE = re.compile(
    r"\s*(?P<rule>[^@]+)@(?P<opens>\d{1,2}:\d\d)-(?P<closes>\d{1,2}:\d\d)"
    r"(?:\[(?P<start>[\d-]*)\.\.(?P<end>[\d-]*)\])?\s*(?:;|$)"
)


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


def parts(cell: str) -> list[str]:
    """What stands between the semicolons."""
    return [part.strip() for part in cell.split(";") if part.strip()]


def _text(limit: int, *, required: bool = False) -> Callable[[str], str]:
    def check(cell: str) -> str:
        if required and not cell:
            raise ValueError("is empty; write it in this language too")
        if len(cell) > limit:
            raise ValueError(f"has {len(cell)} characters; shorten it to {limit}")
        return cell

    return check


def _one_of(known: Iterable[str], default: str | None = None) -> Callable[[str], str]:
    words = tuple(map(str, known))

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
        return ";".join(sorted({check(part) for part in parts(cell)}))

    return check_all


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
    if not re.fullmatch(r"[0-9]{1,2}", cell) or int(cell) > OLDEST_SERVED:
        raise ValueError(f"{cell!r} is not an age; write whole years from 0 to {OLDEST_SERVED}")
    return str(int(cell))


def _yes_or_no(cell: str) -> str:
    if cell.lower() in _YES:
        return "yes"
    if cell.lower() in _NO:
        return "no"
    raise ValueError(f"{cell!r} is not understood; write yes or no")


def _phones(cell: str) -> str:
    return ";".join(dict.fromkeys(_phone(part) for part in parts(cell)))


def _phone(written: str) -> str:
    try:
        return checked_number(written)
    except ValueError as error:
        raise ValueError(f"{written!r}: {error}") from None


# -- hours: FREQ=WEEKLY;BYDAY=MO,TU@09:00-18:00[2026-06-01..2026-08-31]


def hours_cell(hours: Iterable[HoursFacts | Schedule]) -> str:
    """Hours as they stand in a cell."""
    return ";".join(sorted({_written_hours(one) for one in hours}))


def _written_hours(one: HoursFacts | Schedule) -> str:
    days = f"[{one.valid_from or ''}..{one.valid_to or ''}]" if one.valid_from or one.valid_to else ""
    return f"{one.rrule.upper()}@{one.opens_at:%H:%M}-{one.closes_at:%H:%M}{days}"


@lru_cache(maxsize=1024)
def hours_of_cell(cell: str) -> tuple[HoursFacts, ...]:
    """A cell as hours; raises ValueError with a sentence."""
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


def _hours(part: re.Match[str]) -> HoursFacts:
    rule = part["rule"].strip().upper().rstrip(";")
    check_rule(rule)
    try:
        opens, closes = (_clock(part[name]) for name in ("opens", "closes"))
        start, end = (date.fromisoformat(part[name]) if part[name] else None for name in ("start", "end"))
    except ValueError:
        raise ValueError(
            f"{part.group().strip()!r} has hours or days that do not exist; write 09:00-18:00, and 00:00 for midnight"
        ) from None
    return HoursFacts(rrule=rule, opens_at=opens, closes_at=closes, valid_from=start, valid_to=end)


def _clock(written: str) -> time:
    return datetime.strptime(written, "%H:%M").time()  # noqa: DTZ007 # a clock on a wall


_CHECKS: dict[str, Callable[[str], str]] = {
    "id": _identity,
    "organization_name_kk": _text(LONGEST_NAME, required=True),
    "organization_name_ru": _text(LONGEST_NAME, required=True),
    "name_kk": _text(LONGEST_NAME, required=True),
    "name_ru": _text(LONGEST_NAME, required=True),
    "description_kk": _text(LONGEST_DESCRIPTION),
    "description_ru": _text(LONGEST_DESCRIPTION),
    "kind": _one_of(Kind),
    "phones": _phones,
    "regions": _list_of(_region),
    "languages": _list_of(_one_of(LANGUAGES)),
    "minimum_age": _age,
    "maximum_age": _age,
    "concerns": _list_of(_concern),
    "cost": _text(40),
    "needs_guardian": _one_of(NeedsGuardian, NeedsGuardian.UNKNOWN.value),
    "takes_handovers": _yes_or_no,
    "always_open": _yes_or_no,
    "schedules": lambda cell: hours_cell(hours_of_cell(cell)),
    "source": _text(400),
}
COLUMNS = tuple(_CHECKS)


def checked(row: Row) -> tuple[dict[str, str], list[LineError]]:
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
    if CONTROL.search(cell):
        raise ValueError("it has characters that no text has; type it anew")
    return _CHECKS[name](cell)


# -- a service as cells


def cells_of(service: Service) -> dict[str, str]:
    """A service in the columns of a table; nothing private is in it."""
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
        "schedules": hours_cell(service.schedules),
        "source": service.source.strip(),
    }  # fmt: skip


def _named(column: str, names: Mapping[str, str]) -> dict[str, str]:
    return {f"{column}_{locale}": names.get(locale, "").strip() for locale in LOCALES}


def _lenient(number: str) -> str:
    """A number in its one form, or as somebody once wrote it."""
    try:
        return checked_number(number)
    except ValueError:
        return number.strip()
