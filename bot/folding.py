"""One spelling for the many in which children write Kazakh and Russian, for the guard's lexicon."""

import re
import unicodedata

# Kazakh letters as typed without them; ё and э as е; soft and hard signs, which many leave out, not at all.
LETTERS = str.maketrans("әғқңөұүһіёэ", "агкноуухиее", "ьъ")
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_REPEATED = re.compile(r"(.)\1{2,}")
_LEET = str.maketrans({"0": "о", "3": "з", "4": "ч", "6": "б", "@": "а", "$": "с"})
_LEET_WORD = re.compile(r"(?=\w*[^\W\d_])(?=\w*[0346@$])[\w@$]+")
_SPACED = re.compile(r"\b(?:\w[ .\-_*]){3,}\w\b")
# Latin letters that only look like Cyrillic ones, when they stand in a Cyrillic word.
_LOOKALIKE = str.maketrans("aceopxykmthbi", "асеорхукмтнви")
_MIXED_WORD = re.compile(r"(?=\w*[а-яәғқңөұүһі])(?=\w*[a-z])\w+")

# The commonest spellings by ear, where they decide about danger.
_MISSPELT = tuple(
    (re.compile(rf"\b{wrong}"), right)
    for wrong, right in (
        (r"нех[оа]ч", "не хоч"), (r"х[оа]ч(?=у\b|ешь|ет|ется|иш|им)", "хоч"), (r"немог", "не мог"),
        (r"ум[иы]р(?=ет|ат)", "умер"), (r"умерат", "умират"),
        (r"(?:щ[ая]с|ща|щя|счас|с[ие]час|сечас)\b", "сейчас"),
        (r"п[оа]м[оа]г[иы](?=те|т|\b)", "помоги"), (r"спас[ие]т[ие]", "спасите"),
        (r"жыт\b", "жит"), (r"нету\b", "нет"),
        (r"выгнол", "выгнал"), (r"нигде ночеват", "негде ночеват"), (r"казр|казыр", "казир"),
    )
)  # fmt: skip

_SHARED = (
    ("shch", "щ"), ("sch", "щ"), ("sh", "ш"), ("ch", "ч"), ("zh", "ж"), ("kh", "х"), ("gh", "г"),
    ("ts", "ц"), ("ya", "я"), ("yu", "ю"), ("yo", "е"), ("ye", "е"), ("ia", "я"), ("iu", "ю"),
    ("a", "а"), ("b", "б"), ("c", "с"), ("d", "д"), ("e", "е"), ("f", "ф"), ("g", "г"), ("h", "х"),
    ("i", "и"), ("k", "к"), ("l", "л"), ("m", "м"), ("n", "н"), ("o", "о"), ("p", "п"), ("q", "к"),
    ("r", "р"), ("s", "с"), ("t", "т"), ("u", "у"), ("v", "в"), ("w", "у"), ("x", "х"), ("z", "з"),
    ("ı", "ы"), ("ş", "ш"), ("ç", "ч"), ("ğ", "г"), ("ä", "а"), ("ö", "о"), ("ü", "у"), ("ñ", "н"),
    ("'", ""),
)  # fmt: skip
# Where the two languages part ways: Kazakh j is ж, Russian j is й.
_KAZAKH_LATIN = {**dict(_SHARED), "j": "ж", "y": "ы"}
_RUSSIAN_LATIN = {**dict(_SHARED), "j": "й", "y": "ы", "w": "в", "c": "ц"}
_LATIN_PART = re.compile("|".join(re.escape(part) for part, _ in (*_SHARED, ("j", ""), ("y", ""))))
_SHORT_I = re.compile(r"(?<=[aeiou])y(?![aeou])")
_LATIN_WORD = re.compile(r"[a-zışçğäöüñ']+")


def foldings(text: str) -> tuple[str, ...]:
    """The forms that a text may stand for: one, or two where its Latin letters can be read twice."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).lower()
    plain = _SPACED.sub(lambda found: re.sub(r"[ .\-_*]", "", found.group()), plain)
    plain = _MIXED_WORD.sub(lambda found: found.group().translate(_LOOKALIKE), plain)
    plain = _LEET_WORD.sub(lambda found: found.group().translate(_LEET), plain)
    kazakh = _finish(_LATIN_WORD.sub(lambda word: _spell(word.group(), _KAZAKH_LATIN), plain))
    if not _LATIN_WORD.search(plain):
        return (kazakh,)
    russian = _finish(_LATIN_WORD.sub(lambda word: _spell(word.group(), _RUSSIAN_LATIN), plain))
    return (kazakh,) if russian == kazakh else (kazakh, russian)


def fold(text: str) -> str:
    """The first of the forms of a text."""
    return foldings(text)[0]


def _spell(word: str, letters: dict[str, str]) -> str:
    word = _SHORT_I.sub("j", word) if letters is _RUSSIAN_LATIN else word
    return _LATIN_PART.sub(lambda part: letters[part.group()], word)


def _finish(text: str) -> str:
    text = _REPEATED.sub(r"\1", text.translate(LETTERS))
    for wrong, right in _MISSPELT:
        text = wrong.sub(right, text)
    return re.sub(r"\s+", " ", text).strip()
