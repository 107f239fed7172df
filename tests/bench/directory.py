"""The directory at size: an import of 5,000 services, and a search among 20,000, on SQLite and PostgreSQL.

The peer of the search is one lookup of a service by its identifier in the same run, the least a database can do.
"""

import csv
import gc
import io
import itertools
import random
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path
from time import perf_counter
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from content.model import load_taxonomy
from content.regions import all_regions
from referrals.console.records import services
from referrals.db import make_engine, migrate, session_factory, writing
from referrals.directory.exchange.reading import read_table
from referrals.directory.exchange.taking import apply, preview
from referrals.directory.models import Organization, Phone, Schedule, Service, ServiceArea
from referrals.directory.search import find_services
from tests.postgres import server

IMPORTED, IMPORT_TARGET_SECONDS = 5_000, 60.0
SEARCHED, SEARCH_TARGET_MS, SEARCHES = 20_000, 30.0, 300
NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
_HEADER = (
    "organization_name_kk",
    "organization_name_ru",
    "name_kk",
    "name_ru",
    "kind",
    "phones",
    "regions",
    "schedules",
)


def _table() -> bytes:
    schedule = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR@09:00-18:00"
    regions = all_regions()
    rows = [
        (f"Ұйым {n % 700}", f"Организация {n % 700}", f"Орталық {n}", f"Центр {n}", "crisis_centre",
         f"+7 7172 12 {n // 100:02} {n % 100:02};150", f"{regions[n % 20]};{regions[n % 7]}", schedule)
        for n in range(IMPORTED)
    ]  # fmt: skip
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_HEADER, *rows])
    return text.getvalue().encode()


def _import_seconds(sessions: Callable[[], Session]) -> float:
    started = perf_counter()
    with sessions() as session:
        looked_at = preview(session, read_table(_table(), "csv"))
    with writing(sessions) as session:
        apply(session, looked_at, "staff:bench", NOW)
    return perf_counter() - started


def _fill(sessions: Callable[[], Session]) -> list[UUID]:
    """Services all over the country, as many as a country might have at most; their identifiers.

    The objects go: a server does not hold twenty thousand of them for Python to walk through in the middle of a search.
    """
    chance, regions, concerns = random.Random(5), all_regions(), list(load_taxonomy().concerns)
    owners = [Organization(name={"kk": f"Ұйым {n}", "ru": f"Организация {n}"}) for n in range(500)]
    made = [
        Service(
            organization=owners[n % 500], kind="crisis_centre", status="published", verified_on=NOW.date(),
            name={"kk": f"Орталық {n}", "ru": f"Центр {n}"}, concerns=chance.sample(concerns, 3),
            schedules=[_office_hours(n)], areas=[ServiceArea(region=chance.choice(regions))],
            phones=[Phone(number=f"+7 7172 {n:06}")],
        )
        # Together with the imported ones as many as are searched.
        for n in range(SEARCHED - IMPORTED)
    ]  # fmt: skip
    with writing(sessions) as session:
        session.add_all(made)
    return [service.id for service in made]


def _office_hours(n: int) -> Schedule:
    """Of a few hundred kinds, as they are found in life."""
    opens, closes = time(7 + n % 4, 15 * (n % 4)), time(16 + n % 5, 10 * (n % 6))
    return Schedule(rrule=("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "FREQ=DAILY")[n % 2], opens_at=opens, closes_at=closes)


def _p95(work: Callable[[Session, int], object], sessions: Callable[[], Session]) -> float:
    taken = []
    for number in range(SEARCHES):
        with sessions() as session:
            started = perf_counter()
            work(session, number)
            taken.append((perf_counter() - started) * 1000)
    return sorted(taken)[int(len(taken) * 0.95)]


def _measure(name: str, engine: Engine) -> None:
    migrate(engine)
    sessions = session_factory(engine)
    took = _import_seconds(sessions)
    print(f"{name:<11} import of {IMPORTED} services   {took:6.1f} s   target {IMPORT_TARGET_SECONDS:.0f} s")
    made = _fill(sessions)
    with engine.begin() as connection:
        # Databases count what they hold by themselves, but not within a second.
        connection.exec_driver_sql("ANALYZE")
    gc.collect()
    regions, concerns = itertools.cycle(all_regions()), itertools.cycle(load_taxonomy().concerns)
    lookup = _p95(lambda session, n: session.get(Service, made[n * 50]), sessions)
    words = _p95(lambda session, n: services(session, words=f"центр {n * 61}"), sessions)
    child = _p95(
        lambda session, n: find_services(session, region=next(regions), concern=next(concerns), age=13, at=NOW),
        sessions,
    )
    for what, found in (("staff's search", words), ("child's search", child)):
        print(
            f"{name:<11} {what} among {SEARCHED}   p95 {found:6.1f} ms   {found / lookup:6.1f} x a lookup   "
            f"target {SEARCH_TARGET_MS:.0f} ms"
        )


def main() -> None:
    """Both databases, SQLite first; PostgreSQL where one is installed."""
    with tempfile.TemporaryDirectory() as folder:
        _measure("SQLite", make_engine(f"sqlite:///{Path(folder) / 'bench.db'}"))
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as postgres:
        _measure("PostgreSQL", make_engine(postgres.database()))


if __name__ == "__main__":
    main()
