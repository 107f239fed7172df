"""What every page of the console shares: headers, templates, languages, and refusing foreign forms."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from content.model import Label, Locale, load_catalogue
from content.regions import region_name
from referrals.directory.hours import KAZAKHSTAN
from referrals.wording import LANGUAGES, catalogue

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": with it browsers send no origin along with a form, and that is what forms are checked by.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
LARGEST_FORM = 65_536
LARGEST_FILE, FILE_PATH = 8_000_000, "/directory/import"
LANGUAGE_COOKIE = "janymda_language"
_TEMPLATES = Path(__file__).parent / "templates"


def new_token() -> str:
    return secrets.token_urlsafe(32)


def language_of(request: Request) -> str:
    """The page's language: as chosen, else what the browser prefers among ours; Kazakh else."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    for part in request.headers.get("accept-language", "").split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return "kk"


@cache
def _environment(language: str) -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, extensions=["jinja2.ext.i18n"]
    )
    made.install_gettext_translations(catalogue(language), newstyle=True)  # type: ignore[attr-defined] # by the extension
    made.filters["local"] = _local
    return made


def _local(at: datetime, form: str) -> str:
    """A time as the clock on the staff's wall shows it: Kazakhstan has one zone."""
    return at.astimezone(KAZAKHSTAN).strftime(form)


@cache
def _labels() -> dict[str, Label]:
    return load_catalogue().labels


def named(language: str, prefix: str, code: str | None) -> str:
    """A code of the child's answers in the words that the child saw; the code itself where it has none."""
    if not code:
        return "–"
    locale: Locale = "kk" if language == "kk" else "ru"
    if prefix == "region":
        return region_name(code, locale)
    found = _labels().get(f"{prefix}_{code.replace('-', '_')}")
    return found.text(locale) if found and language != "en" else code.replace("_", " ")


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page in the reader's language."""
    language = language_of(request)
    shared = {
        "visit": None, "language": language, "named": partial(named, language), "catalogue_of": catalogue,
    }  # fmt: skip
    html = _environment(language).get_template(template).render(**{**shared, **values})
    return HTMLResponse(html, status_code=status)


def gone(request: Request) -> Response:
    """For what is not there, not yours, used or expired: always the same page."""
    return page(request, "gone.html", 404)


def is_ours(request: Request, form_token: object, expected: str) -> bool:
    """Was this form sent from a page of ours, by the one it was shown to?"""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.url.netloc}":
        return False
    return isinstance(form_token, str) and hmac.compare_digest(form_token, expected)


class SecurityHeaders:
    """Sets the headers on every answer, errors included, and refuses bodies that are too large."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
                ]
            await send(message)

        # A body that does not say how long it is has no end that could be trusted.
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        most = LARGEST_FILE if scope["path"] == FILE_PATH else LARGEST_FORM
        known = length.isascii() and length.isdigit() and "transfer-encoding" not in headers
        if not known or int(length) > most:
            await Response(status_code=413)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)
