"""An invented Janymda to look around in: organisations, staff, hand-overs. Nothing is true, and all of it says so."""

import random
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pyotp
from sqlalchemy.orm import Session

from content.regions import all_regions
from referrals import people
from referrals.cases import followup, intake, lifecycle
from referrals.cases.keys import make_key
from referrals.cases.models import Disposition, Referral, RejectReason
from referrals.cases.routing import Need, choices
from referrals.crypto import Sealer, new_receipt, pseudonym, receipt_keys
from referrals.directory.models import Organization, Phone, Service, ServiceArea
from referrals.permissions import OF_AN_ORGANIZATION, Role
from referrals.pins import pin, read_pins
from referrals.settings import Settings

# For the demo's own database only: whoever looks around has to know them.
PASSWORD = "four invented demo words"  # printed for everybody, on purpose
PASSPHRASE = "invented passphrase of the demo"
# Of the last three months (what ended before is erased), and of the last hour: those wait in the demo's inbox.
ENDED, WAITING = 60, 9
_NAMES = (
    ("Ойдан шығарылған «Пана» орталығы", "Выдуманный центр «Пана»"),
    ("Ойдан шығарылған «Қолдау» қоры", "Выдуманный фонд «Колдау»"),
    ("Ойдан шығарылған «Сенім» қызметі", "Выдуманная служба «Сенім»"),
)
_ORIGIN = "invented for the demo"
_CONCERNS = (("bullying", 5), ("physical_violence", 4), ("sadness", 3), ("family_conflict", 3), ("neglect", 1))
_WORDS = ("Выдуманные слова: меня дразнят в классе.", "Ойдан шығарылған сөз: үйге барғым келмейді.", None)


@dataclass(frozen=True)
class Account:
    """How somebody of the demo logs in; each code works once."""

    id: UUID
    role: str
    email: str
    secret: str
    codes: tuple[str, ...]

    @property
    def actor(self) -> str:
        """Its name in the audit trail."""
        return f"staff:{self.id}"


@dataclass(frozen=True)
class Demo:
    """What was made."""

    accounts: tuple[Account, ...]
    receipt: str


def build(session: Session, settings: Settings, at: datetime) -> Demo:
    """Fill an empty database; the same figures each time, other secrets."""
    organizations = [_organization(session, settings, number, at) for number in range(len(_NAMES))]
    accounts = [_account(session, settings, role, organizations, at) for role in Role]
    _stale_service(session, organizations[0], at)
    chance = random.Random(11)  # noqa: S311 # figures to look at, no secrets
    for number in range(ENDED, 0, -1):
        opened = at - timedelta(days=6, hours=30 * number, minutes=chance.randrange(30))
        _settle(session, _handover(session, settings, chance, opened, at)[0], chance, opened)
    worker = next(account for account in accounts if account.role == Role.CASE_WORKER)
    receipt = ""
    for number in range(WAITING, 0, -1):
        referral, receipt = _handover(
            session, settings, chance, at - timedelta(minutes=4 * number), at, organizations[0]
        )  # fmt: skip
        if number % 3 == 0:
            lifecycle.accept(session, referral, worker.actor, at - timedelta(minutes=1))
            referral.assigned_to = worker.id
    return Demo(tuple(accounts), receipt)


def _organization(session: Session, settings: Settings, number: int, at: datetime) -> UUID:
    """With a service of the whole country, and a key that was compared by voice."""
    kazakh, russian = _NAMES[number]
    owner = Organization(name={"kk": kazakh, "ru": russian}, source=_ORIGIN)
    session.add(owner)
    session.flush()
    session.add(
        Service(
            organization=owner, kind="crisis_centre", status="published", name={"kk": kazakh, "ru": russian},
            description={"kk": "Бұл ұйым шын емес, көрсету үшін ойдан шығарылған.",
                         "ru": "Этой организации нет, она выдумана для показа."},
            verified_on=at.date(), verified_by=_ORIGIN, takes_handovers=True, always_open=True, nationwide=True,
            languages=["kk", "ru"], cost="free", needs_guardian="no", source=_ORIGIN, edited=True,
        )
    )  # fmt: skip
    made = make_key(session, owner.id, PASSPHRASE, "demo", at - timedelta(days=365))
    pin(settings.pins_path, str(owner.id), made.fingerprint)
    return owner.id


