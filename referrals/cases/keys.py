"""An organisation's key: made once, wrapped by its passphrase, recoverable from paper, retired when replaced."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from referrals import audit
from referrals.cases.models import OrganizationKey
from referrals.crypto import PASSPHRASE, Hardness, fingerprint, new_key_pair, new_recovery_code, unwrap_key, wrap_key

SHORTEST_PASSPHRASE = 16


class WeakPassphrase(Exception):
    """The passphrase is too short; the message says how long it must be."""


@dataclass(frozen=True)
class NewKey:
    """What its maker has to see once: the fingerprint to compare, the code to print."""

    fingerprint: str
    recovery_code: str


def make_key(
    session: Session, organization_id: UUID, passphrase: str, actor: str, at: datetime, hardness: Hardness = PASSPHRASE
) -> NewKey:
    """A new key pair; older ones open what was sealed to them, and nothing new is. Raises WeakPassphrase."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise WeakPassphrase(f"A passphrase has at least {SHORTEST_PASSPHRASE} characters: four or five words.")
    pair, code = new_key_pair(), new_recovery_code()
    for old in session.scalars(
        select(OrganizationKey).where(
            OrganizationKey.organization_id == organization_id, OrganizationKey.retired_at.is_(None)
        )
    ):
        old.retired_at = at
    session.add(
        OrganizationKey(
            organization_id=organization_id,
            public_key=pair.public,
            wrapped=wrap_key(pair.private, passphrase, hardness),
            recovery=wrap_key(pair.private, code, hardness),
            created_at=at,
        )
    )
    audit.record(session, at=at, actor=actor, action="key_made", subject=f"organization:{organization_id}")
    return NewKey(fingerprint(pair.public), code)


def open_key(key: OrganizationKey, secret: str, hardness: Hardness = PASSPHRASE) -> bytes:
    """The private half, by the passphrase; raises SealBroken when it is wrong."""
    return unwrap_key(key.wrapped, secret, hardness)


def recover_key(key: OrganizationKey, code: str, passphrase: str, hardness: Hardness = PASSPHRASE) -> None:
    """Wrap the key under a new passphrase with the code from the paper; raises SealBroken."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise WeakPassphrase(f"A passphrase has at least {SHORTEST_PASSPHRASE} characters: four or five words.")
    private = unwrap_key(key.recovery, code.strip().upper(), hardness)
    key.wrapped = wrap_key(private, passphrase, hardness)
