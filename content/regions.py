"""Where a child is: the region that a text names, in any case ending of either language."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

from content.model import CONTENT, Locale
from content.yaml_files import read_yaml

_KAZAKH = str.maketrans("әғқңөұүһіё", "агкноуухие")
_LATIN = (
    ("shch", "щ"), ("sh", "ш"), ("ch", "ч"), ("zh", "ж"), ("kh", "х"), ("gh", "г"), ("ts", "ц"),
    ("ya", "я"), ("yu", "ю"), ("yo", "е"), ("a", "а"), ("b", "б"), ("c", "к"), ("d", "д"),
    ("e", "е"), ("f", "ф"), ("g", "г"), ("h", "х"), ("i", "и"), ("j", "ж"), ("k", "к"),
    ("l", "л"), ("m", "м"), ("n", "н"), ("o", "о"), ("p", "п"), ("q", "к"), ("r", "р"),
    ("s", "с"), ("t", "т"), ("u", "у"), ("v", "в"), ("w", "у"), ("x", "х"), ("y", "ы"), ("z", "з"),
    ("ö", "о"), ("ü", "у"), ("ş", "ш"), ("ğ", "г"), ("ı", "ы"), ("ñ", "н"), ("ä", "а"),
)  # fmt: skip
_LATIN_TABLE = dict(_LATIN)
_LATIN_PART = re.compile("|".join(latin for latin, _ in _LATIN))

# Case endings of place names, after folding: Kazakh (locative, ablative, dative, genitive,
# accusative, "of", with possessive and personal ones behind) and Russian.
_KAZAKH_ENDING = (
    r"(?:да|де|та|те|дан|ден|тан|тен|нан|нен|га|ге|ка|ке|на|не|нын|нин|дын|дин|тын|тин"
    r"|ды|ди|ты|ти|ны|ни|мен|бен|пен|лык|лик|дык|дик|тык|тик)"
    r"(?:гы|ги)?(?:мын|мин|мыз|миз|быз|биз|пын|пин|сын|син|лар|лер|дар|дер)?"
)
_RUSSIAN_ENDING = r"(?:а|у|е|ом|ем|ой|ей|ы|и|ю|я|ого|ому|ском|ская|ской|скую|ский)"
_PLACE_WORDS = r"(?:каласы\w*|облыс\w*|обл|област\w*|город\w*|ауданы?\w*|район\w*)"
_REGION_WORD = re.compile(r"облыс|област|\bобл\b|oblys|oblast")
_CITY_WORD = re.compile(r"каласы|город|\bг\b|\bкала")
# What an answer to "where are you?" may say around the name.
_FILLERS = re.compile(
    r"\b(?:мен|я|мы|биз|в|из|г|город|городе|города|каласы|каласында|каласынан|ауданы|район|тур\w*|живу|живем|жатырмын|казир|сейчас)\b\s*"
)
_LIVING = r"\s+(?:\w+\s+)?(?:тур(?:ам|амын|амыз)|живу|живем|окимын)\b"
# In a short answer, one wrong letter in a name of this length is forgiven.
_FORGIVEN_LENGTH = 6
_SHORT_ANSWER = 3
_ABBREVIATION = 4


@dataclass(frozen=True)
class RegionMatch:
    """The regions that a text may mean, none when it names no place; and the town by its name."""

    codes: tuple[str, ...] = ()
    town: str | None = None


@dataclass(frozen=True)
class _Name:
    """One way to name a place, folded."""

    folded: str
    code: str
    town: str | None
    careful: bool
    pattern: re.Pattern[str]
    strict: re.Pattern[str]


def find_region(text: str, answer: bool = False) -> RegionMatch:
    """The region named in a sentence; with `answer`, in an answer to "where are you?".

    In a sentence only unmistakable names count (`орал` is also "shouted" in Russian). "Алматы"
    alone means the city or the region: both codes come back.
    """
    folded = _fold(text)
    if not folded:
        return RegionMatch()
    short = answer and len(folded.split()) <= _SHORT_ANSWER
    found = [name for name in _names() if _names_it(name, folded, short)]
    if not found and short:
        found = _nearly(folded)
    if not found:
        return RegionMatch()
    # "Алматы облысы" holds "Алматы": the longest name is the one that is meant.
    longest = max(len(name.folded) for name in found)
    best = [name for name in found if len(name.folded) == longest]
    codes = tuple(dict.fromkeys(name.code for name in best))
    return _almaty(folded, codes, best[0].town)


def _names_it(name: _Name, folded: str, short: bool) -> bool:
    """Is the place meant? Of an everyday word only where it stands as one, or alone in a short answer."""
    if not name.careful:
        return name.pattern.search(folded) is not None
    alone = short and name.pattern.fullmatch(_FILLERS.sub("", folded).strip()) is not None
    return alone or name.strict.search(folded) is not None


def _almaty(folded: str, codes: tuple[str, ...], town: str | None) -> RegionMatch:
    """The city and the region of Almaty share their name; a word beside it decides."""
    if codes == ("KZ75",):
        if _REGION_WORD.search(folded):
            return RegionMatch(("KZ19",))
        if not _CITY_WORD.search(folded):
            return RegionMatch(("KZ75", "KZ19"), town)
    return RegionMatch(codes, town)


def region_name(code: str, locale: Locale) -> str:
    """The region's name; the code itself when it is not known."""
    region = _regions().get(code)
    return str(region[locale]) if region else code