def _stale_service(session: Session, owner: UUID, at: datetime) -> None:
    """One that is due to be called again, so that the work list is not empty."""
    region = all_regions()[0]
    session.add(
        Service(
            organization_id=owner, kind="legal_aid", status="published", source=_ORIGIN, edited=True,
            name={"kk": "Ойдан шығарылған заңгер", "ru": "Выдуманный юрист"}, phones=[Phone(number="150")],
            verified_on=(at - timedelta(days=80)).date(), verified_by=_ORIGIN, areas=[ServiceArea(region=region)],
        )
    )  # fmt: skip


def _account(session: Session, settings: Settings, role: Role, organizations: list[UUID], at: datetime) -> Account:
    home = organizations[0] if role in OF_AN_ORGANIZATION else None
    email = f"{role}@demo.invalid"
    token = people.invite(
        session, name=f"Demo {role}", email=email, role=role, organization_id=home, actor="demo", at=at
    )  # fmt: skip
    person = people.invited(session, token, at)
    assert person is not None  # invited just now
    sealer = Sealer(settings.console_key)
    enrolled = people.choose_password(session, person, PASSWORD, sealer)
    codes = people.join(session, person, pyotp.TOTP(enrolled.secret).at(at), sealer, at)
    assert codes is not None  # its own code
    # The code of this very moment stays usable: nobody waits half a minute to look around.
    person.totp_last = 0
    return Account(person.id, role, email, enrolled.secret, tuple(codes))


def _handover(
    session: Session,
    settings: Settings,
    chance: random.Random,
    opened: datetime,
    now: datetime,
    first: UUID | None = None,
) -> tuple[Referral, str]:
    """One hand-over and its receipt; to the organisation `first` where one is given."""
    receipt, child = new_receipt(), f"demo:{secrets.token_hex(4)}"
    profile, sealer = pseudonym(settings.pepper, child), Sealer(settings.sealing_key)
    concern = chance.choices([name for name, _ in _CONCERNS], [weight for _, weight in _CONCERNS])[0]
    words, band = chance.choice(_WORDS), chance.choice(("7-10", "11-13", "11-13", "14-17"))
    if words:
        intake.keep_draft(session, sealer, profile, words, opened)
    answers = intake.Answers(
        kind="talk", concern=concern, region=chance.choice(all_regions()[:6]), age_band=band,
        language=chance.choice(("kk", "ru")), excluded=(), contact_mode="receipt", contact_when="any",
    )  # fmt: skip
    need = Need(concern, answers.region, int(band.split("-")[0]), answers.language)
    found = choices(session, read_pins(settings.pins_path), need, now)
    intake.send(
        session, sealer, profile=profile, address=child, answers=answers,
        chosen=sorted(found, key=lambda choice: choice.organization_id != first), token=secrets.token_hex(16),
        receipt=receipt_keys(receipt, settings.pepper), at=opened,
    )  # fmt: skip
    session.flush()
    return session.query(Referral).filter_by(sent_at=opened).one(), receipt


def _settle(session: Session, referral: Referral, chance: random.Random, opened: datetime) -> None:
    """An older one has come to some end."""
    answered = opened + timedelta(minutes=chance.randrange(10, 600))
    if chance.random() < 0.15:
        following = lifecycle.reject(session, referral, RejectReason.NO_CAPACITY, "staff:demo", answered)
        if following is None:
            return
        referral = following
    lifecycle.accept(session, referral, "staff:demo", answered)
    lifecycle.answer(session, referral, "Выдуманный ответ: мы рядом.", "staff:demo", answered)
    if chance.random() < 0.8:
        lifecycle.close(session, referral, Disposition.HELPED, "staff:demo", answered + timedelta(days=2))
        followup.record_answer(session, referral.case, "reached", True)
        followup.record_answer(session, referral.case, "helped", chance.random() < 0.8)
