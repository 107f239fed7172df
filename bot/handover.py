"""The bot's side of a hand-over: own words, Send, and what a receipt opens. None of it passes through Rasa."""

import asyncio
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.actions.handover import preview
from bot.facts import age_of_band
from bot.log import log
from bot.messages import Effect, Reply
from bot.state import State, Step
from referrals import audit, throttle
from referrals.cases import followup, handing, intake, lifecycle, receipts, retention
from referrals.cases.models import Case, Referral, ReferralState
from referrals.cases.routing import Choice, Need, choices, still_takes
from referrals.crypto import RECEIPT, RECEIPT_DIGITS, Hardness, Sealer, new_receipt, receipt_keys
from referrals.db import writing
from referrals.directory.models import Organization

Sessions = Callable[[], Session]
# How long a receipt can be shown again, and a case stays open in the chat, after the last touch.
SHOWN_SECONDS = 30 * 60
# Stretching a receipt takes 64 MB and a tenth of a second: so many at once.
_AT_ONCE = 2
_RECEIPT = re.compile(rf"(?<!\d)\d(?:[ \-\u00a0]?\d){{{RECEIPT_DIGITS - 1}}}(?!\d)")
_LINES: dict[str, Any] = {"contacts": ["150", "111"]}


def find_receipt(text: str) -> str | None:
    """The sixteen digits in a message, however they are grouped."""
    found = _RECEIPT.search(text)
    return re.sub(r"\D", "", found.group()) if found else None


def asks_own_words(state: State) -> bool:
    """Is the child just asked for its own words, or for a name that must not reach Rasa?"""
    return state.step.form == "handover_form" and state.step.slots.get("requested_slot") in (
        "handover_words",
        "handover_excluded_done",
    )


@dataclass
class _Shown:
    receipt: str
    until: float


