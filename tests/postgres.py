"""A real PostgreSQL server for tests: its own cluster in a temporary folder, gone afterwards."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from tests.conftest import free_port

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


class Server:
    """A running server that makes databases."""

    def __init__(self, port: int) -> None:
        self.port = port

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid4().hex}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def _address(self, name: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres dbname={name}"


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A server while the block runs; only on loopback, and only for this test."""
    binaries = _BINARIES[-1]
    cluster, port = folder / "cluster", free_port()
    cluster.mkdir()
    as_whom = _as_whom(folder, cluster)
    _run([*as_whom, binaries / "initdb", "-D", cluster, "-U", "postgres", "-A", "trust", "-E", "UTF8"])
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    _run([*as_whom, binaries / "pg_ctl", "-D", cluster, "-o", options, "-w", "start"])
    try:
        yield Server(port)
    finally:
        _run([*as_whom, binaries / "pg_ctl", "-D", cluster, "-m", "immediate", "stop"])


def _run(command: list[str | Path]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def _as_whom(folder: Path, cluster: Path) -> list[str]:
    """PostgreSQL refuses to run as root: then it runs as its own user."""
    if os.getuid() != 0:
        return []
    postgres = pwd.getpwnam("postgres")
    shutil.chown(cluster, postgres.pw_uid, postgres.pw_gid)
    for parent in (folder, *folder.parents):
        if parent.is_relative_to("/tmp") and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    return ["runuser", "-u", "postgres", "--"]
