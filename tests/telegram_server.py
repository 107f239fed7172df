"""A Telegram of our own for tests: the Bot API's semantics, and every way in which it can fail.

Updates wait until a higher offset confirms them, and are handed out again until then. Each request
is checked against the published description of the API; what does not fit is kept in `violations`.
"""

import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

API = Path(__file__).parent / "telegram_api" / "bot-api.json"
TOKEN = "1234567890:AAinvented-token-for-tests-only-AAA"
LONGEST_POLL = 2.0


@dataclass(frozen=True)
class Fault:
    """How a request goes wrong: a status, a hang before the answer, or a broken line."""

    status: int = 0
    retry_after: int = 0
    hang: float = 0.0
    # The line breaks: before the request had its effect, or after.
    reset: str = ""


@dataclass
class Message:
    """A message in a chat, as a phone would show it."""

    id: int
    chat: int
    mine: bool
    text: str
    contact: str = ""
    markup: Any = None
    deleted: bool = False
    at: float = field(default_factory=time.time)

    @property
    def buttons(self) -> list[tuple[str, str]]:
        rows = (self.markup or {}).get("inline_keyboard", [])
        return [(b["text"], b.get("callback_data", "")) for row in rows for b in row]


class TelegramServer:
    """The server and the phones of the children on it."""

    def __init__(self, seed: int = 0) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.waiting: list[dict[str, Any]] = []
        self.messages: list[Message] = []
        # The same by chat and number: twenty phones look twenty times a second, over thousands of messages.
        self._chats: defaultdict[int, dict[int, Message]] = defaultdict(dict)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.violations: list[str] = []
        self.alerts: list[str] = []
        self.left: list[int] = []
        self.webhook: dict[str, Any] | None = None
        self.fault: Callable[[str, dict[str, Any]], Fault | None] = lambda method, fields: None
        self.blocked: set[int] = set()
        self._next_update = 700_000_000
        self._next_message = random.Random(seed).randint(10, 500)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator["TelegramServer"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()

    # -- what children do

    def give(self, **parts: Any) -> int:
        """Put an update into the queue; its number."""
        with self.changed:
            self._next_update += 1
            self.waiting.append({"update_id": self._next_update, **parts})
            self.changed.notify_all()
            return self._next_update

    def write(self, chat: int, text: str, **more: Any) -> int:
        """A child writes; the number of the update."""
        return self.give(message=self.message_of(chat, text=text, **more))

    def message_of(self, chat: int, language: str = "ru", **content: Any) -> dict[str, Any]:
        """A message of a child, as Telegram describes it."""
        with self.lock:
            self._next_message += 1
            number = self._next_message
            self._keep(Message(number, chat, False, str(content.get("text", ""))))
        return {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private", "first_name": "Invented"},
            "from": {
                "id": chat,
                "is_bot": False,
                "first_name": "Invented",
                "username": f"invented_{chat}",
                "language_code": language,
            },
            **content,
        }

    def press(self, chat: int, label: str) -> int:
        """A child presses the newest button with these words; raises LookupError."""
        with self.lock:
            for message in reversed(self.shown(chat)):
                for words, data in message.buttons:
                    if words == label:
                        return self.press_data(chat, message.id, data)
        raise LookupError(f"no button {label!r} in chat {chat}")

    def press_data(self, chat: int, number: int, data: str) -> int:
        return self.give(
            callback_query={
                "id": f"{random.getrandbits(60)}",
                "from": {"id": chat, "is_bot": False, "first_name": "Invented"},
                "chat_instance": "1",
                "data": data,
                "message": {
                    "message_id": number,
                    "date": int(time.time()),
                    "chat": {"id": chat, "type": "private"},
                },
            }
        )

    # -- what phones show

    def shown(self, chat: int) -> list[Message]:
        with self.lock:
            return [m for m in self._chats[chat].values() if not m.deleted]

    def said(self, chat: int) -> list[Message]:
        """What the bot has said in a chat and nobody has deleted."""
        return [m for m in self.shown(chat) if m.mine]

    def wait_for(self, condition: Callable[[], Any], seconds: float = 20.0) -> Any:
        """Wait until something is true; raises AssertionError."""
        end = time.monotonic() + seconds
        with self.changed:
            while not (value := condition()):
                left = end - time.monotonic()
                assert left > 0, "waited in vain"
                self.changed.wait(min(left, 0.1))
            return value

    def all_confirmed(self) -> bool:
        with self.lock:
            return not self.waiting

    # -- the Bot API

    def call(self, method: str, fields: dict[str, Any]) -> Any:
        """Carry out a request; returns its result or raises ApiError."""
        with self.changed:
            self.calls.append((method, fields))
            self.violations += check(method, fields)
            answer = getattr(self, f"_{method}", None)
            if answer is None:
                raise ApiError(404, f"Not Found: method {method} is not in this server")
            result = answer(**fields)
            self.changed.notify_all()
            return result

    def _getMe(self) -> dict[str, Any]:
        return {"id": 1234567890, "is_bot": True, "first_name": "Janymda", "username": "j_bot"}

    def _getUpdates(self, offset: int = 0, limit: int = 100, timeout: int = 0, **_: Any) -> Any:
        self.waiting = [u for u in self.waiting if u["update_id"] >= offset]
        self.changed.notify_all()
        end = time.monotonic() + min(timeout, LONGEST_POLL)
        while not self.waiting and time.monotonic() < end:
            self.changed.wait(end - time.monotonic())
        return self.waiting[:limit]

    def _sendMessage(self, chat_id: int, text: str, reply_markup: Any = None, **_: Any) -> Any:
        return self._send(chat_id, text, "", reply_markup)

    def _sendContact(self, chat_id: int, phone_number: str, first_name: str, reply_markup: Any = None, **_: Any) -> Any:
        return self._send(chat_id, first_name, phone_number, reply_markup)

    def _send(self, chat: int, text: str, contact: str, markup: Any) -> Any:
        if chat in self.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if not text or len(text) > 4096:
            raise ApiError(400, "Bad Request: message text is empty or too long")
        self._next_message += 1
        message = Message(self._next_message, chat, True, text, contact, markup)
        self._keep(message)
        return {
            "message_id": message.id,
            "date": int(message.at),
            "chat": {"id": chat, "type": "private"},
            "text": text,
        }

    def _editMessageReplyMarkup(self, chat_id: int, message_id: int, reply_markup: Any = None, **_: Any) -> Any:
        message = self._find(chat_id, message_id)
        if message is None:
            raise ApiError(400, "Bad Request: message to edit not found")
        if not message.mine:
            raise ApiError(400, "Bad Request: message can't be edited")
        if (message.markup or None) == (reply_markup or None):
            raise ApiError(
                400,
                "Bad Request: message is not modified: specified new message content and reply "
                "markup are exactly the same as a current content and reply markup of the message",
            )
        message.markup = reply_markup
        return {"message_id": message.id, "date": 1, "chat": {"id": chat_id, "type": "private"}}

    def _deleteMessages(self, chat_id: int, message_ids: list[int]) -> bool:
        for number in message_ids:
            message = self._find(chat_id, number)
            if message and time.time() - message.at < 48 * 3600:
                message.deleted = True
        return True

    def _answerCallbackQuery(self, callback_query_id: str, text: str = "", show_alert: bool = False) -> bool:
        if show_alert:
            self.alerts.append(text)
        return True

    def _leaveChat(self, chat_id: int) -> bool:
        self.left.append(chat_id)
        return True

    def _setMyCommands(self, commands: Any, **_: Any) -> bool:
        return True

    def _setWebhook(self, **fields: Any) -> bool:
        self.webhook = fields
        return True

    def _deleteWebhook(self, **_: Any) -> bool:
        self.webhook = None
        return True

    def _find(self, chat: int, number: int) -> Message | None:
        found = self._chats[chat].get(number)
        return None if found is None or found.deleted else found

    def _keep(self, message: Message) -> None:
        self.messages.append(message)
        self._chats[message.chat][message.id] = message


class ApiError(Exception):
    """An answer that is not ok."""

    def __init__(self, status: int, words: str, retry_after: int = 0) -> None:
        super().__init__(words)
        self.status, self.words, self.retry_after = status, words, retry_after


def _handler(server: TelegramServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: Any) -> None:
            """Nothing: the pytest output is for the tests."""

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:
                return self._break()  # The bot was killed while it spoke.
            path, _, method = self.path.rpartition("/")
            if path != f"/bot{TOKEN}":
                return self._answer(404, {"ok": False, "error_code": 404, "description": "?"})
            fields = _fields(method, body, self.headers.get("Content-Type", ""))
            fault = server.fault(method, fields)
            if fault and fault.hang:
                time.sleep(fault.hang)
            if fault and fault.reset == "before":
                return self._break()
            if fault and fault.status:
                return self._refuse(fault.status, "made to fail", fault.retry_after)
            try:
                result = server.call(method, fields)
            except ApiError as error:
                return self._refuse(error.status, error.words, error.retry_after)
            if fault and fault.reset == "after":
                return self._break()
            return self._answer(200, {"ok": True, "result": result})

        def _refuse(self, status: int, words: str, retry_after: int) -> None:
            body: dict[str, Any] = {"ok": False, "error_code": status, "description": words}
            if retry_after:
                body["parameters"] = {"retry_after": retry_after}
            self._answer(status, body)

        def _break(self) -> None:
            self.close_connection = True
            self.connection.close()

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # The bot was killed while it waited.

        def handle(self) -> None:
            try:
                super().handle()
            except (OSError, ValueError):
                self.close_connection = True

    return Handler


# -- the description of the API


@cache
def _api() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(API.read_text(encoding="utf-8"))
    return described


def _fields(method: str, body: bytes, kind: str) -> dict[str, Any]:
    """A request's fields: JSON as it is, or form fields turned into what the description says."""
    if "json" in kind:
        return dict(json.loads(body or b"{}"))
    given = {name: values[0] for name, values in parse_qs(body.decode(), True).items()}
    types = {f["name"]: f["types"] for f in _api()["methods"].get(method, {}).get("fields", [])}
    return {name: _typed(value, types.get(name, ["String"])) for name, value in given.items()}


def _typed(value: str, types: list[str]) -> Any:
    if types == ["String"]:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def check(method: str, fields: dict[str, Any]) -> list[str]:
    """What in a request does not fit the description of the API."""
    described = _api()["methods"].get(method)
    if described is None:
        return [f"{method}: there is no such method"]
    return _check_fields(method, fields, described.get("fields", []))


def _check_fields(place: str, given: dict[str, Any], described: list[dict[str, Any]]) -> list[str]:
    known = {part["name"]: part for part in described}
    faults = [f"{place}: unknown field {name}" for name in given.keys() - known.keys()]
    faults += [
        f"{place}: {name} is required" for name, part in known.items() if part.get("required") and name not in given
    ]
    for name in given.keys() & known.keys():
        faults += _check_value(f"{place}.{name}", given[name], known[name]["types"])
    return faults


_PLAIN = {"String": str, "Integer": int, "Boolean": bool, "Float": (int, float)}


def _check_value(place: str, value: Any, types: list[str]) -> list[str]:
    """Does a value fit one of these types? An object is looked into."""
    tried: list[list[str]] = []
    for kind in types:
        if kind.startswith("Array of "):
            if isinstance(value, list):
                inner = kind.removeprefix("Array of ")
                tried.append([f for v in value for f in _check_value(place, v, [inner])])
        elif kind in _PLAIN:
            right = isinstance(value, _PLAIN[kind])
            if right and not (kind == "Integer" and isinstance(value, bool)):
                tried.append([])
        elif isinstance(value, dict) and kind in _api()["types"]:
            tried.append(_check_object(place, value, kind))
    if not tried:
        return [f"{place}: {type(value).__name__} is none of {types}"]
    return min(tried, key=len)


def _check_object(place: str, value: dict[str, Any], kind: str) -> list[str]:
    described = _api()["types"][kind]
    if described.get("subtypes"):
        return _check_value(place, value, described["subtypes"])
    return _check_fields(f"{place}<{kind}>", value, described.get("fields", []))
