"""Hand-overs: routed, sealed, moved on in time, withdrawn, deleted. Organisations and words are invented."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from referrals import audit
from referrals.cases import followup, intake, lifecycle, receipts, retention
from referrals.cases.models import Case, Disposition, Draft, Notice, Override, Referral, RejectReason
from referrals.cases.routing import Need, anyone_takes, choices
from referrals.crypto import (
    SIZES,
    SealBroken,
    Sealer,
    new_key_pair,
    new_receipt,
    new_recovery_code,
    open_with,
    pseudonym,
    receipt_keys,
    referral_purpose,
    seal_to,
    unwrap_key,
    wrap_key,
)
from referrals.db import checkpoint, make_engine, writing
from referrals.pins import PinsUnreadable, pin, read_pins
from tests.referrals.handovers import EASY, NOW, PEPPER, Office

WORDS = "меня обзывают қырғұл каждый день"


def _names(session: Session, house: Office, **need: object) -> list[str]:
    asked: dict[str, object] = {"concern": "bullying", "region": "KZ35", "age": 12, "language": "ru", **need}
    return [c.name["ru"] for c in choices(session, house.pins, Need(**asked), NOW)]  # type: ignore[arg-type] # values vary


# -- routing


def test_routing_fits_the_need_and_the_nearest_come_first(house: Office) -> None:
    house.add("everywhere", region=None)
    house.add("here")
    house.add("for this", concerns=["bullying"])
    house.add("elsewhere", region="KZ10")
    house.add("other field", concerns=["pregnancy"])
    house.add("too old", minimum_age=15)
    house.add("girls", gender="female")
    house.add("draft", status="draft")
    house.add("no hand-overs", takes_handovers=False)
    house.add("never verified", verified_on=None)
    with house.sessions() as session:
        assert _names(session, house) == ["for this", "here", "everywhere"]
        assert _names(session, house, region=None) == ["everywhere"]
        assert "girls" in _names(session, house, gender="female")


@pytest.mark.parametrize("excluded", ["school", "police", "id"])
def test_whom_the_child_excluded_never_gets_it(house: Office, excluded: str) -> None:
    house.add("free")
    tied = house.add("tied", ties=["school", "police"], concerns=["bullying"])
    house.add("arm of tied", ties=[str(tied)], concerns=["bullying"])
    with house.sessions() as session:
        named = str(tied) if excluded == "id" else excluded
        found = _names(session, house, excluded=(named,))
        assert "tied" not in found
        assert "free" in found
        assert ("arm of tied" in found) == (excluded != "id")


def test_a_key_that_is_not_the_pinned_one_is_refused_with_an_alarm(house: Office) -> None:
    """SECURITY C9."""
    house.add("swapped")
    with writing(house.sessions) as session:
        session.execute(text("UPDATE organization_key SET public_key = :key"), {"key": new_key_pair().public})
    with writing(house.sessions) as session:
        assert _names(session, house) == []
        assert session.scalars(select(audit.AuditEvent.details)).all() == [{"what": "key_not_pinned"}]
    with house.sessions() as session:
        assert not anyone_takes(session, {}, NOW)


def test_pins_are_kept_for_the_owner_only_and_a_broken_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "pins.json"
    assert read_pins(path) == {}
    pin(path, "a", "1")
    pin(path, "b", "2")
    assert read_pins(path) == {"a": "1", "b": "2"}
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("{")
    with pytest.raises(PinsUnreadable):
        read_pins(path)


# -- sealing


def test_the_organisation_reads_exactly_what_was_sent_and_nobody_else_can(house: Office) -> None:
    house.add("first")
    house.add("second")
    house.send(words=WORDS)
    with house.sessions() as session:
        case = house.case(session)
        for referral in case.referrals:
            purpose = referral_purpose(case.id, referral.organization_id)
            assert referral.sealed is not None
            content = json.loads(open_with(house.keys[referral.organization_id].private, referral.sealed, purpose))
            assert content["words"] == WORDS
            assert "telegram" not in json.dumps(content)
            others = [k for o, k in house.keys.items() if o != referral.organization_id]
            for other in (*others, new_key_pair()):
                with pytest.raises(SealBroken):
                    open_with(other.private, referral.sealed, purpose)


def test_a_stolen_database_opens_no_case(house: Office) -> None:
    """SECURITY C5: every byte string of the database tried as a key, and the bot's own keys."""
    house.add("first")
    for child in range(20):
        house.send(words=WORDS, child=f"telegram:{child}")
    with house.sessions() as session:
        referrals = session.scalars(select(Referral)).all()
        rows = [v for t in ("organization_key", "case_file", "draft") for row in session.execute(text(f"SELECT * FROM {t}")) for v in row]  # fmt: skip
        loot = [v[i : i + 32] for v in rows if isinstance(v, bytes) for i in range(0, max(1, len(v) - 31), 8)]
        candidates = [key for key in {*loot, b"s" * 32, PEPPER} if len(key) == 32]
        assert len(candidates) > 60
        for referral in referrals[:3]:
            assert referral.sealed is not None
            for key in candidates:
                with pytest.raises(SealBroken):
                    open_with(key, referral.sealed, referral_purpose(referral.case_id, referral.organization_id))
        assert session.scalar(select(func.count()).select_from(Draft)) == 0


