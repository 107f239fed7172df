"""Opening hours as people read and type them: a line for each day, and iCalendar rules for what is not weekly."""

import re
from collections.abc import Mapping, Sequence
from datetime import time

from referrals.directory.facts import DAYS, HoursFacts

_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–—]\s*(\d{1,2}):(\d{2})")
_WEEKLY = re.compile(r"FREQ=WEEKLY;BYDAY=((?:MO|TU|WE|TH|FR|SA|SU)(?:,(?:MO|TU|WE|TH|FR|SA|SU))*)")


class HoursWrong(Exception):
    """A line of hours cannot be read; the message says how to write it."""


def week_of(hours: Sequence[HoursFacts]) -> tuple[dict[str, str], list[str]]:
    """Each day's hours as a line, and the rules that are no plain week."""
    week: dict[str, list[str]] = {day: [] for day in DAYS}
    others = []
    for one in hours:
        weekly = _WEEKLY.fullmatch(one.rrule)
        if weekly and one.valid_from is None and one.valid_to is None:
            for day in weekly.group(1).split(","):
                week[day].append(_span(one))
        else:
            others.append(f"{one.rrule} @ {_span(one)}")
    return {day: ", ".join(sorted(spans)) for day, spans in week.items()}, others


def hours_from(week: Mapping[str, str], others: str = "") -> list[HoursFacts]:
    """Hours from the lines of the days and of the rules; raises HoursWrong.

    Days with the same hours become one rule, as people would write it.
    """
    days_of: dict[tuple[time, time], list[str]] = {}
    for day in DAYS:
        for span in _spans(week.get(day, ""), day):
            days_of.setdefault(span, []).append(day)
    hours = [
        HoursFacts(rrule=f"FREQ=WEEKLY;BYDAY={','.join(days)}", opens_at=opens, closes_at=closes)
        for (opens, closes), days in sorted(days_of.items())
    ]
    for line in filter(None, (line.strip() for line in others.splitlines())):
        rule, _, told = line.partition("@")
        for opens, closes in _spans(told, line):
            try:
                hours.append(HoursFacts(rrule=rule.strip(), opens_at=opens, closes_at=closes))
            except ValueError:
                raise HoursWrong(
                    f"“{line}” cannot be read; write it like FREQ=MONTHLY;BYDAY=1MO @ 10:00-13:00"
                ) from None
    return hours


def _span(hours: HoursFacts) -> str:
    return f"{hours.opens_at:%H:%M}–{hours.closes_at:%H:%M}"


def _spans(line: str, place: str) -> list[tuple[time, time]]:
    found = []
    for part in filter(None, (part.strip() for part in line.split(","))):
        match = _SPAN.fullmatch(part)
        try:
            assert match is not None
            first, second, third, fourth = (int(number) for number in match.groups())
            found.append((time(first, second), time(third, fourth)))
        except (AssertionError, ValueError):
            raise HoursWrong(f"{place}: “{part}” cannot be read; write the hours like 09:00-18:00") from None
    if not found and "@" in place:
        raise HoursWrong(f"“{place}” has no hours; write them behind the @, like 10:00-13:00")
    return found
