"""The console's web application: every page there is, and what all of them share."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from referrals.console import auth, cases, directory, figures, files, handing, trail
from referrals.console.answer import AnswerPages
from referrals.console.api import api_routes
from referrals.console.visit import House, Page, route_of
from referrals.console.web import SecurityHeaders, gone, page
from referrals.crypto import PASSPHRASE, PASSWORD, Hardness, Sealer

_STATIC = Path(__file__).parent / "static"
# The staff's pages. The order matters: a fixed path comes before one with a name in it.
PAGES: tuple[Page, ...] = (
    *auth.PAGES,
    *files.PAGES,
    *directory.PAGES,
    *cases.PAGES,
    *handing.PAGES,
    *figures.PAGES,
    *trail.PAGES,
)


def console_app(
    sessions: Callable[[], Session],
    now: Callable[[], datetime],
    sealer: Sealer,
    *,
    secure: bool,
    hardness: Hardness = PASSPHRASE,
    password: Hardness = PASSWORD,
    pins: Callable[[], Mapping[str, str]] = dict,
) -> Starlette:
    """Every page there is. `secure`: it is reached by https, so that cookies never travel without.

    `pins` gives the fingerprints of the keys that something may be sealed to.
    """
    house = House(sessions, now, sealer, secure, password, hardness, pins)

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
            # For everybody: it holds what is published and nothing else.
            Mount("/api", routes=api_routes(sessions, now)),
            *AnswerPages(sessions, now, secure, hardness).routes(),
            *(route_of(one, house) for one in PAGES),
        ],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={404: missing, 405: missing, 500: failed},
    )