class Handovers:
    """What the bot does with hand-overs, each step in the turn's own transaction."""

    def __init__(
        self,
        sessions: Sessions,
        sealer: Sealer,
        pepper: bytes,
        pins: Callable[[], Mapping[str, str]],
        now: Callable[[], datetime],
        hardness: Hardness = RECEIPT,
    ) -> None:
        self._sessions = sessions
        self._sealer = sealer
        self._pepper = pepper
        self._pins = pins
        self._now = now
        self._hardness = hardness
        # Receipts are kept in memory only, so that nothing that can be stolen opens an answer.
        self._shown: dict[bytes, _Shown] = {}
        self._stretching = asyncio.Semaphore(_AT_ONCE)

    def forget(self, profile: bytes) -> None:
        """The chat is hidden, erased or left alone: its receipt is not shown again."""
        self._shown.pop(profile, None)

    # -- own words

    def keep_words(self, profile: bytes, state: State, text: str) -> Effect:
        """Seal the words into the draft."""
        at = self._now()

        def keep(session: Session) -> None:
            intake.keep_draft(session, self._sealer, profile, text, at)

        return keep

    def excluded_by_name(self, text: str) -> str | None:
        """An organisation of the directory that the child named as one that must not learn of it."""
        folded = text.casefold()
        with self._sessions() as session:
            for organization_id, names in session.execute(select(Organization.id, Organization.name)):
                if any(len(name) > 3 and name.casefold() in folded for name in names.values()):
                    return str(organization_id)
        return None

    # -- buttons

    async def press(self, press: dict[str, Any], token: str, profile: bytes, address: str, state: State) -> Reply:
        """One of the buttons that only the bot itself acts on."""
        do = press.get("do")
        if do == "send":
            return await self._send(press["handover"], token, profile, address, state)
        if do == "preview":
            shown = preview(press["handover"])
            state.step.replies = [shown]
            return Reply([shown])
        if do == "not_now":
            state.advance(_plain(state))
            return Reply([{"reply": "handover_not_now"}], effects=[self.drop_words(profile)])
        if do == "receipt":
            return self._show_again(profile)
        if do == "follow_up":
            return self._follow_up(press)
        if state.case is None or state.case != press.get("case"):
            return Reply([{"reply": "old_button"}])
        if do == "hand_on":
            return self._hand_on(press, state)
        if do == "words":
            state.writing = True
            return Reply([{"reply": "ask_more_words"}])
        return self._revoke(UUID(state.case))

    def drop_words(self, profile: bytes) -> Effect:
        """Forget own words that were not sent."""

        def drop(session: Session) -> None:
            intake.drop_draft(session, profile)

        return drop

    async def _send(self, handover: dict[str, Any], token: str, profile: bytes, address: str, state: State) -> Reply:
        """Send: routing once more, then everything in the turn's transaction."""
        chosen = await asyncio.to_thread(self._choices, handover)
        if not chosen:
            state.advance(_plain(state))
            return Reply([{"reply": "handover_nobody", **_LINES}], effects=[self.drop_words(profile)])
        if str(chosen[0].organization_id) != handover["order"][0]:
            order = {
                "order": [str(choice.organization_id) for choice in chosen],
                "names": [dict(choice.name) for choice in chosen],
            }
            shown = preview({**handover, **order})
            state.step.replies = [shown]
            return Reply([shown])
        receipt = new_receipt()
        async with self._stretching:
            keys = await asyncio.to_thread(receipt_keys, receipt, self._pepper, self._hardness)
        answers = intake.Answers(
            kind=handover["kind"], concern=handover["concern"], region=handover["region"],
            age_band=handover["age_band"], language=state.language or "kk", excluded=tuple(handover["excluded"]),
            contact_mode=handover["contact"], contact_when=handover["when"], danger=handover["danger"],
        )  # fmt: skip
        at = self._now()

        def send(session: Session) -> None:
            intake.send(
                session, self._sealer, profile=profile, address=address, answers=answers, chosen=chosen,
                token=token, receipt=keys, at=at,
            )  # fmt: skip

        # From here on the chat is like any other: nothing in it says that something was sent.
        state.step, state.history, state.buttons = _plain(state), [], {}
        state.handover = "sent"
        self._shown[profile] = _Shown(receipt, time.monotonic() + SHOWN_SECONDS)
        sent = {
            "reply": "handover_sent",
            "facts": {"number": grouped(receipt), "to": dict(chosen[0].name)},
            "buttons": [{"label": "show_receipt", "press": {"do": "receipt"}}],
        }
        return Reply([sent], effects=[send], instead={"reply": "handover_failed", **_LINES})

    def _choices(self, handover: dict[str, Any]) -> list[Choice]:
        """Who can take it now, in the order that the child chose."""
        band = handover["age_band"]
        need = Need(
            concern=handover["concern"],
            region=handover["region"],
            age=age_of_band(band),
            language="",
            gender=handover["gender"],
            excluded=tuple(handover["excluded"]),
        )
        with self._sessions() as session:
            found = choices(session, self._pins(), need, self._now())
        order = handover["order"]
        known = [choice for choice in found if str(choice.organization_id) in order]
        return sorted(known, key=lambda choice: order.index(str(choice.organization_id)))

    def _show_again(self, profile: bytes) -> Reply:
        shown = self._shown.get(profile)
        if shown is None or shown.until < time.monotonic():
            self.forget(profile)
            return Reply([{"reply": "old_button"}])
        return Reply([{"reply": "receipt_again", "facts": {"number": grouped(shown.receipt)}}])

    def _revoke(self, case_id: UUID) -> Reply:
        """Taken back at once while nobody has accepted it; else the organisation checks first that it is the child."""
        at = self._now()
        with self._sessions() as session:
            accepted = session.scalar(
                select(Referral.id).where(Referral.case_id == case_id, Referral.state == ReferralState.ACCEPTED)
            )

        def revoke(session: Session) -> None:
            case = session.get_one(Case, case_id)
            lifecycle.revoke(session, case, audit.CHILD, at, certain=accepted is None)

        return Reply([{"reply": "case_revoked" if accepted is None else "case_revoke_asked"}], effects=[revoke])

    def _hand_on(self, press: dict[str, Any], state: State) -> Reply:
        """May another organisation read it? Yes or no, once; what is withdrawn meanwhile is told as such."""
        # Both buttons are used up, here and in the other messages of this chat.
        state.buttons = {t: spec for t, spec in state.buttons.items() if spec.get("press", {}).get("do") != "hand_on"}
        yes, referral_id, at = press["yes"] is True, UUID(press["referral"]), self._now()
        over: dict[str, Any] = {"reply": "hand_on_over"}
        with self._sessions() as session:
            asked = session.get(Referral, referral_id)
            if asked is None or asked.state != ReferralState.ASKED:
                return Reply([over])
            if yes and not still_takes(session, self._pins(), asked, at):
                return Reply([over], effects=[partial(handing.give_up, referral_id=referral_id, at=at)])

        def decide(session: Session) -> None:
            handing.decide(session, referral_id, yes, at)

        said = {"reply": "hand_on_given" if yes else "hand_on_kept", "facts": {"name": press["name"]}}
        return Reply([said], effects=[decide], instead=over)

    def _follow_up(self, press: dict[str, Any]) -> Reply:
        """Better, the same, or worse: one tap."""
        how, case_id = press.get("how"), UUID(press["case"])

        def note(session: Session) -> None:
            case = session.get(Case, case_id)
            if case is not None:
                followup.record_answer(session, case, "helped", how == "better")

        key: dict[str, Any] = {"reply": "glad_better"} if how == "better" else {"reply": "not_better", **_LINES}
        return Reply([key], effects=[note])

    # -- with the receipt

    async def open(self, receipt: str, profile: bytes, state: State) -> Reply:
        """What the receipt opens; guessing is slowed for this chat alone."""
        who = hashlib.sha256(b"receipt" + profile).digest()
        if not await asyncio.to_thread(self._may_try, who):
            return Reply([{"reply": "receipt_wait"}])
        async with self._stretching:
            keys = await asyncio.to_thread(receipt_keys, receipt, self._pepper, self._hardness)
        status, case_id = await asyncio.to_thread(self._status, keys, who)
        if status is None:
            return Reply([{"reply": "receipt_unknown"}])
        state.case, state.writing = case_id, False
        replies: list[dict[str, Any]] = [{"reply": f"status_{status.state}", "facts": {"name": status.name}}]
        if status.state == "nobody":
            replies[0].update(_LINES)
        replies += [{"reply": "status_for_safety", "facts": {"name": name}} for name in status.told_for_safety]
        replies += [{"reply": "case_answer", "facts": {"answer": answer}} for answer in status.answers]
        if status.open:
            replies[-1]["buttons"] = [
                {"label": "add_words", "press": {"do": "words", "case": case_id}},
                {"label": "revoke", "press": {"do": "revoke", "case": case_id}},
            ]
        if status.question is not None:
            replies.append(_question(status.question, case_id))
        return Reply(replies)

    def _may_try(self, who: bytes) -> bool:
        with writing(self._sessions) as session:
            return throttle.may_try(session, who, self._now())

    def _status(self, keys: Any, who: bytes) -> tuple[receipts.Status | None, str]:
        with writing(self._sessions) as session:
            case = receipts.find_case(session, keys)
            if case is None:
                return None, ""
            throttle.succeeded(session, who)
            return receipts.read_status(session, case, keys, self._now()), str(case.id)

    def more_words(self, state: State, text: str) -> Reply:
        """The next words after "write more": sealed to the organisation, never sent to Rasa."""
        state.writing = False
        case_id, at = UUID(state.case or ""), self._now()

        def add(session: Session) -> None:
            case = session.get(Case, case_id)
            if case is None or not lifecycle.add_words(session, case, text, at):
                # It was closed in this very moment; the child is told so with the receipt.
                log("delivery_given_up", kind="case_closed")

        return Reply([{"reply": "words_added"}], effects=[add], instead={"reply": "handover_failed", **_LINES})

    # -- the end

    def unlink(self, session: Session, profile: bytes) -> None:
        """Erasing: nothing leads from a case to this chat any more."""
        retention.forget_profile(session, profile)


def _question(question: receipts.Question, case_id: str) -> dict[str, Any]:
    """Who has the case asks, with the name of the other: two buttons, and nothing happens without them."""
    press = {"do": "hand_on", "case": case_id, "referral": str(question.referral_id), "name": question.name}
    buttons = [{"label": f"hand_on_{name}", "press": {**press, "yes": name == "yes"}} for name in ("yes", "no")]
    return {"reply": "ask_hand_on", "facts": {"name": question.name}, "buttons": buttons}


def _plain(state: State) -> Step:
    """A step with nothing of a hand-over in it."""
    kept = ("age_band", "audience")
    return Step(slots={name: state.step.slots[name] for name in kept if name in state.step.slots})


def grouped(receipt: str) -> str:
    """Four by four, as it is read aloud."""
    return " ".join(receipt[i : i + 4] for i in range(0, len(receipt), 4))
