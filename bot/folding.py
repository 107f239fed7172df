"""One spelling for the many in which children write Kazakh and Russian."""

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u0300-\u036f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
# Letters held apart, as in "п о м о г и"; bounded, so that a wall of single letters costs no more than its length.
_SPACED = re.compile(r"(?<![\w@$])(?:[^\W\d_][ .\-_*]){3,40}[^\W\d_](?![\w@$])")
_SEPARATOR = re.compile(r"[ .\-_*]")
# A word, with the apostrophes that stand for a soft sign in Latin letters.
_WORD = re.compile(r"[\w@$][\w@$'’`ʹ]*")
_LATIN = re.compile(r"[a-zà-žß]")
_CYRILLIC = re.compile(r"[а-яёәғқңөұүһі]")
_APOSTROPHE = re.compile(r"['’`ʹ]")

_LETTERS = str.maketrans("әғқңөұүһіёўїє", "агкноуухиеуие")
_LEET = str.maketrans({"0": "о", "3": "з", "4": "ч", "6": "б", "@": "а", "$": "с"})
_LATIN_LEET = str.maketrans({"0": "o", "3": "e", "@": "a", "$": "s"})
# Latin and Greek letters drawn like Cyrillic ones, as they pass for them inside a Cyrillic word.
_LOOKALIKE = str.maketrans("aceopxykmthibαοερτκνυχ", "асеорхукмтнивaоертквух")
_ONLY_LOOKALIKES = re.compile(r"[aceopxykmthbw0346]+")

_DIGRAPHS = (
    ("shch", "щ"), ("sch", "щ"), ("sh", "ш"), ("ch", "ч"), ("zh", "ж"), ("kh", "х"), ("gh", "г"), ("ph", "ф"),
    ("ts", "ц"), ("ya", "я"), ("yu", "ю"), ("yo", "е"), ("ye", "е"), ("ia", "я"), ("iu", "ю"), ("4", "ч"),
)  # fmt: skip
_SINGLE = dict(zip("abcdefghijklmnopqrstuvwxyz", "абсдефгхижклмнопкрстуужхыз", strict=True)) | {
    "v": "в", "x": "х", "ı": "ы", "ş": "ш", "ç": "ч", "ğ": "г", "ä": "а", "á": "а", "ö": "о", "ó": "о",
    "ü": "у", "ú": "у", "ū": "у", "ñ": "н", "ń": "н", "ß": "с", "č": "ч", "š": "ш", "ž": "ж", "é": "е",
}  # fmt: skip
_KAZAKH = dict(_DIGRAPHS) | _SINGLE
# Where Russian parts ways: j and y beside a vowel are й, ja and ju are я and ю, w is в, c is ц.
_RUSSIAN = dict(_DIGRAPHS) | _SINGLE | {"w": "в", "c": "ц", "ja": "я", "ju": "ю", "jo": "е", "ь": "й"}
_KAZAKH_PART = re.compile("|".join([pair for pair, _ in _DIGRAPHS] + ["[a-zà-ž]"]))
_RUSSIAN_PART = re.compile("|".join([pair for pair, _ in _DIGRAPHS] + ["ja", "ju", "jo", "[a-zà-žь]"]))
_SHORT_I = re.compile(r"(?<=[aeiouy])[jy](?![aeou])")


def foldings(text: str) -> tuple[str, ...]:
    """The forms that a text may stand for: one, or up to three where its Latin letters can be read in several ways."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).lower()
    # Lower-casing a few letters (İ) brings a mark of its own.
    plain = _REPEATED.sub(r"\1", _INVISIBLE.sub("", plain))
    plain = _SPACED.sub(lambda found: _SEPARATOR.sub("", found.group()), plain)
    if plain.isascii() or _LATIN.search(plain) or any(sign in plain for sign in "0346@$αοερτκνυχ"):
        forms = [_WORD.sub(lambda word, way=way: _read(word.group(), way), plain) for way in range(3)]
    else:
        forms = [plain]
    return tuple(dict.fromkeys(_REPEATED.sub(r"\1", form.translate(_LETTERS)) for form in forms))


def fold(text: str) -> str:
    """The likeliest of the forms of a text."""
    return foldings(text)[0]


def _read(word: str, way: int) -> str:
    """A word in Cyrillic, read in the Kazakh way (0), the Russian (1) or by the look of its letters (2)."""
    bare = _APOSTROPHE.sub("", word)
    if _CYRILLIC.search(bare):
        return _by_look(bare)
    if not _LATIN.search(bare):
        return word
    if way == 2 and _ONLY_LOOKALIKES.fullmatch(bare):
        return _by_look(bare.replace("w", "ш"))
    bare = bare.translate(_LATIN_LEET)
    if way == 0:
        return _KAZAKH_PART.sub(lambda part: _KAZAKH.get(part.group(), part.group()), bare)
    bare = _SHORT_I.sub("ь", bare)
    return _RUSSIAN_PART.sub(lambda part: _RUSSIAN.get(part.group(), part.group()), bare)


def _by_look(word: str) -> str:
    """A word of Cyrillic letters with strangers among them: digits and Latin letters that pass for them."""
    letters = sum(character.isalpha() for character in word)
    # "5б" is a class and "16лет" an age: digits pass for letters only where letters prevail.
    if letters >= 3 and letters * 2 >= len(word):
        word = word.translate(_LEET)
    if not _LATIN.search(word):
        return word.translate(_LOOKALIKE)
    # A Latin b closes a word as a soft sign and opens one as В.
    word = re.sub(r"b$", "ь", word).translate(_LOOKALIKE)
    return _RUSSIAN_PART.sub(lambda part: _RUSSIAN.get(part.group(), part.group()), word)