def test_swapped_ciphertexts_are_refused(house: Office) -> None:
    """SECURITY C8."""
    organization = house.add("first")
    house.send(words="one")
    house.send(words="two", child="telegram:2")
    with house.sessions() as session:
        one, two = session.scalars(select(Referral)).all()
        private = house.keys[organization].private
        assert one.sealed is not None
        with pytest.raises(SealBroken):
            open_with(private, one.sealed, referral_purpose(two.case_id, organization))


def test_sizes_tell_next_to_nothing() -> None:
    """SECURITY C10."""
    public = new_key_pair().public
    sizes = {len(seal_to(public, b"x" * length, "p")) for length in range(0, 16_000, 97)}
    assert len(sizes) <= len(SIZES) <= 5
    assert len({len(seal_to(public, b"x" * length, "p")) for length in range(1_000)}) == 1
    with pytest.raises(ValueError, match="cannot be sealed"):
        seal_to(public, b"x" * SIZES[-1], "p")


def test_a_private_key_opens_with_its_passphrase_only() -> None:
    private = new_key_pair().private
    wrapped = wrap_key(private, "right", EASY)
    assert unwrap_key(wrapped, "right", EASY) == private
    with pytest.raises(SealBroken):
        unwrap_key(wrapped, "wrong", EASY)
    assert len({new_recovery_code() for _ in range(50)}) == 50


def test_a_receipt_is_stored_as_a_slow_hash_that_needs_the_pepper(house: Office) -> None:
    house.add("first")
    receipt = house.send()
    assert len(receipt) == 16
    assert receipt.isdigit()
    with house.sessions() as session:
        dump = b"".join(
            v for row in session.execute(text("SELECT * FROM case_file")) for v in row if isinstance(v, bytes)
        )
        assert receipt.encode() not in dump
        assert receipts.find_case(session, receipt_keys(receipt, PEPPER, EASY)) is not None
        assert receipts.find_case(session, receipt_keys(receipt, b"q" * 32, EASY)) is None
        assert receipts.find_case(session, receipt_keys(new_receipt(), PEPPER, EASY)) is None


# -- the draft


def test_a_draft_lives_an_hour(house: Office) -> None:
    """SECURITY C12, drafts."""
    profile = pseudonym(PEPPER, "telegram:1")
    with writing(house.sessions) as session:
        intake.keep_draft(session, house.sealer, profile, "first", NOW)
        intake.keep_draft(session, house.sealer, profile, "second", NOW)
    for minutes, kept in ((59, True), (60, False), (61, False)):
        at = NOW + timedelta(minutes=minutes)
        with writing(house.sessions) as session:
            assert (intake.read_draft(session, house.sealer, profile, at) == "first\nsecond") == kept
            retention.sweep(session, at)
            assert (session.get(Draft, profile) is not None) == kept


def test_sending_twice_with_one_token_makes_one_case(house: Office) -> None:
    house.add("first")
    answers = intake.Answers("talk", "bullying", "KZ35", None, "ru", (), "receipt", "any")
    made = []
    for _ in range(2):
        with writing(house.sessions) as session:
            chosen = choices(session, house.pins, Need("bullying", "KZ35", None, "ru"), NOW)
            made.append(
                intake.send(
                    session, house.sealer, profile=b"p" * 32, address="web:1", answers=answers, chosen=chosen,
                    token="once", receipt=receipt_keys(new_receipt(), PEPPER, EASY), at=NOW,
                )
            )  # fmt: skip
    assert made[0] is not None
    assert made[1] is None
    with house.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 1
        assert house.case(session).relay is None


