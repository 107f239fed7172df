"""An import: looked at first, then taken over whole or not at all, on the way that every edit goes.

What the file says of a published service waits for a second person; children read the old until then.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from content.model import LOCALES
from referrals.directory import editing
from referrals.directory.exchange.columns import (
    NATIONWIDE,
    REQUIRED,
    LineError,
    Row,
    cells_of,
    checked,
    hours_of_cell,
    parts,
)
from referrals.directory.facts import FactsWrong, PhoneFacts, ServiceFacts, check_facts, facts_of
from referrals.directory.models import Kind, NeedsGuardian, Organization, Service, Status

# Stands for an organisation that the import has yet to make.
_NOBODY_YET = UUID(int=0)


class ImportRefused(Exception):
    """An import that may not be taken over; the message says why, and what to do."""


@dataclass(frozen=True)
class Difference:
    """One field of a service, before and after."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Addition:
    """A service that the directory does not have yet; `lacks` says what keeps it from being published."""

    line: int
    service_id: UUID | None
    cells: Mapping[str, str]
    lacks: str = ""


@dataclass(frozen=True)
class Change:
    """A service that the directory has, and what the file says otherwise of it."""

    line: int
    service_id: UUID
    name: str
    was_published: bool
    differences: tuple[Difference, ...]
    lacks: str = ""


@dataclass(frozen=True)
class Preview:
    """What an import would do."""

    new: tuple[Addition, ...]
    changed: tuple[Change, ...]
    unchanged: tuple[int, ...]
    errors: tuple[LineError, ...]


@dataclass(frozen=True)
class Applied:
    """How many services an import made, and how many it asks to change."""

    new: int
    changed: int


# -- looking first


def preview(session: Session, rows: Sequence[Row]) -> Preview:
    """What these rows would make, change and leave alone, and every mistake in them."""
    known = _Known.of(all_services(session))
    new: list[Addition] = []
    changed: list[Change] = []
    unchanged: list[int] = []
    errors: list[LineError] = []
    seen: dict[object, int] = {}
    for row in rows:
        cells, faults = checked(row)
        service = None
        if not faults:
            service, faults = _match(row, cells, known, seen)
        if faults:
            errors += faults
            continue
        change = _look(row, cells, service)
        if isinstance(change, Addition):
            new.append(change)
        elif isinstance(change, Change):
            changed.append(change)
        elif isinstance(change, LineError):
            errors.append(change)
        else:
            unchanged.append(row.line)
    return Preview(tuple(new), tuple(changed), tuple(unchanged), tuple(errors))


def _look(row: Row, cells: Mapping[str, str], service: Service | None) -> Addition | Change | LineError | None:
    """What one row would do; None when it says what the directory says."""
    if service is None:
        _, lacks = _facts(cells, None, _NOBODY_YET)
        return Addition(row.line, UUID(cells["id"]) if cells.get("id") else None, cells, lacks)
    differences = _differences(service, cells)
    if not differences:
        return None
    _, lacks = _facts({part.field: part.after for part in differences}, facts_of(service), service.organization_id)
    published = service.status == Status.PUBLISHED
    if lacks and published:
        return LineError(row.line, f"Line {row.line}: {lacks}.")
    return Change(row.line, service.id, service.name.get("ru", ""), published, differences, lacks)


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
        Difference(name, before[name], cell)
        for name, cell in cells.items()
        if name != "id" and not _same(name, before[name], cell)
    )


def _same(name: str, before: str, after: str) -> bool:
    """An organisation is recognised by its name in any case, so its case alone is no difference."""
    if name.startswith("organization_name"):
        return before.casefold() == after.casefold()
    return before == after


def all_services(session: Session) -> Sequence[Service]:
    """Every service with its parts."""
    together = (Service.phones, Service.schedules, Service.areas, Service.locations, Service.organization)
    return session.scalars(select(Service).options(*(selectinload(part) for part in together))).all()


# -- cells as facts


def _facts(cells: Mapping[str, str], before: ServiceFacts | None, owner: UUID) -> tuple[ServiceFacts, str]:
    """A service as it would be with these cells, and what it lacks; columns that are not there stay as they are."""
    kept: dict[str, Any] = dict(before) if before else {"name": {}, "description": {}}
    values: dict[str, Any] = {**kept, **_values(cells, before), "organization_id": owner}
    for name in ("name", "description"):
        told = {locale: cells[f"{name}_{locale}"] for locale in LOCALES if f"{name}_{locale}" in cells}
        values[name] = {language: words for language, words in {**kept[name], **told}.items() if words}
    facts = ServiceFacts.model_construct(**values)
    try:
        return check_facts(facts.model_dump()), ""
    except FactsWrong as error:
        return facts, "; ".join(error.problems.values())


