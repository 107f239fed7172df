"""A file that somebody gave us, as rows: CSV, a workbook or HSDS-shaped JSON. It may hold anything."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from openpyxl import load_workbook  # type: ignore[import-untyped] # it carries no types
from openpyxl.worksheet.formula import ArrayFormula, DataTableFormula  # type: ignore[import-untyped] # the same

from content.model import LOCALES
from referrals.directory.exchange.columns import COLUMNS, NATIONWIDE, REQUIRED, Row

MAX_BYTES = 20_000_000
MAX_UNPACKED_BYTES = 100_000_000
MAX_ROWS = 20_000
_MAX_COLUMNS = 64


class TableError(Exception):
    """A file that cannot be read as a table of services; the message says why, and what to do."""


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
    if isinstance(cell, ArrayFormula | DataTableFormula):
        return "=formula"
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
        rows.append(Row(line, dict(zip(names, padded, strict=False)), faults if any(cells[len(names) :]) else ()))
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
    return Row(number, {name: cells.get(name, "") for name in COLUMNS if name in cells or name in REQUIRED})


def _json_names(column: str, given: Mapping[str, str]) -> dict[str, str]:
    return {f"{column}_{locale}": str(given.get(locale, "")).strip() for locale in LOCALES}


def _json_hours(given: Mapping[str, Any]) -> str:
    start, end = (given.get(name) or "" for name in ("valid_from", "valid_to"))
    return f"{given['rrule']}@{given['opens_at'][:5]}-{given['closes_at'][:5]}[{start}..{end}]"
