"""One spelling for the many in which children write Kazakh and Russian."""

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u0300-\u036f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
# Letters held apart, as in "п о м о г и"; bounded, against walls of letters.
_SPACED = re.compile(r"(?<![\w@$])(?:[^\W\d_][ .\-_*]){3,40}[^\W\d_](?![\w@$])")
_SEPARATOR = re.compile(r"[ .\-_*]")
_LATIN = re.compile(r"[a-zß-ž]")
# The soft sign of Latin spelling: zhit'.
_APOSTROPHE = re.compile(r"(?<=[a-z])['’`ʹ]")

_LETTERS = str.maketrans("әғқңөұүһіёўїє", "агкноуухиеуие")
_LEET = str.maketrans({"0": "о", "3": "з", "4": "ч", "6": "б", "@": "а", "$": "с"})
_LATIN_LEET = str.maketrans({"0": "o", "3": "e", "4": "ч", "@": "a", "$": "s"})
# Latin and Greek letters drawn like Cyrillic ones, as they pass for them inside a Cyrillic word.
_LOOKALIKE = str.maketrans("aceopxykmthibαοερτκνυχ", "асеорхукмтниваоертквух")

_DIGRAPHS = (
    ("shch", "щ"), ("sch", "щ"), ("sh", "ш"), ("ch", "ч"), ("zh", "ж"), ("kh", "х"), ("gh", "г"),
    ("ph", "ф"), ("ts", "ц"), ("ya", "я"), ("yu", "ю"), ("yo", "е"), ("ye", "е"), ("ia", "я"), ("iu", "ю"),
)  # fmt: skip
# Russian parts ways: ja and ju are я and ю, j after a vowel is й like y in both, w is в.
_RUSSIAN_DIGRAPHS = (*_DIGRAPHS, ("ja", "я"), ("ju", "ю"), ("jo", "е"))
_KAZAKH_LATIN = _LETTERS | str.maketrans(
    "abcdefghijklmnopqrstuvwxyzışçğäáâöóüúūñńßčšžé", "абцдефгхижклмнопкрстувухызышчгаааооуууннсчшже"
)
_RUSSIAN_LATIN = {**_KAZAKH_LATIN, ord("w"): ord("в")}
_SHORT_I = re.compile(r"(?<=[aeiouyäöü])y(?![aeou])")
_RUSSIAN_SHORT_I = re.compile(r"(?<=[aeiouy])[jy](?![aeou])")
# Latin words with signs that pass for letters, and words of both scripts: both are rare.
_MARKED = re.compile(r"(?<![a-z\d@$])(?=[a-z]+[034@$]|[034@$][a-z]{2})[a-z\d@$]+")
_MIXED = re.compile(r"(?<![\w@$])[\w@$]*(?:[а-яёәғқңөұүһі][a-zα-ω0346@$]|[a-zα-ω0346@$][а-яёәғқңөұүһі])[\w@$]*")
# "xo4y": with a letter that is commoner by its look than by its sound; "papa" is just papa.
_ONLY_LOOKALIKES = re.compile(r"(?<![^\W_])(?=[a-z046]*[xyw46])[aceopxykmthbw046]{3,}(?![^\W_])")


def foldings(text: str) -> tuple[str, ...]:
    """The forms that a text may stand for: one, or up to three where it has Latin letters."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).lower()
    # Lower-casing a few letters (İ) brings a mark of its own.
    plain = _REPEATED.sub(r"\1", _INVISIBLE.sub("", plain))
    plain = _SPACED.sub(lambda found: _SEPARATOR.sub("", found.group()), plain)
    plain = _MIXED.sub(lambda word: _by_look(word.group()), plain)
    if not _LATIN.search(plain):
        return (plain.translate(_LETTERS),)
    bare = _unmarked(plain)
    forms = [_kazakh(bare), _russian(bare)]
    by_look = _ONLY_LOOKALIKES.sub(lambda word: _by_look(word.group().replace("w", "ш")), plain)
    if by_look != plain:
        forms.append(_russian(_unmarked(by_look)))
    return tuple(dict.fromkeys(forms))


def fold(text: str) -> str:
    """The likeliest of the forms of a text."""
    return foldings(text)[0]


def _by_look(word: str) -> str:
    """A word with strangers among its Cyrillic letters: digits and Latin letters that pass for them."""
    letters = sum(character.isalpha() for character in word)
    # "5б" is a class and "16лет" an age: digits pass for letters only where letters prevail.
    if letters >= 2 and letters * 2 > len(word):
        word = word.translate(_LEET)
    if word.endswith("b"):
        # A Latin b closes a word as a soft sign and opens one as В.
        word = f"{word[:-1]}ь"
    return _russian(word.translate(_LOOKALIKE))


def _unmarked(text: str) -> str:
    """With the digits inside Latin words as the letters that they pass for."""
    return _MARKED.sub(lambda word: word.group().translate(_LATIN_LEET), text)


def _kazakh(text: str) -> str:
    text = _SHORT_I.sub("й", _APOSTROPHE.sub("", text))
    for pair, letter in _DIGRAPHS:
        text = text.replace(pair, letter)
    return text.translate(_KAZAKH_LATIN)


def _russian(text: str) -> str:
    text = _RUSSIAN_SHORT_I.sub("й", _APOSTROPHE.sub("ь", text))
    for pair, letter in _RUSSIAN_DIGRAPHS:
        text = text.replace(pair, letter)
    return text.translate(_RUSSIAN_LATIN)
