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

        @door.route("/", methods=["GET"])
        async def health(request: Request) -> HTTPResponse:
            return response.json({"status": "ok"})

        @door.route("/converse", methods=["POST"])
        async def converse(request: Request) -> HTTPResponse:
            if not hmac.compare_digest(request.headers.get(TOKEN_HEADER, ""), self._token):
                return response.empty(status=403)
            try:
                message, collector = _read(request.json)
            except (KeyError, TypeError, ValueError):
                return response.empty(status=400)
            try:
                await on_new_message(message)
                tracker = await request.app.ctx.agent.tracker_store.retrieve(message.sender_id)
                if tracker is None:
                    return response.empty(status=500)
            except Exception:
                # Whatever it is, its text may carry the child's words: the bot only needs to know
                # that it must answer by itself.
                return response.empty(status=500)
            return response.json(
                {"messages": [m["custom"] for m in collector.messages if "custom" in m]} | _state(tracker)
            )

        return door


def _read(body: Any) -> tuple[UserMessage, CollectingOutputChannel]:
    """Make Rasa's message of ours: either `text`, or `intent` with `entities`."""
    sender = body["sender"]
    if not isinstance(sender, str) or not sender:
        raise ValueError("sender")
    if "intent" in body:
        text = f"/{body['intent']}{json.dumps(body.get('entities') or {})}"
    else:
        text = body["text"]
        if not isinstance(text, str) or text.startswith("/") or len(text) > LONGEST_TEXT:
            raise ValueError("text")
    collector = CollectingOutputChannel()
    metadata = body.get("metadata") or {}
    return (
        UserMessage(text, collector, sender, input_channel="janymda", metadata=metadata),
        collector,
    )


def _state(tracker: DialogueStateTracker) -> dict[str, Any]:
    """Where the conversation stands and how its last message was read; never its text."""
    read = tracker.latest_message.parse_data if tracker.latest_message else {}
    concern = read.get("concern") or read.get("intent") or {}
    return {
        "slots": {
            name: slot.value
            for name, slot in tracker.slots.items()
            if slot.value is not None and name != "session_started_metadata"
        },
        "form": tracker.active_loop_name,
        "nlu": {
            "intent": (read.get("intent") or {}).get("name"),
            "concern": concern.get("name"),
            "confidence": concern.get("confidence", 0.0),
            "danger": read.get("danger", 0.0),
        },
    }