def all_regions() -> tuple[str, ...]:
    """The codes, the three big cities first, the rest by their Kazakh names."""
    cities = ("KZ71", "KZ75", "KZ79")
    others = sorted(set(_regions()) - set(cities), key=lambda code: _fold(_regions()[code]["kk"]))
    return (*cities, *others)


@cache
def _file() -> dict[str, Any]:
    content: dict[str, Any] = read_yaml(CONTENT / "regions.yaml")
    return content


def _regions() -> dict[str, dict[str, Any]]:
    regions: dict[str, dict[str, Any]] = _file()["regions"]
    return regions


@cache
def _names() -> tuple[_Name, ...]:
    careful = {_fold(name) for name in _file()["careful"]}
    everyday = {_fold(name) for name in _file()["everyday"]}
    names: dict[tuple[str, str], _Name] = {}
    for code, region in _regions().items():
        for name in (region["kk"], region["ru"], *region["aliases"]):
            names.setdefault((_fold(name), code), _region_name(_fold(name), code))
        for town in region["towns"]:
            for name in town:
                folded = _fold(name)
                names.setdefault((folded, code), _town_name(folded, code, town[0], careful, everyday))
    return tuple(names.values())


def _region_name(folded: str, code: str) -> _Name:
    """A region's own name, its last word in any ending ("акмолинской области")."""
    words = [_any_ending(word) for word in folded.split()]
    pattern = re.compile(r"\b" + r"\s+".join(words) + r"\b")
    return _Name(folded, code, None, False, pattern, pattern)


def _any_ending(word: str) -> str:
    """A word in any ending; an abbreviation only in a Kazakh case ("СҚО-да"), or "сколько" would be one."""
    if len(word) <= _ABBREVIATION:
        return rf"{re.escape(word)}(?:да|дан|га|нын)?"
    return re.escape(re.sub(r"(ая|ой|ую|асы|сы|ы)$", "", word)) + r"\w{0,6}"


def _town_name(folded: str, code: str, town: str, careful: set[str], everyday: set[str]) -> _Name:
    stem, soft = _stem(folded)
    ending = f"(?:{soft}{_KAZAKH_ENDING}|{_RUSSIAN_ENDING}|{soft})"
    pattern = re.compile(rf"\b{stem}{ending}\b")
    # "Есікте" is "in Esik" and "at the door": such a word is a place only where somebody lives in it.
    living = _LIVING if folded in everyday else ""
    # Of another word with a second meaning only "в Таразе", "Таразда", "город Тараз" is a place for sure.
    strict = re.compile(
        rf"\bв\s+{stem}(?:е|и|у|ой|ом)\b|\bиз\s+{stem}(?:а|и|ы|я|ого)\b"
        rf"|\b{stem}{soft}(?:да|де|та|те|дан|ден|тан|тен)(?:гы|ги)?(?:мын|мин|мыз|миз|пын|пин)?\b{living}"
        rf"|\b(?:город|г|городе|города)\s+{stem}\w{{0,2}}\b|\b{stem}{soft}\s+{_PLACE_WORDS}"
    )
    return _Name(folded, code, town, folded in careful | everyday, pattern, strict)


def _stem(folded: str) -> tuple[str, str]:
    """A name without its last vowel, which Russian endings replace, and that letter."""
    if folded[-1] in "аяыийе" and len(folded) > 4:
        return re.escape(folded[:-1]), folded[-1] + ("?" if folded[-1] == "й" else "")
    return re.escape(folded), ""


def _nearly(folded: str) -> list[_Name]:
    """Names that differ from a word of the answer by one letter."""
    ordinary = {_fold(word) for word in _file()["ordinary"]}
    words = [w for w in folded.split() if len(w) >= _FORGIVEN_LENGTH and w not in ordinary]
    found = []
    for name in _names():
        if len(name.folded) < _FORGIVEN_LENGTH or " " in name.folded:
            continue
        for word in words:
            bare = re.sub(rf"(?:{_KAZAKH_ENDING}|{_RUSSIAN_ENDING})$", "", word)
            if any(_one_apart(form, name.folded) for form in {word, bare}):
                found.append(name)
                break
    return found


def _one_apart(one: str, other: str) -> bool:
    """Is one word the other with a letter changed, missing, doubled or swapped with its neighbour?"""
    if abs(len(one) - len(other)) > 1 or len(one) < _FORGIVEN_LENGTH - 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    rest, rest_other = one[start:], other[start:]
    return (
        rest[1:] == rest_other[1:]
        or rest[1:] == rest_other
        or rest == rest_other[1:]
        or (len(rest) > 1 and rest[1::-1] + rest[2:] == rest_other)
    )


def _fold(text: str) -> str:
    """Lower case, one alphabet, words apart by single spaces."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = re.sub(r"[a-zöüşğıñä]+", _to_cyrillic, text).translate(_KAZAKH)
    # Soft signs are left out by half of those who type on a phone.
    text = text.replace("ь", "").replace("ъ", "")
    return " ".join(re.findall(r"\w+", text))


def _to_cyrillic(word: re.Match[str]) -> str:
    return _LATIN_PART.sub(lambda part: _LATIN_TABLE[part.group()], word.group())
