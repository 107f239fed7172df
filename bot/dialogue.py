"""The Rasa client: a message goes in, replies and the new state come out, or it has failed."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from bot.log import log

TOKEN_HEADER = "X-Janymda-Token"
# After so many failures in a row Rasa is left alone for a while: nobody waits for what is down.
BREAKER_FAILURES = 3
BREAKER_SECONDS = 3.0
# Rasa works on one message at a time. More at once only make each of them late; the rest wait here,
# and when Rasa hangs they are answered without it as soon as the first ones have found out.
AT_ONCE = 6


class DialogueFailed(Exception):
    """Rasa is down, late, empty or broken; the bot answers by itself."""


@dataclass(frozen=True)
class Reading:
    """How the model read a message."""

    intent: str
    concern: str
    confidence: float
    danger: float


@dataclass(frozen=True)
class Said:
    """What Rasa answered and where the conversation stands now."""

    replies: tuple[dict[str, Any], ...]
    slots: dict[str, Any]
    form: str | None
    reading: Reading


class Dialogue:
    """Talks to Rasa over loopback; an empty, late or broken answer is a failure like any other."""

    def __init__(
        self,
        url: str | Callable[[], str],
        token: str,
        timeout: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url if callable(url) else lambda: url
        self._timeout = timeout
        self._clock = clock
        self._failures = 0
        self._closed_until = 0.0
        self._places = asyncio.Semaphore(AT_ONCE)
        # trust_env=False: a proxy in the environment must never see what a child writes.
        self._http = httpx.AsyncClient(
            timeout=timeout,
            trust_env=False,
            headers={TOKEN_HEADER: token},
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
        )

    async def converse(
        self,
        sender: str,
        *,
        text: str | None = None,
        intent: str | None = None,
        entities: dict[str, str] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> Said:
        """Send a text or a button's intent; raises DialogueFailed, never anything else."""
        body: dict[str, Any] = {"sender": sender, "metadata": metadata or {}}
        if intent is not None:
            body |= {"intent": intent, "entities": entities or {}}
        else:
            body["text"] = text
        async with self._places:
            if self._clock() < self._closed_until:
                raise DialogueFailed("resting")
            try:
                # httpx limits each step of a request; a child waits for all of them together.
                said = await asyncio.wait_for(self._ask(body), self._timeout)
            except Exception as error:
                self._count_failure(type(error).__name__)
                raise DialogueFailed(type(error).__name__) from None
            self._failures = 0
            return said

    async def read(self, text: str) -> Reading:
        """How a text is read, without holding a conversation; raises DialogueFailed."""
        if self._clock() < self._closed_until:
            raise DialogueFailed("resting")
        try:
            response = await self._http.post(f"{self._url()}/webhooks/janymda/read", json={"text": text})
            return _reading(response.raise_for_status().json()["nlu"])
        except Exception as error:
            raise DialogueFailed(type(error).__name__) from None

    async def _ask(self, body: dict[str, Any]) -> Said:
        response = await self._http.post(f"{self._url()}/webhooks/janymda/converse", json=body)
        if response.status_code != 200:
            raise ValueError(f"status {response.status_code}")
        return _read(response.json())

    def _count_failure(self, kind: str) -> None:
        self._failures += 1
        log("dialogue_failed", error=kind)
        if self._failures >= BREAKER_FAILURES:
            self._closed_until = self._clock() + BREAKER_SECONDS
            log("breaker_open", seconds=BREAKER_SECONDS)

    async def is_up(self) -> bool:
        """Does Rasa answer at all?"""
        try:
            response = await self._http.get(f"{self._url()}/webhooks/janymda/", timeout=1.0)
        except httpx.HTTPError:
            return False
        return response.status_code == 200

    async def close(self) -> None:
        await self._http.aclose()


def _read(body: Any) -> Said:
    """Check the shape of Rasa's answer; whatever does not fit is a failure."""
    replies = tuple(reply for reply in body["messages"] if isinstance(reply.get("reply"), str))
    if not replies:
        raise ValueError("no reply")
    return Said(
        replies=replies,
        slots=dict(body["slots"]),
        form=body["form"] if isinstance(body["form"], str) else None,
        reading=_reading(body["nlu"]),
    )


def _reading(nlu: Any) -> Reading:
    return Reading(
        intent=str(nlu["intent"] or ""),
        concern=str(nlu["concern"] or ""),
        confidence=float(nlu["confidence"] or 0.0),
        danger=float(nlu["danger"] or 0.0),
    )
