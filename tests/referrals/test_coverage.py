"""Where help is missing: regions and concerns, and the map of them. Services are invented."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlalchemy.orm import Session

from content.model import load_taxonomy
from content.regions import all_regions, region_name
from referrals.db import make_engine, migrate, session_factory, writing
from referrals.directory.coverage import TILES, Cell, Help, coverage, tile_map_svg
from referrals.directory.freshness import Limits
from referrals.directory.models import Organization, Service, ServiceArea

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
OLD = NOW.date() - timedelta(days=Limits().hide + 1)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Callable[[], Session]]:
    engine = make_engine(f"sqlite:///{tmp_path / 'coverage.db'}")
    migrate(engine)
    yield session_factory(engine)
    engine.dispose()


def _service(*regions: str, **given: object) -> Service:
    values: dict[str, object] = {
        "organization": Organization(name={"kk": "x", "ru": "x"}), "kind": "crisis_centre", "status": "published",
        "name": {"kk": "x", "ru": "x"}, "verified_on": NOW.date(), "nationwide": not regions,
        "areas": [ServiceArea(region=region) for region in regions],
    }  # fmt: skip
    return Service(**{**values, **given})


def test_an_empty_directory_helps_nowhere(sessions: Callable[[], Session]) -> None:
    with sessions() as session:
        found = coverage(session, NOW)
    assert (len(found.regions), set(found.concerns)) == (20, set(load_taxonomy().concerns))
    assert set(found.cells.values()) == {Cell()}
    assert len(found.gaps()) == 20 * len(found.concerns)


def test_fresh_services_help_stale_ones_are_told_apart(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        session.add_all(
            [
                _service("KZ35", concerns=["bullying"]),
                _service("KZ35", verified_on=OLD),
                _service("KZ79", "KZ61", verified_on=None, concerns=["bullying"]),
                _service("KZ61", verified_on=OLD, source_kind="law_or_state", concerns=["bullying"]),
                _service("KZ10", status="draft"), _service("KZ10", status="archived"),
                _service("KZ10", kind="emergency"),
            ]
        )  # fmt: skip
    with sessions() as session:
        found = coverage(session, NOW)
    assert found.cells["KZ35", "bullying"] == Cell(fresh=1, stale=1)
    states = {region: found.help(region, "bullying") for region in found.regions}
    assert {region: state for region, state in states.items() if state is not Help.MISSING} == {
        "KZ35": Help.HELPED, "KZ79": Help.STALE, "KZ61": Help.HELPED,
    }  # fmt: skip
    # A service without concerns serves every one.
    assert found.help("KZ35", "sadness") is Help.STALE
    assert found.help("KZ79", "sadness") is Help.MISSING


def test_the_last_day_before_it_is_hidden_still_helps(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        session.add(_service("KZ35", verified_on=OLD + timedelta(days=1)))
    with sessions() as session:
        assert coverage(session, NOW).help("KZ35", "bullying") is Help.HELPED
        assert coverage(session, NOW + timedelta(days=1)).help("KZ35", "bullying") is Help.STALE


def test_nationwide_lines_do_not_hide_the_gaps(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        session.add(_service(concerns=["bullying"]))
    with sessions() as session:
        found = coverage(session, NOW)
    assert found.nationwide["bullying"] == Cell(fresh=1)
    assert found.help("KZ35", "bullying") is Help.MISSING
    assert found.help("KZ35", "bullying", with_nationwide=True) is Help.HELPED
    assert found.help("KZ35", "sadness", with_nationwide=True) is Help.MISSING


def test_every_region_has_its_own_tile() -> None:
    assert set(TILES) == set(all_regions())
    assert len(set(TILES.values())) == 20


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_the_map_says_in_words_what_it_shows(sessions: Callable[[], Session], language: str) -> None:
    with writing(sessions) as session:
        session.add_all([_service("KZ35"), _service("KZ79", verified_on=OLD)])
    with sessions() as session:
        svg = ElementTree.fromstring(tile_map_svg(coverage(session, NOW), "bullying", language, "a < b & c"))
    title, desc = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert title is not None
    assert desc is not None
    assert title.text
    assert desc.text
    assert "a < b & c" in title.text
    assert svg.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    names = [region_name(code, "kk" if language == "kk" else "ru") for code in all_regions()]
    assert all(f"{name}: " in desc.text for name in names)
    tiles = {tile.get("data-region"): tile for tile in svg.iter(f"{SVG}g")}
    assert set(tiles) == set(all_regions())
    words = {code: [text.text for text in tile.iter(f"{SVG}text")][-1] for code, tile in tiles.items()}
    # Words, signs and borders differ, not the colours alone.
    assert len({words[code] for code in ("KZ35", "KZ79", "KZ10")}) == 3
    assert [str(words[code])[0] for code in ("KZ35", "KZ79", "KZ10")] == ["✓", "!", "✗"]
    borders = [next(tiles[code].iter(f"{SVG}rect")).get("stroke-dasharray") for code in ("KZ35", "KZ79", "KZ10")]
    assert len(set(borders)) == 3
    assert svg.find(f".//{SVG}script") is None


def test_an_unknown_concern_is_no_map(sessions: Callable[[], Session]) -> None:
    with sessions() as session, pytest.raises(KeyError):
        tile_map_svg(coverage(session, NOW), "boredom", "ru")