def test_the_database_itself_refuses_a_case_without_consent(house: Office) -> None:
    """SECURITY S15."""
    house.add("first")
    house.send()
    with pytest.raises(IntegrityError), writing(house.sessions) as session:
        session.execute(update(Case).values(consent=False))
    with pytest.raises(IntegrityError), writing(house.sessions) as session:
        session.add(Override(first_person="a", second_person="a", reason="the same person twice", at=NOW))
    with writing(house.sessions) as session:
        override = Override(first_person="a", second_person="b", reason="a recorded reason", at=NOW)
        session.add(override)
        session.flush()
        session.execute(update(Case).values(consent=False, override_id=override.id))


# -- the way of a referral


def test_a_rejection_goes_to_the_next_choice_and_takes_the_content_away(house: Office) -> None:
    house.add("first", concerns=["bullying"])
    house.add("second")
    house.send(words=WORDS)
    with writing(house.sessions) as session:
        first, second = house.referral(session, "first"), house.referral(session, "second")
        assert (first.state, second.state) == ("in_progress", "waiting")
        following = lifecycle.reject(session, first, RejectReason.NO_CAPACITY, "staff:1", NOW)
        assert following is second
        assert (first.state, first.reason, first.sealed) == ("rejected", "no_capacity", None)
        assert second.state == "in_progress"
        with pytest.raises(lifecycle.NotPossible):
            lifecycle.accept(session, first, "staff:1", NOW)
        lifecycle.accept(session, second, "staff:2", NOW)
        lifecycle.close(session, second, Disposition.HELPED, "staff:2", NOW)
        assert (second.state, second.sealed) == ("done", None)
        assert house.case(session).state == "closed"


def test_when_all_reject_the_case_closes_and_says_so(house: Office) -> None:
    house.add("only")
    receipt = house.send()
    with writing(house.sessions) as session:
        lifecycle.reject(session, house.referral(session, "only"), RejectReason.CONFLICT, "staff:1", NOW)
        keys = receipt_keys(receipt, PEPPER, EASY)
        case = receipts.find_case(session, keys)
        assert case is not None
        assert receipts.read_status(session, case, keys, NOW).state == "nobody"


@pytest.mark.parametrize(
    ("concern", "minutes"), [("trafficking", 180), ("physical_violence", 1_440), ("bullying", 4_320)]
)
def test_deadlines_escalate_once_and_silence_passes_it_on(house: Office, concern: str, minutes: int) -> None:
    """SECURITY D10: the state is in the database, so a restart changes nothing."""
    house.add("first", concerns=[concern])
    house.add("second")
    house.send(concern=concern)

    def run(at_minutes: float) -> tuple[str, str, int]:
        at = NOW + timedelta(minutes=at_minutes)
        for _ in range(3):  # a sweep too many does nothing
            with writing(house.sessions) as session:
                lifecycle.escalate(session, at)
        with house.sessions() as session:
            overdue = session.scalar(select(func.count()).where(Notice.kind == "overdue")) or 0
            return house.referral(session, "first").state, house.referral(session, "second").state, overdue

    assert run(minutes - 1) == ("in_progress", "waiting", 0)
    assert run(minutes + 1) == ("in_progress", "waiting", 1)
    assert run(2 * minutes - 1) == ("in_progress", "waiting", 1)
    assert run(2 * minutes + 1) == ("rejected", "in_progress", 1)
    assert run(3 * minutes + 2) == ("rejected", "in_progress", 2)
    assert run(4 * minutes + 2) == ("rejected", "in_progress", 2)
    assert run(99 * minutes) == ("rejected", "in_progress", 2)
    with house.sessions() as session:
        assert session.scalar(select(func.count()).where(Notice.kind == "unanswered")) == 1
        assert house.referral(session, "first").reason == "no_answer"


