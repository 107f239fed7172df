"""Where conversations end: counted by step and month, with nothing of whose they were or of what.

An end is noted in the sealed state when a conversation is hidden or was left for half an hour, which costs the turn
nothing. The chores count it later, when nobody writes any more, and forget the place where the child stood.

Every end has a number within its conversation, and the row knows how many were counted: so a turn and the chores, or
the chores of two processes, that see the same end at once count it once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.log import log
from bot.state import IDLE_SECONDS, State
from bot.storage import Conversation, state_context
from referrals import tallies
from referrals.crypto import SealBroken, Sealer
from referrals.directory.hours import KAZAKHSTAN

# So many conversations in one transaction: the rest waits for the next half minute.
_AT_ONCE = 500
# Which step a reply belongs to, by how its key begins; none of them tells a concern.
_STEP_OF: tuple[tuple[str, str], ...] = (
    ("ask_handover", "handover"), ("handover_", "handover"), ("ask_language", "language"), ("ask_audience", "who"),
    ("ask_age_band", "age"), ("ask_region", "region"), ("region_", "region"), ("ask_concern", "concern"),
    ("told_", "concern"), ("confirm_", "confirm"), ("steps_", "help_offered"), ("choice_", "help_offered"),
    ("helped_check", "help_offered"), ("help_card", "numbers"),
    ("help_now", "numbers"), ("hotlines", "numbers"), ("human_", "numbers"), ("help_", "help_described"),
    ("services_", "services"), ("service_", "services"), ("no_services", "services"), ("national_", "services"),
    ("crisis_centre", "services"), ("rights_", "rights"), ("cg_", "caregiver"), ("caregiver_", "caregiver"),
    ("not_understood", "not_understood"), ("introduced", "greeting"), ("onboarded", "greeting"),
    ("limits_told", "greeting"), ("greeted", "greeting"), ("noted", "greeting"),
)  # fmt: skip


def step_of(state: State) -> str | None:
    """Where a conversation stands, as it is counted; None when nothing was said since the last end."""
    if state.danger:
        return "danger"
    if state.step.form == "handover_form":
        return "handover"
    if not state.step.replies:
        return "sent" if state.handover == "sent" else "handover" if state.handover else None
    return _step_of_key(str(state.step.replies[-1]["reply"]))


def _step_of_key(key: str) -> str:
    return next((step for beginning, step in _STEP_OF if key.startswith(beginning)), "other")


def forget(state: State, at: datetime) -> State:
    """What stays of a conversation that ends now, with its end noted."""
    fresh, step = state.forgotten(), step_of(state)
    if step is None:
        return fresh
    fresh.endings += 1
    month = f"{at.astimezone(KAZAKHSTAN):%Y-%m}"
    end = {"number": fresh.endings, "month": month, "step": step, "handover": state.handover}
    fresh.ended = [*state.ended, end]
    return fresh


def count_idle(session: Session, sealer: Sealer, at: datetime) -> int:
    """Count the ends of conversations that nobody has written in for half an hour; returns how many.

    The place where the child stood is forgotten with it, whether the child comes back or not.
    """
    idle = select(Conversation).where(
        Conversation.open, Conversation.seen_at <= at - timedelta(seconds=IDLE_SECONDS)
    )  # fmt: skip
    count = 0
    for row in session.scalars(idle.limit(_AT_ONCE).with_for_update(skip_locked=True)).all():
        row.open = False
        context = state_context(row.profile)
        try:
            state = State.load(sealer.open(row.state, context))
        except SealBroken:
            log("seal_broken", kind="conversation")
            continue
        fresh = forget(state, row.seen_at)
        count += _tally(session, fresh.ended, row.counted)
        # Without its moment the child's next message would not be known as one after a pause.
        row.counted, fresh.ended, fresh.seen_at = fresh.endings, [], state.seen_at
        row.state = sealer.seal(fresh.dump(), context)
    return count


def count_erased(session: Session, profile: bytes, ended: Sequence[dict[str, Any]]) -> None:
    """Count at once what will not be there later. That it cannot be counted keeps no child from erasing."""
    try:
        with session.begin_nested():
            row = session.get(Conversation, profile, with_for_update=True)
            _tally(session, ended, row.counted if row is not None else 0)
    except Exception as error:
        log("count_failed", error=type(error).__name__)


def _tally(session: Session, ended: Sequence[dict[str, Any]], counted: int) -> int:
    new = [end for end in ended if end["number"] > counted]
    for end in new:
        tallies.add(session, end["month"], tallies.ENDED, end["step"])
        if end["handover"]:
            tallies.add(session, end["month"], tallies.HANDOVER, end["handover"])
    return len(new)
