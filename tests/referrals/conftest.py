"""An empty office on both databases that Janymda runs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Server, server
from tests.referrals.handovers import Office, office


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """On SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        with office(tmp_path) as made:
            yield made
    else:
        with office(request.getfixturevalue("postgres").database()) as made:
            yield made


@pytest.fixture
def sqlite_house(tmp_path: Path) -> Iterator[Office]:
    """For what is about SQLite's own files."""
    with office(tmp_path) as made:
        yield made
