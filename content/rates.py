"""Amounts that the law counts in monthly calculation indices."""

from decimal import Decimal
from functools import cache

from content.model import CONTENT
from content.yaml_files import read_yaml


@cache
def _rates() -> dict[int, Decimal]:
    content = read_yaml(CONTENT / "rates.yaml")
    return {int(year): Decimal(rate["tenge"]) for year, rate in content["mci"].items()}


def mci(year: int) -> Decimal | None:
    """The index of a year in tenge; None when it is not known."""
    return _rates().get(year)
