"""The console's web application, and its process."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from referrals.console.answer import AnswerPages
from referrals.console.web import SecurityHeaders, gone, page
from referrals.crypto import PASSPHRASE, Hardness

_STATIC = Path(__file__).parent / "static"


def console_app(
    sessions: Callable[[], Session], now: Callable[[], datetime], *, secure: bool, hardness: Hardness = PASSPHRASE
) -> Starlette:
    """Every page there is. `secure`: it is reached by https, so that cookies never travel without."""

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok")

    async def missing(request: Request, error: Exception) -> Response:
        return gone(request)

    async def failed(request: Request, error: Exception) -> Response:
        return page(request, "failed.html", 500)

    return Starlette(
        routes=[
            Route("/health", health),
            Mount("/static", StaticFiles(directory=_STATIC)),
            *AnswerPages(sessions, now, secure, hardness).routes(),
        ],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={404: missing, 405: missing, 500: failed},
    )
