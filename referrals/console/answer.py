"""A hand-over opened by a one-time link and the organisation's passphrase, without an account."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from referrals import audit, throttle
from referrals.cases import lifecycle
from referrals.cases.keys import open_key
from referrals.cases.models import (
    AnswerLink,
    Author,
    Disposition,
    OrganizationKey,
    Referral,
    ReferralState,
    RejectReason,
)
from referrals.console.web import gone, is_ours, new_token, page
from referrals.crypto import PASSPHRASE, Hardness, SealBroken, open_with, referral_purpose, token_digest
from referrals.db import writing
from referrals.wording import _

COOKIE = "janymda_answer"
# Codes that the pages show in words: marked here, looked up in the templates.
CODES = (
    _("in_progress"), _("accepted"), _("now"), _("high"), _("medium"), _("low"), _("child"), _("organization"),
    _("note"), _("no_capacity"), _("not_our_field"), _("not_our_region"), _("conflict_of_interest"),
    _("helped"), _("advised"), _("handed_on"),
)  # fmt: skip
OPEN_SECONDS = 30 * 60


@dataclass
class _Desk:
    """An opened hand-over: the private key is in this process's memory only, and not for long."""

    referral_id: UUID
    private: bytes
    form_token: str
    until: float


class AnswerPages:
    """The pages behind a link."""

    def __init__(
        self,
        sessions: Callable[[], Session],
        now: Callable[[], datetime],
        secure: bool,
        hardness: Hardness = PASSPHRASE,
    ) -> None:
        self._sessions = sessions
        self._now = now
        self._secure = secure
        self._hardness = hardness
        self._desks: dict[bytes, _Desk] = {}
        # Unwrapping a key takes 128 MB: one at a time.
        self._unwrapping = asyncio.Semaphore(1)

    def routes(self) -> list[Route]:
        return [
            Route("/answer", self.show, methods=["GET"]),
            Route("/answer", self.act, methods=["POST"]),
            Route("/answer/{token}", self.ask, methods=["GET"]),
            Route("/answer/{token}", self.unlock, methods=["POST"]),
        ]

    # -- the link

    async def ask(self, request: Request) -> Response:
        """The link was followed: the passphrase is asked for. A dead link is a page like any that is not there."""
        number = await asyncio.to_thread(self._number, request.path_params["token"])
        return gone(request) if number is None else page(request, "answer_locked.html", number=number, wrong=False)

    async def unlock(self, request: Request) -> Response:
        token = request.path_params["token"]
        number = await asyncio.to_thread(self._number, token)
        form = await request.form()
        if number is None or not is_ours(request, "", ""):
            return gone(request)
        async with self._unwrapping:
            opened = await asyncio.to_thread(self._open, token, str(form.get("passphrase", "")))
        if opened is None:
            return page(request, "answer_locked.html", 403, number=number, wrong=True)
        identity = new_token()
        self._desks[token_digest(identity)] = opened
        answer = RedirectResponse("/answer", status_code=303)
        answer.set_cookie(
            COOKIE,
            identity,
            max_age=OPEN_SECONDS,
            httponly=True,
            secure=self._secure,
            samesite="strict",
            path="/answer",
        )
        return answer

    def _number(self, token: str) -> str | None:
        """The case of a living link."""
        with self._sessions() as session:
            referral = self._referral(session, token)
            return referral.case.number if referral else None

    def _referral(self, session: Session, token: str) -> Referral | None:
        link = session.get(AnswerLink, token_digest(token))
        if link is None or link.used_at is not None or link.expires_at <= self._now():
            return None
        referral = session.get(Referral, link.referral_id)
        if referral is None or ReferralState(referral.state) not in lifecycle.READABLE:
            return None
        if referral.assigned_to is not None:
            # It is a person's with an account: a link is no way around need to know.
            return None
        return referral

    def _open(self, token: str, passphrase: str) -> _Desk | None:
        """Unwrap the key; the link is used up. Wrong tries are counted and slowed, for this organisation alone."""
        with writing(self._sessions) as session:
            referral = self._referral(session, token)
            if referral is None:
                return None
            who = hashlib.sha256(b"passphrase" + referral.organization_id.bytes).digest()
            subject, actor = f"case:{referral.case.number}", f"link:{referral.organization_id}"
            try:
                if not throttle.may_try(session, who, self._now()):
                    raise SealBroken("too many tries")
                private = open_key(session.get_one(OrganizationKey, referral.key_id), passphrase, self._hardness)
            except SealBroken:
                audit.record(
                    session, at=self._now(), actor=actor, action="case_opened", subject=subject,
                    outcome=audit.Outcome.DENIED,
                )  # fmt: skip
                return None
            throttle.succeeded(session, who)
            session.get_one(AnswerLink, token_digest(token)).used_at = self._now()
            audit.record(session, at=self._now(), actor=actor, action="case_opened", subject=subject)
            return _Desk(referral.id, private, new_token(), time.monotonic() + OPEN_SECONDS)

    # -- the opened hand-over

    def _desk(self, request: Request) -> _Desk | None:
        self._desks = {name: desk for name, desk in self._desks.items() if desk.until > time.monotonic()}
        return self._desks.get(token_digest(request.cookies.get(COOKIE, "")))

    async def show(self, request: Request) -> Response:
        desk = self._desk(request)
        if desk is None:
            return gone(request)
        return await self._page(request, desk)

    async def _page(self, request: Request, desk: _Desk, problem: str = "", status: int = 200) -> Response:
        shown = await asyncio.to_thread(self._read, desk)
        if shown is None:
            return gone(request)
        return page(
            request, "answer_case.html", status, form_token=desk.form_token, problem=problem,
            reasons=[reason.value for reason in RejectReason if reason is not RejectReason.NO_ANSWER],
            dispositions=[d.value for d in Disposition if d not in (Disposition.WITHDRAWN, Disposition.NOT_REACHED)],
            **shown,
        )  # fmt: skip

    def _read(self, desk: _Desk) -> dict[str, Any] | None:
        """What may be read now; None when the organisation has lost the case meanwhile. Each look is recorded."""
        with writing(self._sessions) as session:
            referral = session.get(Referral, desk.referral_id)
            if referral is None or referral.sealed is None or referral.assigned_to is not None:
                return None
            case = referral.case
            purpose = referral_purpose(case.id, referral.organization_id)
            try:
                content = json.loads(open_with(desk.private, referral.sealed, purpose))
                messages = [
                    {
                        "author": Author(m.author).value,
                        "text": open_with(
                            desk.private, m.to_organization, lifecycle.message_purpose(case, referral)
                        ).decode(),
                        "at": m.at.isoformat(sep=" ", timespec="minutes"),
                    }
                    for m in case.messages
                    if m.organization_id == referral.organization_id
                ]
            except SealBroken:
                # Swapped or altered in the database: an attack, and nobody is shown anything.
                audit.record(
                    session, at=self._now(), actor=audit.SYSTEM, action="alarm", subject=f"case:{case.number}",
                    outcome=audit.Outcome.FAILED, details={"what": "seal_broken"},
                )  # fmt: skip
                return None
            audit.record(
                session, at=self._now(), actor=f"link:{referral.organization_id}", action="case_read",
                subject=f"case:{case.number}",
            )  # fmt: skip
            return {
                "number": case.number, "state": referral.state, "urgency": case.urgency, "content": content,
                "messages": messages, "check_safely": case.check_safely,
            }  # fmt: skip

    async def act(self, request: Request) -> Response:
        """One step with the case, from a form of the opened page."""
        desk = self._desk(request)
        form = await request.form()
        if desk is None or not is_ours(request, form.get("form_token"), desk.form_token):
            return gone(request)
        do, text = str(form.get("do", "")), str(form.get("text", ""))
        try:
            await asyncio.to_thread(self._step, desk, do, text, str(form.get("choice", "")))
        except (lifecycle.NotPossible, ValueError) as error:
            return await self._page(request, desk, problem=str(error), status=400)
        if do in ("reject", "close"):
            return page(request, "answer_done.html")
        return RedirectResponse("/answer", status_code=303)

    def _step(self, desk: _Desk, do: str, text: str, choice: str) -> None:
        with writing(self._sessions) as session:
            referral = session.get_one(Referral, desk.referral_id)
            if referral.assigned_to is not None:
                raise lifecycle.NotPossible("This hand-over is assigned to somebody with an account.")
            actor, at = f"link:{referral.organization_id}", self._now()
            if do == "accept":
                lifecycle.accept(session, referral, actor, at)
            elif do == "reject":
                lifecycle.reject(session, referral, RejectReason(choice), actor, at)
            elif do == "close":
                lifecycle.close(session, referral, Disposition(choice), actor, at)
            elif do == "answer":
                lifecycle.answer(session, referral, text, actor, at)
            elif do == "note":
                lifecycle.note(session, referral, text, actor, at)
            else:
                raise lifecycle.NotPossible("There is no such step.")