def test_danger_has_fifteen_minutes(house: Office) -> None:
    house.add("first")
    house.send(danger=True)
    with house.sessions() as session:
        assert house.referral(session, "first").due_at == NOW + timedelta(minutes=15)


def test_taking_back_ends_all_and_a_doubt_is_a_flag_not_a_deletion(house: Office) -> None:
    """SECURITY F5."""
    house.add("first", concerns=["bullying"])
    house.add("second")
    house.send(words=WORDS)
    with writing(house.sessions) as session:
        case = house.case(session)
        lifecycle.revoke(session, case, audit.CHILD, NOW, certain=False)
        assert case.state == "open"
        assert case.check_safely
        assert house.referral(session, "first").sealed is not None
        lifecycle.revoke(session, case, audit.CHILD, NOW)
        assert [r.state for r in case.referrals] == ["revoked", "revoked"]
        assert [r.sealed for r in case.referrals] == [None, None]
        kinds = session.scalars(select(Notice.kind).where(Notice.referral_id.is_not(None)).order_by(Notice.id)).all()
        assert kinds == ["new_handover", "check_safely", "revoked"]


def test_words_go_both_ways_each_to_its_reader(house: Office) -> None:
    organization = house.add("first")
    receipt = house.send()
    with writing(house.sessions) as session:
        case, referral = house.case(session), house.referral(session, "first")
        assert lifecycle.add_words(session, case, "ещё қырғұл", NOW)
        lifecycle.accept(session, referral, "staff:1", NOW)
        lifecycle.answer(session, referral, "мы рядом дүбірлек", "staff:1", NOW)
        lifecycle.note(session, referral, "заметка", "staff:1", NOW)
        with pytest.raises(lifecycle.NotPossible):
            lifecycle.answer(session, referral, "  ", "staff:1", NOW)
    with writing(house.sessions) as session:
        case = house.case(session)
        keys = receipt_keys(receipt, PEPPER, EASY)
        assert receipts.read_status(session, case, keys, NOW).answers == ("мы рядом дүбірлек",)
        purpose = lifecycle.message_purpose(case, case.referrals[0])
        private = house.keys[organization].private
        assert [open_with(private, m.to_organization, purpose).decode() for m in case.messages] == [
            "ещё қырғұл", "мы рядом дүбірлек", "заметка",
        ]  # fmt: skip
        with pytest.raises(SealBroken):
            receipts.read_status(session, case, receipt_keys(new_receipt(), PEPPER, EASY), NOW)


# -- the end


@pytest.mark.parametrize(("days", "kept"), [(89, True), (90, False), (91, False)])
def test_closed_cases_are_kept_for_ninety_days(house: Office, days: int, kept: bool) -> None:
    """SECURITY C12."""
    house.add("only")
    receipt = house.send(words=WORDS)
    with writing(house.sessions) as session:
        lifecycle.accept(session, house.referral(session, "only"), "staff:1", NOW)
        lifecycle.answer(session, house.referral(session, "only"), "ответ", "staff:1", NOW)
        lifecycle.close(session, house.referral(session, "only"), Disposition.ADVISED, "staff:1", NOW)
    with writing(house.sessions) as session:
        retention.sweep(session, NOW + timedelta(days=days))
    with house.sessions() as session:
        case = house.case(session)
        assert (case.erased_at is None) == kept
        assert (receipts.find_case(session, receipt_keys(receipt, PEPPER, EASY)) is not None) == kept
        assert bool(case.messages) == kept
        assert case.relay is None
        assert case.concern == "bullying"
        assert audit.verify(session) is None


def test_an_open_or_just_touched_case_is_never_deleted(house: Office) -> None:
    house.add("only")
    house.send()
    with writing(house.sessions) as session:
        assert retention.sweep(session, NOW + timedelta(days=4_000)).cases == 0
        lifecycle.revoke(session, house.case(session), audit.CHILD, NOW)
        house.case(session).touched_at = NOW + timedelta(days=300)
        assert retention.sweep(session, NOW + timedelta(days=301)).cases == 0
        assert retention.sweep(session, NOW + timedelta(days=391)).cases == 1