def _values(cells: Mapping[str, str], before: ServiceFacts | None) -> dict[str, Any]:
    """Cells in their one form as the values of facts."""
    values: dict[str, Any] = {}
    for name, cell in cells.items():
        if name in ("source", "kind", "needs_guardian"):
            values[name] = {"kind": Kind, "needs_guardian": NeedsGuardian}.get(name, str)(cell)
        elif name == "cost":
            values[name] = cell or None
        elif name in ("minimum_age", "maximum_age"):
            values[name] = int(cell) if cell else None
        elif name in ("takes_handovers", "always_open"):
            values[name] = cell == "yes"
        elif name in ("languages", "concerns"):
            values[name] = tuple(parts(cell))
        elif name == "schedules":
            values["hours"] = hours_of_cell(cell)
        elif name == "regions":
            values["nationwide"] = NATIONWIDE in parts(cell)
            values["regions"] = tuple(code for code in parts(cell) if code != NATIONWIDE)
        elif name == "phones":
            public = tuple(PhoneFacts.model_construct(number=number, private=False) for number in parts(cell))
            # A private number is in no file: it stays.
            values["phones"] = public + tuple(phone for phone in (before.phones if before else ()) if phone.private)
    return values


# -- taking over


def apply(session: Session, looked_at: Preview, actor: str, at: datetime) -> Applied:
    """Take over what was looked at, in the caller's transaction; raises ImportRefused, and the caller undoes it."""
    if looked_at.errors:
        raise ImportRefused(
            f"{len(looked_at.errors)} mistakes are in the file, so nothing of it was taken over. "
            f"Mend them and import it again. The first: {looked_at.errors[0].sentence}"
        )
    known = {service.id: service for service in all_services(session)}
    _refuse_outdated(looked_at, known)
    owners = _Owners(session)
    for addition in looked_at.new:
        cells = {"source": f"Import of {at:%Y-%m-%d}", **{name: cell for name, cell in addition.cells.items() if cell}}
        facts, lacks = _facts(cells, None, owners.named(cells["organization_name_kk"], cells["organization_name_ru"]))
        with _refused_with(addition.line):
            editing.draft_service(
                session, facts, actor, at, identity=addition.service_id or uuid4(), whole=not lacks
            )  # fmt: skip
    for change in looked_at.changed:
        service = known[change.service_id]
        cells = {part.field: part.after for part in change.differences}
        facts, lacks = _facts(cells, facts_of(service), _owner(service, cells, owners))
        with _refused_with(change.line):
            editing.propose_edit(session, service, facts, actor, at, whole=not lacks)
    session.flush()
    return Applied(len(looked_at.new), len(looked_at.changed))


def _owner(service: Service, cells: Mapping[str, str], owners: "_Owners") -> UUID:
    names = {f"organization_name_{locale}": service.organization.name.get(locale, "") for locale in LOCALES}
    if not set(names) & set(cells):
        return service.organization_id
    names |= cells
    return owners.named(names["organization_name_kk"], names["organization_name_ru"])


@contextmanager
def _refused_with(line: int) -> Iterator[None]:
    """A step that is refused refuses the whole import, with its line."""
    try:
        yield
    except editing.EditRefused as error:
        raise ImportRefused(f"Line {line}: {error} Nothing was taken over.") from None


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
        self._by_name: dict[tuple[str, str], UUID] = {}
        for organization in session.scalars(select(Organization).order_by(Organization.id)):
            names = (organization.name.get("kk", ""), organization.name.get("ru", ""))
            self._by_name.setdefault(self._key(*names), organization.id)

    def named(self, kazakh: str, russian: str) -> UUID:
        key = self._key(kazakh, russian)
        if key not in self._by_name:
            made = Organization(id=uuid4(), name={"kk": kazakh, "ru": russian})
            self._session.add(made)
            self._by_name[key] = made.id
        return self._by_name[key]

    @staticmethod
    def _key(kazakh: str, russian: str) -> tuple[str, str]:
        return kazakh.strip().casefold(), russian.strip().casefold()
