"""Is it open now, and when does it open? HSDS schedules in Kazakhstan's time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
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
    if service.always_open:
        return Hours(OpenState.OPEN, always=True)
    if not service.schedules:
        return Hours(OpenState.UNKNOWN)
    here = at.astimezone(KAZAKHSTAN)
    spans = sorted(span for schedule in service.schedules for span in _spans(schedule, here))
    if any(opens <= here < closes for opens, closes in spans):
        return Hours(OpenState.OPEN)
    opens_at = next((opens for opens, _ in spans if opens > here), None)
    return Hours(OpenState.CLOSED, opens_at, opens_today=opens_at is not None and opens_at.date() == here.date())


def _spans(schedule: Schedule, here: datetime) -> Sequence[tuple[datetime, datetime]]:
    """Opening and closing around a moment; closing before opening means after midnight."""
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    start = midnight - _LOOK_BACK
    days = rrulestr(schedule.rrule, dtstart=start).between(start, midnight + _LOOK_AHEAD, inc=True)
    spans = []
    for day in days:
        if schedule.valid_from and day.date() < schedule.valid_from:
            continue
        if schedule.valid_to and day.date() > schedule.valid_to:
            continue
        opens = _moment(day, schedule.opens_at)
        closes = _moment(day, schedule.closes_at)
        spans.append((opens, closes if closes > opens else closes + timedelta(days=1)))
    return spans


def _moment(day: datetime, clock: time) -> datetime:
    return datetime.combine(day.date(), clock, tzinfo=KAZAKHSTAN)
