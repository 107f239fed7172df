"""One spelling for the many in which children write Kazakh and Russian."""

from __future__ import annotations

import re
import unicodedata

# Kazakh letters as they are typed on a phone without a Kazakh keyboard.
_KAZAKH = str.maketrans("әғқңөұүһіё", "агкноуухие")

# Longest first. Both languages' habits in one table: where they differ (y, j), the Kazakh reading
# is taken, and character n-grams see enough of the rest of the word to forgive it in Russian.
_LATIN = [
    ("shch", "щ"), ("sch", "щ"), ("sh", "ш"), ("ch", "ч"), ("zh", "ж"), ("kh", "х"), ("gh", "г"),
    ("ng", "нг"), ("ts", "ц"), ("ya", "я"), ("yu", "ю"), ("yo", "е"), ("ye", "е"), ("ia", "я"),
    ("iu", "ю"), ("a", "а"), ("b", "б"), ("c", "с"), ("d", "д"), ("e", "е"), ("f", "ф"),
    ("g", "г"), ("h", "х"), ("i", "и"), ("j", "ж"), ("k", "к"), ("l", "л"), ("m", "м"),
    ("n", "н"), ("o", "о"), ("p", "п"), ("q", "к"), ("r", "р"), ("s", "с"), ("t", "т"),
    ("u", "у"), ("v", "в"), ("w", "у"), ("x", "х"), ("y", "ы"), ("z", "з"), ("ı", "ы"),
    ("ş", "ш"), ("ç", "ч"), ("ğ", "г"), ("ä", "а"), ("ö", "о"), ("ü", "у"), ("ū", "у"), ("ñ", "н"),
]  # fmt: skip
_LATIN_TABLE = dict(_LATIN)
_LATIN_RE = re.compile("|".join(re.escape(latin) for latin, _ in _LATIN))
_LATIN_WORD = re.compile(r"[a-zışçğäöüūñ']+")
_REPEATED = re.compile(r"(.)\1{2,}")
# Emoji and other pictures: the lines have few, so that a reader takes them for strange words.
_PICTURES = re.compile(r"[\ufe00-\ufe0f\u2600-\u27bf\u2b00-\u2bff\u3030\U0001f000-\U0001faff]+")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


def fold(text: str) -> str:
    """Bring case, Kazakh letters, Latin script and drawn-out letters of a text to one form."""
    return _REPEATED.sub(r"\1", _in_cyrillic(text).translate(_KAZAKH))


def lightly(text: str) -> str:
    """The same, but Kazakh keeps its letters: for a reader that knows Kazakh words."""
    return _REPEATED.sub(r"\1", _in_cyrillic(text))


def _in_cyrillic(text: str) -> str:
    text = _PICTURES.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))).lower()
    return _LATIN_WORD.sub(_to_cyrillic, text)


def _to_cyrillic(word: re.Match[str]) -> str:
    latin = word.group().replace("'", "")
    return _LATIN_RE.sub(lambda match: _LATIN_TABLE[match.group()], latin)
