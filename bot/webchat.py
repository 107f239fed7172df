"""The local chat page: the whole of Janymda without a Telegram account, on the same turn."""

import json
import secrets
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.interface import PAGE_WORDS, translate
from bot.log import log
from bot.messages import Answer, Incoming, Kind, Outgoing
from bot.turn import Turn
from bot.voice import ALWAYS
from content.model import LOCALES, Catalogue
from content.render import label

PAGE = Path(__file__).parent / "web"
COOKIE = "janymda_chat"
LARGEST_BODY = 64_000
_COMMANDS = frozenset(("start", "help", "sos", "back", "language", "hide", "erase", "stop"))
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class WebChat:
    """Serves the page and carries its messages; keeps nothing but the cookie's random name."""

    def __init__(self, turn: Turn, catalogue: Catalogue) -> None:
        self._turn = turn
        self._catalogue = catalogue

    def routes(self) -> list[Route]:
        return [
            Route("/", self.home),
            Route("/chat", self.page),
            Route("/chat/labels", self.labels),
            Route("/chat/message", self.message, methods=["POST"]),
            Route("/chat/{name}", self.asset),
        ]

    async def home(self, request: Request) -> Response:
        return RedirectResponse("/chat", headers=_HEADERS)

    async def page(self, request: Request) -> Response:
        """The page. Every load is a new chat: a page that is closed leaves nothing to come back to."""
        response = FileResponse(PAGE / "chat.html", headers=_HEADERS)
        response.set_cookie(COOKIE, secrets.token_urlsafe(24), httponly=True, samesite="strict", path="/chat")
        return response

    async def asset(self, request: Request) -> Response:
        """The style and the script, by name; nothing else is a file."""
        name = request.path_params["name"]
        if name not in ("chat.css", "chat.js"):
            return Response(status_code=404, headers=_HEADERS)
        return FileResponse(PAGE / name, headers=_HEADERS)

    async def labels(self, request: Request) -> Response:
        """The words on the page itself, in both languages."""
        words = {
            locale: {name: label(self._catalogue, name, locale) for name in ALWAYS}
            | {name: translate(words, locale) for name, words in PAGE_WORDS.items()}
            for locale in LOCALES
        }
        return JSONResponse(words, headers=_HEADERS)

    async def message(self, request: Request) -> Response:
        """One message or press of the page -> the replies."""
        address = request.cookies.get(COOKIE)
        if not address or len(address) > 64 or not _same_site(request):
            return _refused(403, "Open /chat first: this chat is not known here.")
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return _refused(413, "The message is too long: send at most 4,096 characters.")
        try:
            incoming = read(json.loads(await request.body()), address)
        except (ValueError, KeyError, TypeError, RecursionError):
            return _refused(400, 'The body must be JSON with "id" and one of "text", "button", "command".')
        answer = await self._turn.handle(incoming)
        return JSONResponse(as_json(answer), headers=_HEADERS)


def read(body: Any, address: str) -> Incoming:
    """Check what the page sent; raises ValueError, KeyError or TypeError."""
    update = body["id"]
    if not isinstance(update, str) or not 8 <= len(update) <= 64 or not update.isascii():
        raise ValueError("id")
    kinds = {"text": Kind.TEXT, "button": Kind.BUTTON, "command": Kind.COMMAND}
    name = next(name for name in (*kinds, "") if name in body)
    value = body[name]
    if not isinstance(value, str) or len(value) > 16_384:
        raise ValueError(name)
    if name == "command" and value not in _COMMANDS:
        raise ValueError("command")
    kind, text = kinds[name], value
    if kind is Kind.TEXT and value.strip().removeprefix("/") in _COMMANDS and value.startswith("/"):
        kind, text = Kind.COMMAND, value.strip().removeprefix("/")
    hint = body.get("language")
    return Incoming(
        address=f"web:{address}",
        update=f"web:{update}",
        kind=kind,
        text=text,
        hint=hint if hint in ("kk", "ru") else None,
    )


def as_json(answer: Answer) -> dict[str, Any]:
    """What the page shows."""
    return {
        "messages": [_message(message) for message in answer.messages],
        "hide": answer.hide,
        "notice": answer.notice,
    }


def _message(message: Outgoing) -> dict[str, Any]:
    return {
        "key": message.key,
        "text": message.text,
        "buttons": [{"label": b.label, "token": b.token} for b in message.buttons],
        # The page has buttons of its own for these; it takes from them in which language the talk is.
        "controls": [b.label for b in message.controls],
        "contact": {"number": message.contact.number, "name": message.contact.name} if message.contact else None,
    }


def _same_site(request: Request) -> bool:
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _refused(status: int, sentence: str) -> Response:
    log("web_refused", status=status)
    return JSONResponse({"error": sentence}, status_code=status, headers=_HEADERS)
