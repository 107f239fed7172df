"""Invented organisations that take hand-overs, with keys, and hand-overs to them; for several tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from referrals.cases import intake
from referrals.cases.models import Case, NoticeAddress, OrganizationKey, Referral
from referrals.cases.routing import Need, choices
from referrals.crypto import (
    Hardness,
    KeyPair,
    Sealer,
    fingerprint,
    new_key_pair,
    new_receipt,
    pseudonym,
    receipt_keys,
    wrap_key,
)
from referrals.db import make_engine, migrate, session_factory, writing
from referrals.directory.models import Organization, Phone, Service, ServiceArea

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
PEPPER = b"p" * 32
# Guessing need not be slow in tests that do not look at it.
EASY = Hardness(memory=8, passes=1, lanes=1)
PASSPHRASE = "invented passphrase of an organisation"


@dataclass
class Office:
    """A database with organisations in it, and the private keys that only they hold."""

    sessions: Callable[[], Session]
    url: str
    sealer: Sealer = field(default_factory=lambda: Sealer(b"s" * 32))
    pins: dict[str, str] = field(default_factory=dict)
    keys: dict[UUID, KeyPair] = field(default_factory=dict)
    organizations: dict[str, UUID] = field(default_factory=dict)

    def add(self, name: str, *, region: str | None = "KZ35", at: datetime = NOW, **given: object) -> UUID:
        """An organisation with one service that takes hand-overs, a pinned key and an e-mail address."""
        organization = uuid4()
        pair = new_key_pair()
        ties = given.pop("ties", [])
        service: dict[str, object] = {
            "kind": "crisis_centre", "status": "published", "name": {"kk": name, "ru": name},
            "verified_on": at.date(), "takes_handovers": True, "nationwide": region is None,
            "areas": [ServiceArea(region=region)] if region else [],
            "phones": [Phone(number="0000 invented")], **given,
        }  # fmt: skip
        with writing(self.sessions) as session:
            session.add(Organization(id=organization, name={"kk": name, "ru": name}, ties=ties))
            session.flush()
            session.add(Service(organization_id=organization, **service))
            session.add(
                OrganizationKey(
                    organization_id=organization, public_key=pair.public, created_at=at,
                    wrapped=wrap_key(pair.private, PASSPHRASE, EASY), recovery=b"invented",
                )
            )  # fmt: skip
            session.add(
                NoticeAddress(
                    organization_id=organization, channel="mail", address=f"{name}@example.invalid", language="ru"
                )
            )
        self.pins[str(organization)] = fingerprint(pair.public)
        self.keys[organization] = pair
        self.organizations[name] = organization
        return organization

    def send(self, *, words: str | None = None, child: str = "telegram:1", at: datetime = NOW, **more: object) -> str:
        """A hand-over from beginning to end; gives the receipt."""
        answers: dict[str, object] = {
            "kind": "talk", "concern": "bullying", "region": "KZ35", "age_band": "11-13", "language": "ru",
            "excluded": (), "contact_mode": "here", "contact_when": "any", **more,
        }  # fmt: skip
        profile = pseudonym(PEPPER, child)
        receipt = new_receipt()
        with writing(self.sessions) as session:
            if words:
                intake.keep_draft(session, self.sealer, profile, words, at)
            given = intake.Answers(**answers)  # type: ignore[arg-type] # the test names them
            need = Need(given.concern, given.region, 12, given.language, excluded=given.excluded)
            sent = intake.send(
                session, self.sealer, profile=profile, address=child, answers=given,
                chosen=choices(session, self.pins, need, at), token=uuid4().hex,
                receipt=receipt_keys(receipt, PEPPER, EASY), at=at,
            )  # fmt: skip
            assert sent is not None
        return receipt

    def case(self, session: Session) -> Case:
        return session.query(Case).order_by(Case.opened_at.desc()).limit(1).one()

    def referral(self, session: Session, name: str) -> Referral:
        return session.query(Referral).filter_by(organization_id=self.organizations[name]).one()


@contextmanager
def office(url: str | Path) -> Iterator[Office]:
    """An empty office in this database (a URL, or a folder for SQLite)."""
    address = url if isinstance(url, str) else f"sqlite:///{url / 'office.db'}"
    engine = make_engine(address)
    migrate(engine)
    yield Office(session_factory(engine), address)
    engine.dispose()
