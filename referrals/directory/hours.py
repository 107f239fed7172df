"""Is it open now, and when does it open? HSDS schedules in Kazakhstan's time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from referrals.directory.models import Schedule, Service

# One time in the whole country since 1 March 2024; needs time zone data of 2024a or newer.
KAZAKHSTAN = ZoneInfo("Asia/Almaty")
_LOOK_AHEAD = timedelta(days=14)
_LOOK_BACK = timedelta(days=1)


class OpenState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Hours:
    """Whether a service is open at a moment; `opens_at` when it is closed and will open."""

    state: OpenState
    opens_at: datetime | None = None
    always: bool = False
    opens_today: bool = False


def hours_of(service: Service, at: datetime) -> Hours:
    """The hours of a service as seen at a moment (with its time zone)."""
    return hours_by(service.schedules, at, always_open=service.always_open)


def hours_by(schedules: Sequence[Schedule], at: datetime, *, always_open: bool) -> Hours:
    """The hours that these schedules make."""
    if always_open:
        return Hours(OpenState.OPEN, always=True)
    if not schedules:
        return Hours(OpenState.UNKNOWN)
    here = at.astimezone(KAZAKHSTAN)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    spans = sorted(
        span
        for one in schedules
        for span in _spans(one.rrule, one.opens_at, one.closes_at, one.valid_from, one.valid_to, midnight)
    )
    if any(opens <= here < closes for opens, closes in spans):
        return Hours(OpenState.OPEN)
    opens_at = next((opens for opens, _ in spans if opens > here), None)
    return Hours(OpenState.CLOSED, opens_at, opens_today=opens_at is not None and opens_at.date() == here.date())


# Hundreds of services keep the same office hours: a search asks for them once.
@lru_cache(maxsize=4096)
def _spans(
    rrule: str, opens_at: time, closes_at: time, valid_from: date | None, valid_to: date | None, midnight: datetime
) -> Sequence[tuple[datetime, datetime]]:
    """Opening and closing around a day; closing before opening means after midnight."""
    start = midnight - _LOOK_BACK
    days = rrulestr(rrule, dtstart=start).between(start, midnight + _LOOK_AHEAD, inc=True)
    spans = []
    for day in days:
        if valid_from and day.date() < valid_from:
            continue
        if valid_to and day.date() > valid_to:
            continue
        opens = _moment(day, opens_at)
        closes = _moment(day, closes_at)
        spans.append((opens, closes if closes > opens else closes + timedelta(days=1)))
    return spans


def _moment(day: datetime, clock: time) -> datetime:
    return datetime.combine(day.date(), clock, tzinfo=KAZAKHSTAN)
