"""The one door into the dialogue: a message or a button comes in, replies and the new state go out."""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from components import action_check

TOKEN_HEADER = "X-Janymda-Token"
LONGEST_TEXT = 1_000


class DialogueInput(InputChannel):
    """Rasa's REST channel with what that one lacks for us.

    It asks for a token (Rasa's own channel has none), insists on a sender, keeps text and button
    apart so that no text is ever read as a command, answers 500 when something failed (Rasa's own
    answers 200 and nothing), and tells how the message was read and where the conversation stands.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    @classmethod
    def name(cls) -> str:
        return "janymda"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> DialogueInput:
        token = os.environ.get("JANYMDA_RASA_TOKEN", "")
        if len(token) < 32:
            raise ValueError("JANYMDA_RASA_TOKEN must hold at least 32 characters")
        action_check.install()
        return cls(token)

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        door = Blueprint("janymda_dialogue", "janymda_dialogue")

        @door.middleware("request")
        async def check_token(request: Request) -> HTTPResponse | None:
            shown = request.headers.get(TOKEN_HEADER, "")
            if request.method != "GET" and not hmac.compare_digest(shown, self._token):
                return response.empty(status=403)
            return None

        @door.route("/", methods=["GET"])
        async def health(request: Request) -> HTTPResponse:
            return response.json({"status": "ok"})

        @door.route("/converse", methods=["POST"])
        async def converse(request: Request) -> HTTPResponse:
            return await _answered(_converse(request, on_new_message))

        @door.route("/read", methods=["POST"])
        async def read(request: Request) -> HTTPResponse:
            return await _answered(_parse(request))

        return door


async def _answered(work: Awaitable[dict[str, Any]]) -> HTTPResponse:
    """What the work gives; 400 for a body that is not ours, 500 for everything else that fails.

    Whatever it is, its text may carry the child's words: the bot only needs to know that it must
    answer by itself.
    """
    try:
        return response.json(await work)
    except BadBody:
        return response.empty(status=400)
    except Exception:  # whatever it was, its message may quote a child: the bot only learns that it failed
        return response.empty(status=500)


class BadBody(Exception):
    """A request that our own bot never makes."""


async def _converse(request: Request, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> dict[str, Any]:
    try:
        message, collector = _read(request.json)
    except (KeyError, TypeError, ValueError) as error:
        raise BadBody from error
    await on_new_message(message)
    tracker = await request.app.ctx.agent.tracker_store.retrieve(message.sender_id)
    return {"messages": [m["custom"] for m in collector.messages if "custom" in m]} | _state(tracker)


async def _parse(request: Request) -> dict[str, Any]:
    try:
        text = _text(request.json["text"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadBody from error
    return {"nlu": _reading(await request.app.ctx.agent.parse_message(text))}


def _text(value: Any) -> str:
    """A child's text; never one that could be read as a command."""
    if not isinstance(value, str) or value.startswith("/") or len(value) > LONGEST_TEXT:
        raise ValueError("text")
    return value


def _read(body: Any) -> tuple[UserMessage, CollectingOutputChannel]:
    """Make Rasa's message of ours: either `text`, or `intent` with `entities`."""
    sender = body["sender"]
    if not isinstance(sender, str) or not sender:
        raise ValueError("sender")
    button = f"/{body.get('intent')}{json.dumps(body.get('entities') or {})}"
    text = button if "intent" in body else _text(body["text"])
    collector = CollectingOutputChannel()
    metadata = body.get("metadata") or {}
    return (
        UserMessage(text, collector, sender, input_channel="janymda", metadata=metadata),
        collector,
    )


def _state(tracker: DialogueStateTracker) -> dict[str, Any]:
    """Where the conversation stands and how its last message was read; never its text."""
    read = tracker.latest_message.parse_data if tracker.latest_message else {}
    return {
        "slots": {
            name: slot.value
            for name, slot in tracker.slots.items()
            if slot.value is not None and name != "session_started_metadata"
        },
        "form": tracker.active_loop_name,
        "nlu": _reading(read),
    }


def _reading(read: dict[str, Any]) -> dict[str, Any]:
    """How a message was read."""
    concern = read.get("concern") or read.get("intent") or {}
    return {
        "intent": (read.get("intent") or {}).get("name"),
        "concern": concern.get("name"),
        "confidence": concern.get("confidence", 0.0),
        "danger": read.get("danger", 0.0),
    }
