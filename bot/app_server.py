"""Serving a web application on a port of this machine, for as long as a block runs."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette


class NotReady(Exception):
    """Janymda cannot start; the message says what to do."""


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: stopping is decided in one place."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: Starlette, host: str, port: int) -> AsyncIterator[int]:
    """Serve while the block runs; gives the port (a free one for 0)."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise NotReady(f"Port {port} on {host} is taken. Stop the other program, or set JANYMDA_PORT.") from error
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="off",
        timeout_graceful_shutdown=2, timeout_keep_alive=75, h11_max_incomplete_event_size=16_384,
    )  # fmt: skip
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():  # noqa: ASYNC110 uvicorn tells it only by this flag
        await asyncio.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
