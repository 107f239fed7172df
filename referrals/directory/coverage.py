"""Where in the country which concern finds help, and where nobody helps: for those who widen the directory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from html import escape

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from content.model import load_taxonomy
from content.regions import all_regions, region_name
from referrals.directory.freshness import is_shown
from referrals.directory.models import Kind, Service, Status
from referrals.drawing import svg


class Help(StrEnum):
    """What a child of a region finds for a concern."""

    HELPED = "helped"
    # Only services that nobody has verified for so long that they are hidden.
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True)
class Cell:
    """How many services serve a concern: those that are shown, and those hidden for their age."""

    fresh: int = 0
    stale: int = 0

    @property
    def help(self) -> Help:
        if self.fresh:
            return Help.HELPED
        return Help.STALE if self.stale else Help.MISSING


@dataclass(frozen=True)
class Coverage:
    """Every region's own services for each concern, and the nationwide ones beside them.

    Nationwide lines are counted apart: with them every region would look helped.
    """

    regions: tuple[str, ...]
    concerns: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    nationwide: Mapping[str, Cell]

    def help(self, region: str, concern: str, *, with_nationwide: bool = False) -> Help:
        """What a child in this region finds for this concern, near it or, if asked so, in the whole country."""
        near = self.cells[region, concern]
        if not with_nationwide:
            return near.help
        far = self.nationwide[concern]
        return Cell(near.fresh + far.fresh, near.stale + far.stale).help

    def gaps(self) -> tuple[tuple[str, str], ...]:
        """The regions and concerns without one fresh service of the region."""
        return tuple(place for place, cell in self.cells.items() if cell.help is not Help.HELPED)


def coverage(session: Session, at: datetime) -> Coverage:
    """The 20 regions and every concern, as a child would find them at this moment.

    Emergency lines do not count: they serve danger, not a concern.
    """
    query = select(Service).where(Service.status == Status.PUBLISHED, Service.kind != Kind.EMERGENCY)
    services = session.scalars(query.options(selectinload(Service.areas))).all()
    regions, concerns = all_regions(), tuple(load_taxonomy().concerns)
    return Coverage(
        regions,
        concerns,
        {
            (region, concern): _cell([s for s in services if _works_in(s, region)], concern, at)
            for region in regions
            for concern in concerns
        },
        {concern: _cell([s for s in services if s.nationwide], concern, at) for concern in concerns},
    )


def _works_in(service: Service, region: str) -> bool:
    return not service.nationwide and any(area.region == region for area in service.areas)


def _cell(services: Sequence[Service], concern: str, at: datetime) -> Cell:
    serving = [service for service in services if not service.concerns or concern in service.concerns]
    fresh = sum(is_shown(service, at) for service in serving)
    return Cell(fresh, len(serving) - fresh)


# -- the map

# Column and row of each region's tile, roughly where it lies.
TILES = {
    "KZ39": (2, 0), "KZ59": (3, 0), "KZ55": (4, 0),
    "KZ27": (0, 1), "KZ15": (1, 1), "KZ11": (2, 1), "KZ71": (3, 1), "KZ10": (4, 1), "KZ63": (5, 1),
    "KZ23": (0, 2), "KZ62": (2, 2), "KZ35": (3, 2), "KZ33": (4, 2),
    "KZ47": (0, 3), "KZ43": (1, 3), "KZ61": (2, 3), "KZ31": (3, 3), "KZ19": (4, 3),
    "KZ79": (2, 4), "KZ75": (4, 4),
}  # fmt: skip
_WIDTH, _HEIGHT, _GAP = 150, 92, 6
# So many letters of a name fit on a line of a tile.
_LINE = 15
# A fill, a border and a sign for each state: who sees no colours reads the word and the sign.
_LOOKS = {
    Help.HELPED: ("#d3f0d8", "#1b5e20", "none", "✓"),
    Help.STALE: ("#fff1c9", "#7a4b00", "8 4", "!"),
    Help.MISSING: ("#fbd9d5", "#8e1b10", "2 3", "✗"),
}
_WORDS = {
    "kk": {
        Help.HELPED: "көмек бар", Help.STALE: "тексеру керек", Help.MISSING: "көмек жоқ",
        "title": "Өңірлердегі көмек: {concern}",
        "nationwide": "Бүкіл ел бойынша қызметтер бұл картада есептелмейді; олардың саны: {count}.",
    },
    "ru": {
        Help.HELPED: "помощь есть", Help.STALE: "пора проверить", Help.MISSING: "помощи нет",
        "title": "Помощь в регионах: {concern}",
        "nationwide": "Службы всей страны на этой карте не учтены; их: {count}.",
    },
    "en": {
        Help.HELPED: "help", Help.STALE: "to verify", Help.MISSING: "no help",
        "title": "Help in the regions: {concern}",
        "nationwide": "Nationwide services are not counted on this map; there are {count}.",
    },
}  # fmt: skip


def tile_map_svg(coverage: Coverage, concern: str, language: str, label: str | None = None) -> str:
    """A map of the country in tiles: where this concern (called `label`) finds help; KeyError for an unknown one.

    Without scripts or styles, so that it stands under a strict content policy; languages kk, ru, en.
    """
    words = _WORDS[language]
    title = words["title"].format(concern=label or concern)
    told = "; ".join(f"{_name(code, language)}: {words[coverage.help(code, concern)]}" for code in coverage.regions)
    desc = f"{told}. {words['nationwide'].format(count=coverage.nationwide[concern].fresh)}"
    columns = max(column for column, _ in TILES.values()) + 1
    rows = max(row for _, row in TILES.values()) + 1
    # Several maps may stand on one page: their identifiers must differ.
    name = f"coverage-{escape(concern)}-{language}"
    tiles = "".join(_tile(code, coverage.cells[code, concern], language) for code in coverage.regions)
    return svg(name, language, title, desc, (columns * _WIDTH, rows * _HEIGHT), tiles, anchor="middle")


def _tile(code: str, cell: Cell, language: str) -> str:
    column, row = TILES[code]
    fill, ink, dashes, sign = _LOOKS[cell.help]
    left, top = column * _WIDTH + _GAP // 2, row * _HEIGHT + _GAP // 2
    word = f"{sign} {_WORDS[language][cell.help]}" + (f" ({cell.fresh})" if cell.fresh else "")
    lines = [*_short_name(code, language), word]
    middle, first = left + (_WIDTH - _GAP) // 2, top + (_HEIGHT - _GAP - 20 * len(lines)) // 2 + 15
    texts = "".join(
        f'<text x="{middle}" y="{first + 20 * number}" fill="{ink if number == len(lines) - 1 else "#1a1a1a"}">'
        f"{escape(line)}</text>"
        for number, line in enumerate(lines)
    )
    return (
        f'<g data-region="{code}"><title>{escape(_name(code, language))}</title>'
        f'<rect x="{left}" y="{top}" width="{_WIDTH - _GAP}" height="{_HEIGHT - _GAP}" rx="6" fill="{fill}" '
        f'stroke="{ink}" stroke-width="2" stroke-dasharray="{dashes}"/>{texts}</g>'
    )


def _name(code: str, language: str) -> str:
    # Regions have no English names of their own here.
    return region_name(code, "kk" if language == "kk" else "ru")


def _short_name(code: str, language: str) -> list[str]:
    """A region's name in at most two lines; of the cities and regions of one name, the city says that it is one."""
    # "Северо-Казахстанская" is wider than a tile.
    words = _name(code, language).replace("-", "- ").split()
    kept = [word for word in words if word not in ("облысы", "область")]
    whole = " ".join(kept).replace("- ", "-")
    return [whole] if len(whole) <= _LINE else [" ".join(kept[:-1]), kept[-1]]
