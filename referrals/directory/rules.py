"""Rules of days, after iCalendar: only those from which opening hours can be told quickly and without a mistake."""

import re
from datetime import datetime, timedelta
from functools import lru_cache

from dateutil.rrule import rrulestr

# Hours are counted from the day before, so "every second week" and "ten times" would tell a child something wrong.
PARTS = frozenset(("FREQ", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS", "WKST", "UNTIL"))
# A rule of seconds would keep the search busy for minutes.
_FREQUENCIES = frozenset(("DAILY", "WEEKLY", "MONTHLY", "YEARLY"))
_LETTERS = re.compile(r"[A-Z0-9=;,+-]{1,200}")
# From a leap year on, so that a rule of the 29th of February has its day.
_FIRST_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 # as the directory's hours: without a zone
_A_YEAR = timedelta(days=400)


@lru_cache(maxsize=1024)
def check_rule(rule: str) -> None:
    """Raises ValueError, with a sentence for the staff, for what is no rule of days or never comes."""
    pairs = {name: value for name, _, value in (part.partition("=") for part in rule.split(";"))}
    known = set(pairs) <= PARTS and pairs.get("FREQ") in _FREQUENCIES and _LETTERS.fullmatch(rule)
    try:
        days = rrulestr(rule, dtstart=_FIRST_DAY) if known else None
        # One that has ended is still a rule; one that never comes is a mistake.
        comes = days is not None and (
            "UNTIL" in pairs or bool(days.between(_FIRST_DAY, _FIRST_DAY + _A_YEAR, inc=True))
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        comes = False
    if not comes:
        raise ValueError(
            f"{rule!r} is not a rule of days; write one like FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR "
            f"and use only {', '.join(sorted(PARTS))}"
        )
