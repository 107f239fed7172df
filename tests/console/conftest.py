"""A desk on SQLite with two organisations."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.desk import Desk
from tests.referrals.handovers import office


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with office(tmp_path) as house:
        house.add("Invented", concerns=["bullying"])
        house.add("Second")
        yield Desk(house)
