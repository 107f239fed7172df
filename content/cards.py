"""The card of a service: its facts in the child's words. What the staff see as the child's view is this very card."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from babel.dates import format_date

from content.model import Catalogue, Locale, Register
from content.render import render

_HOURS = {"open": "open_now", "closed": "closed_now"}
_GUARDIAN = {"yes": "guardian_needed", "no": "guardian_not_needed"}


def card_lines(
    catalogue: Catalogue, service: Mapping[str, Any], locale: Locale, register: Register | None
) -> dict[str, str]:
    """The lines of a service card by their names; a line without its fact is empty."""

    def phrase(key: str, **facts: str) -> str:
        return " ".join(render(catalogue, key, locale, register, facts))

    if service["hours"] == "closed" and service.get("opens_at"):
        at = datetime.fromisoformat(service["opens_at"])
        if service["opens_today"]:
            hours = phrase("opens_at", time=f"{at:%H:%M}")
        else:
            hours = phrase("opens_on", day=format_date(at, "EEEE", locale), time=f"{at:%H:%M}")
    else:
        hours = phrase(_HOURS.get(service["hours"], "hours_unknown"))
    return {
        "name": service["name"],
        "what": "\n".join(filter(None, (service.get("what"), service.get("address")))),
        "phone": ", ".join(service.get("phones") or ()),
        "hours": hours,
        "cost": phrase("cost_free") if service.get("free") else "",
        "guardian": phrase(_GUARDIAN.get(service["guardian"], "guardian_unknown")),
    }


def card(catalogue: Catalogue, service: Mapping[str, Any], locale: Locale, register: Register | None) -> str:
    """The whole card, as one message."""
    lines = card_lines(catalogue, service, locale, register)
    return "\n".join(render(catalogue, "service_card", locale, register, lines))