def test_what_is_deleted_is_in_no_file(sqlite_house: Office, tmp_path: Path) -> None:
    """SECURITY C11: the sealed bytes themselves are gone from database and log."""
    house = sqlite_house
    house.add("only")
    house.send(words=WORDS)
    with house.sessions() as session:
        sealed = house.referral(session, "only").sealed
        assert sealed is not None
    with writing(house.sessions) as session:
        lifecycle.revoke(session, house.case(session), audit.CHILD, NOW)
        retention.sweep(session, NOW + timedelta(days=91))
    engine = make_engine(house.url)
    checkpoint(engine)
    engine.dispose()
    remains = b"".join(path.read_bytes() for path in tmp_path.glob("office.db*"))
    assert len(remains) > 4_096
    assert sealed[40:90] not in remains


def test_a_forgotten_chat_leads_to_no_case_but_the_receipt_still_does(house: Office) -> None:
    house.add("only")
    receipt = house.send()
    with writing(house.sessions) as session:
        retention.forget_profile(session, pseudonym(PEPPER, "telegram:1"))
    with house.sessions() as session:
        case = house.case(session)
        session.refresh(case)
        assert case.profile is None
        assert case.relay is None
        assert receipts.find_case(session, receipt_keys(receipt, PEPPER, EASY)) is not None


def test_the_way_back_is_sealed_to_the_bot_and_to_its_case(house: Office) -> None:
    house.add("only")
    house.send(child="telegram:77")
    with house.sessions() as session:
        case = house.case(session)
        assert case.relay is not None
        assert json.loads(house.sealer.open(case.relay, f"relay:{case.id}"))["address"] == "telegram:77"
        with pytest.raises(SealBroken):
            Sealer(b"x" * 32).open(case.relay, f"relay:{case.id}")


def test_did_it_help_is_asked_once_a_day_after_the_end(house: Office) -> None:
    house.add("only")
    house.send()
    with writing(house.sessions) as session:
        lifecycle.revoke(session, house.case(session), audit.CHILD, NOW)
        assert followup.ask_due(session, NOW + timedelta(hours=23)) == 0
        assert followup.ask_due(session, NOW + timedelta(hours=25)) == 1
        assert followup.ask_due(session, NOW + timedelta(hours=26)) == 0
        followup.record_answer(session, house.case(session), "helped", True)


# -- the audit trail

_TRIGGERS = {
    "sqlite": ("DROP TRIGGER audit_event_kept_update", "DROP TRIGGER audit_event_kept_delete"),
    "postgresql": ("DROP TRIGGER audit_event_kept ON audit_event",),
}


@pytest.mark.parametrize(
    ("spoil", "position"),
    [
        ("UPDATE audit_event SET actor = 'x' WHERE id = 7", 7),
        ("DELETE FROM audit_event WHERE id = 5", 5),
        ("DELETE FROM audit_event WHERE id > 8", 9),
        ("UPDATE audit_event SET at = '2020-01-01 00:00:00' WHERE id = 1", 1),
        ("UPDATE audit_event SET id = 100 WHERE id = 3", 3),
    ],
)
def test_every_change_of_the_audit_trail_is_refused_and_found(house: Office, spoil: str, position: int) -> None:
    """SECURITY S4: the database refuses; whoever takes its triggers away first is found out by the chain."""
    with writing(house.sessions) as session:
        for number in range(10):
            audit.record(session, at=NOW, actor="staff:1", action="read", subject=f"case:{number}")
        assert audit.verify(session) is None
    with pytest.raises(DBAPIError, match="only added"), writing(house.sessions) as session:
        session.execute(text(spoil))
    with writing(house.sessions) as session:
        assert audit.verify(session) is None
        for trigger in _TRIGGERS[session.get_bind().dialect.name]:
            session.execute(text(trigger))
        session.execute(text(spoil))
    with house.sessions() as session:
        broken = audit.verify(session)
        assert broken is not None
        assert broken.position == position


def test_a_hand_over_that_is_rolled_back_leaves_no_trail(house: Office) -> None:
    """SECURITY S3: in the same transaction."""
    with pytest.raises(RuntimeError), writing(house.sessions) as session:  # noqa: PT012 the block is what is tested
        audit.record(session, at=NOW, actor="staff:1", action="read", subject="case:1")
        raise RuntimeError
    with house.sessions() as session:
        assert session.scalar(select(func.count()).select_from(audit.AuditEvent)) == 0
        assert audit.verify(session) is None
