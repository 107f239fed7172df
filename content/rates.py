"""Amounts that the law counts in monthly calculation indices."""

from decimal import Decimal
from functools import cache

import yaml

from content.model import CONTENT


@cache
def _rates() -> dict[int, Decimal]:
    content = yaml.safe_load((CONTENT / "rates.yaml").read_text("utf-8"))
    return {int(year): Decimal(rate["tenge"]) for year, rate in content["mci"].items()}


def mci(year: int) -> Decimal | None:
    """The index of a year in tenge; None when it is not known."""
    return _rates().get(year)
