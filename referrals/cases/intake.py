"""From a child's answers to a sealed hand-over: the draft, then sending, in the caller's transaction."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from referrals import audit
from referrals.cases import lifecycle
from referrals.cases.models import Case, Draft, Referral, ReferralState
from referrals.cases.routing import Choice, urgency_of
from referrals.crypto import (
    ReceiptKeys,
    Sealer,
    new_key_pair,
    referral_purpose,
    seal_to,
    token_digest,
)

DRAFT_KEPT = timedelta(minutes=60)
# Bytes: what still fits into the largest sealed size beside the other answers.
LONGEST_WORDS = 28_000
_KEY = 32
# Without vowels, so that no number spells a word; without what looks alike.
_NUMBER_LETTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"


@dataclass(frozen=True)
class Answers:
    """What the child chose, step by step."""

    kind: str
    concern: str
    region: str | None
    age_band: str | None
    language: str
    excluded: tuple[str, ...]
    contact_mode: str
    contact_when: str
    danger: bool = False


@dataclass(frozen=True)
class Sent:
    """A case that now exists."""

    number: str
    first_choice: Choice


# -- the draft: own words, before the decision


def keep_draft(session: Session, sealer: Sealer, profile: bytes, words: str, at: datetime) -> None:
    """Keep the child's own words, sealed, for at most an hour; more words are added to them."""
    before = read_draft(session, sealer, profile, at)
    text = f"{before}\n{words}" if before else words
    key = secrets.token_bytes(_KEY)
    context = _context(profile)
    drop_draft(session, profile)
    session.flush()
    session.add(
        Draft(
            profile=profile,
            sealed=Sealer(key).seal(text.encode()[:LONGEST_WORDS].decode(errors="ignore").encode(), context),
            wrapped_key=sealer.seal(key, context),
            expires_at=at + DRAFT_KEPT,
        )
    )


def read_draft(session: Session, sealer: Sealer, profile: bytes, at: datetime) -> str | None:
    """The words kept so far; None when there are none or their hour is over."""
    draft = session.get(Draft, profile)
    if draft is None or draft.expires_at <= at:
        return None
    context = _context(profile)
    return Sealer(sealer.open(draft.wrapped_key, context)).open(draft.sealed, context).decode()


def drop_draft(session: Session, profile: bytes) -> None:
    draft = session.get(Draft, profile)
    if draft is not None:
        session.delete(draft)


def _context(profile: bytes) -> str:
    return f"draft:{profile.hex()}"


# -- sending


def send(
    session: Session,
    sealer: Sealer,
    *,
    profile: bytes,
    address: str,
    answers: Answers,
    chosen: Sequence[Choice],
    token: str,
    receipt: ReceiptKeys,
    at: datetime,
) -> Sent | None:
    """Make the case, seal it to each chosen organisation, tell the first; the draft is gone.

    `token` is the one-time Send token: the same one again makes nothing and gives None. `address`
    is the way back to the chat, kept only where the child wants to hear of an answer there.
    """
    digest = token_digest(token)
    if session.scalar(select(Case.id).where(Case.send_token == digest)) is not None:
        return None
    words = read_draft(session, sealer, profile, at)
    reply = new_key_pair()
    case_id = uuid4()
    case = Case(
        id=case_id,
        number=_new_number(session),
        profile=profile,
        consent=True,
        send_token=digest,
        receipt=receipt.lookup,
        reply_key=reply.public,
        reply_wrapped=Sealer(receipt.key).seal(reply.private, f"reply:{case_id}"),
        relay=sealer.seal(_relay(address, answers), f"relay:{case_id}") if answers.contact_mode == "here" else None,
        concern=answers.concern,
        urgency=urgency_of(answers.concern, answers.danger).value,
        region=answers.region,
        age_band=answers.age_band,
        language=answers.language,
        contact_mode=answers.contact_mode,
        opened_at=at,
        touched_at=at,
    )
    session.add(case)
    content = json.dumps(_content(case, answers, words, at), ensure_ascii=False).encode()
    for rank, choice in enumerate(chosen):
        case.referrals.append(_referral(case, choice, rank, content))
    session.flush()
    lifecycle.start(session, case.referrals[0], at)
    drop_draft(session, profile)
    audit.record(session, at=at, actor=audit.CHILD, action="handover_sent", subject=f"case:{case.number}")
    return Sent(case.number, chosen[0])


def _referral(case: Case, choice: Choice, rank: int, content: bytes) -> Referral:
    return Referral(
        case_id=case.id,
        organization_id=choice.organization_id,
        service_id=choice.service_id,
        key_id=choice.key_id,
        rank=rank,
        state=ReferralState.WAITING,
        sealed=seal_to(choice.public_key, content, referral_purpose(case.id, choice.organization_id)),
    )


def _content(case: Case, answers: Answers, words: str | None, at: datetime) -> dict[str, Any]:
    """Exactly what the organisation gets; the child saw each of these lines before it pressed Send."""
    return {
        "version": 1,
        "number": case.number,
        "kind": answers.kind,
        "concern": answers.concern,
        "region": answers.region,
        "age_band": answers.age_band,
        "language": answers.language,
        "excluded": list(answers.excluded),
        "contact": {"mode": answers.contact_mode, "when": answers.contact_when},
        "words": words,
        "sent_at": at.isoformat(timespec="minutes"),
    }


def _relay(address: str, answers: Answers) -> bytes:
    return json.dumps(
        {
            "address": address,
            "language": answers.language,
            "age_band": answers.age_band,
            "when": answers.contact_when,
        }
    ).encode()


def _new_number(session: Session) -> str:
    while True:
        letters = "".join(secrets.choice(_NUMBER_LETTERS) for _ in range(8))
        number = f"{letters[:4]}-{letters[4:]}"
        if session.scalar(select(Case.id).where(Case.number == number)) is None:
            return number
