"""Rasa's custom actions, and the route through which Rasa calls them."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rasa_sdk import Action
from rasa_sdk.executor import ActionExecutor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.actions.caregiver import OpenCaregiver
from bot.actions.directory import (
    AskRegion,
    FindServices,
    Informed,
    LookNear,
    Sessions,
    ValidateWhereForm,
)
from bot.actions.disclosure import (
    AskConcern,
    AskConcernConfirmed,
    DescribeHelp,
    OfferHelp,
    TellHarm,
    ValidateConcernForm,
)
from bot.actions.handover import (
    AskExcluded,
    Desk,
    OpenHandover,
    Pins,
    PreviewHandover,
    ValidateHandoverForm,
    questions,
)
from bot.actions.onboarding import Onboarded, ValidateOnboardingForm
from bot.actions.rights import ExplainTopic
from bot.actions.safety import ImminentDanger
from bot.actions.session import ChangeLanguage, NotUnderstood, SessionStart
from bot.log import log

LARGEST_CALL = 2_000_000
# What a failing action answers instead: no event, so the conversation stays where it was.
_FAILED: dict[str, Any] = {
    "events": [],
    "responses": [{"custom": {"reply": "technical_problem"}, "text": None}],
}


def all_actions(sessions: Sessions, pins: Pins, now: Callable[[], datetime]) -> list[Action]:
    """Every action there is, each with what it needs."""
    find = FindServices(sessions, now)
    desk = Desk(sessions, pins, now)
    return [
        SessionStart(),
        ImminentDanger(),
        ValidateOnboardingForm(),
        Onboarded(),
        TellHarm(),
        ValidateConcernForm(),
        AskConcern(),
        AskConcernConfirmed(),
        OfferHelp(desk.is_open),
        DescribeHelp(desk.is_open),
        LookNear(),
        ValidateWhereForm(),
        AskRegion(),
        find,
        Informed(find),
        ExplainTopic(now, desk.is_open),
        OpenCaregiver(),
        ChangeLanguage(),
        NotUnderstood(find),
        OpenHandover(desk),
        ValidateHandoverForm(desk),
        AskExcluded(),
        *questions(),
        PreviewHandover(desk),
    ]


class ActionsEndpoint:
    """Runs the action that Rasa asks for.

    rasa-sdk's own server echoes the whole request, the child's words included, when an action
    fails. This one logs the class of the error and lets the child be answered all the same.
    """

    def __init__(
        self,
        sessions: Sessions,
        token: str,
        pins: Pins = dict,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._token = token
        self._executor = ActionExecutor()
        for action in all_actions(sessions, pins, now):
            self._executor.register_action(action)

    async def handle(self, request: Request) -> Response:
        """The route: token, size, then the action."""
        if not hmac.compare_digest(request.query_params.get("token", ""), self._token):
            return Response(status_code=403)
        if int(request.headers.get("content-length") or LARGEST_CALL + 1) > LARGEST_CALL:
            return Response(status_code=413)
        return JSONResponse(await self.run(await request.json()))

    async def run(self, call: dict[str, Any]) -> dict[str, Any]:
        """Run one call; never raises."""
        try:
            # None of our actions reads the domain; rasa-sdk insists on being given one.
            result = await self._executor.run({**call, "domain": {"actions": []}})
        except Exception as error:  # an action's failure must never silence the bot
            log("action_failed", action=str(call.get("next_action")), error=type(error).__name__)
            return _FAILED
        return result.model_dump() if result is not None else _FAILED
