"""Counts as bars, to look at and to be read aloud."""

from collections.abc import Mapping, Sequence
from html import escape

from content.regions import region_name
from referrals.drawing import svg
from referrals.reports import UNKNOWN, Dimension, Table

_BAR_HEIGHT, _BAR_STEP, _LABEL_WIDTH, _LONGEST_BAR = 22, 30, 300, 400
_WORDS = {
    "kk": {"title": "Өтініштер саны", "hidden": "жасырылған", "concern": "мәселе бойынша", "region": "өңір бойынша",
           "age_band": "жасы бойынша", "language": "тілі бойынша", "month": "айлар бойынша", "unknown": "белгісіз"},
    "ru": {"title": "Число обращений", "hidden": "скрыто", "concern": "по проблеме", "region": "по региону",
           "age_band": "по возрасту", "language": "по языку", "month": "по месяцам", "unknown": "неизвестно"},
    "en": {"title": "Number of cases", "hidden": "hidden", "concern": "by concern", "region": "by region",
           "age_band": "by age", "language": "by language", "month": "by month", "unknown": "unknown"},
}  # fmt: skip


def table_svg(table: Table, language: str, labels: Mapping[str, str] | None = None) -> str:
    """The totals of a report's table as bars, with every number written out; languages kk, ru, en."""
    words, named = _WORDS[language], labels or {}
    lines = [
        (named.get(line.value) or _label(table.dimension, line.value, language), line.total) for line in table.lines
    ]
    title = f"{words['title']} {words[table.dimension]}"
    return bars_svg(f"report-{table.dimension}-{language}", language, title, lines)


def bars_svg(name: str, language: str, title: str, lines: Sequence[tuple[str, int | None]]) -> str:
    """Counts as bars with every number written out; None is a hidden one. `name` is the only one on its page."""
    numbers = [_WORDS[language]["hidden"] if count is None else str(count) for _, count in lines]
    # Drawn to the longest bar that is shown: a hidden one must not be seen in the scale.
    longest = max((count for _, count in lines if count is not None), default=1)
    told = "; ".join(f"{called}: {number}" for (called, _), number in zip(lines, numbers, strict=True))
    bars = "".join(
        _bar(place, called, numbers[place], None if count is None else count / longest)
        for place, (called, count) in enumerate(lines)
    )
    return svg(name, language, title, told, (_LABEL_WIDTH + _LONGEST_BAR + 100, _BAR_STEP * len(lines)), bars)


def _label(dimension: Dimension, value: str, language: str) -> str:
    if value == UNKNOWN:
        return _WORDS[language]["unknown"]
    if dimension is Dimension.REGION:
        return region_name(value, "kk" if language == "kk" else "ru")
    return value


def _bar(number: int, label: str, count: str, share: float | None) -> str:
    top = number * _BAR_STEP + (_BAR_STEP - _BAR_HEIGHT) // 2
    length = round((share or 0) * _LONGEST_BAR)
    return (
        f'<text x="{_LABEL_WIDTH - 8}" y="{top + 16}" text-anchor="end" fill="#1a1a1a">{escape(label)}</text>'
        f'<rect x="{_LABEL_WIDTH}" y="{top}" width="{length}" height="{_BAR_HEIGHT}" fill="#2b5f9e"/>'
        f'<text x="{_LABEL_WIDTH + length + 8}" y="{top + 16}" fill="#1a1a1a">{escape(count)}</text>'
    )
