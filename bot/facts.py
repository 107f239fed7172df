"""What a message says in passing about the one who writes: age, and for whom help is sought."""

import re

from content.regions import find_region

# Words by which an adult speaks of a child in their care, in both languages, by their stems.
_OF_A_CHILD = re.compile(
    r"\b(мо(?:я|ю|ей|его|ему|й|и|их)\s+(?:доч|сын|внук|внуч|реб[её]н|дет|ученик|ученик|воспитанн)\w*"
    r"|наш\w*\s+(?:доч|сын|внук|внуч|реб[её]н)\w*"
    r"|(?:я|мы)\s+(?:его\s+|её\s+|ее\s+|их\s+)?"
    r"(?:учитель|воспитатель|бабушка|дедушка|мама|мать|отец|папа|т[её]тя|классный|психолог|сосед)\w*"
    r"|(?:қыз|ұл|бала|немере|шәкірт|оқушы)(?:ым|м|мыз|ымыз|лары[мң])(?:а|ды|ның|нан|ға|ге|ды|ні|ді)?"
    r"|мен\s+(?:мұғалім|анасы|әкесі|әжесі|атасы|тәрбиеші)\w*)\b",
    re.IGNORECASE,
)
# Words for a child that only its parents and grandparents use without "my"; "the neighbour's son" is none.
_OF_A_WARD = re.compile(
    r"\b(?:внуч|внук|дочк|дочер|доченьк|дочурк|сыночк|сынишк|сынок|дочь\b|сын(?:а|у|ом|е)?\b)\w*"
    r"(?!\s+(?:наш\w+\s+|мо\w+\s+)?(?:сосед|друг|подруг|отчим|мачех|учител|директор|хозя|мамин|папин|т[её]т|дяд))",
    re.IGNORECASE,
)
# Words by which a child speaks of a friend, a brother or a sister. Classmates count only one at a time, and
# not as the one who does it.
_OF_A_FRIEND = re.compile(
    r"\b(?:подруг|подруж|мо(?:й|его|ему)\s+друг|одноклассни(?:ка|ку|ком|цу|це|ца)\b|мо(?:я|ю|ей)\s+сестр"
    r"|сестр[уеы]нк|мо(?:й|его|ему)\s+брат|братиш|знаком(?:ый|ая|ого|ой)"
    r"|дос(?:ым|ыма|ымды|ымның)|құрбым|достым|сыныптасым|сіңлім|інім|бауырым|қарындасым)\w*",
    re.IGNORECASE,
)
# The one to whom it is done is the one who writes, whoever else is named.
_TO_ME = re.compile(r"\b(?:меня|мной|надо мной|ко мне|на меня|мені|маған|menya|meni|magan)\b", re.IGNORECASE)
# A friend, a brother or a sister who does it, not to whom it is done.
_DOES_IT = re.compile(
    r"\b(?:подруга|мой\s+друг|моя\s+сестра|мой\s+брат|знакомый|досым|құрбым|достым|сыныптасым|інім|бауырым)\s+"
    r"(?:\w+\s+){0,2}?(?:бь[её]т|избива|обижа|трога|приста|домога|унижа|ор[её]т|крич|угрожа|щипа|толка|заставля"
    r"|шантаж|обзыва|дразн|ұра|ұрып|соғ|тиіс|қорлай|мазақта|қорқыт)",
    re.IGNORECASE,
)
# What can stand between "to me" and an age, and what makes of the number no age: hours, money, messages.
_SOON = r"(?:уже|только|почти|скоро|сейчас|всего|қазір|казир|енді|енди)"
_NO_AGE = (
    r"(?!\s*(?:раз|час|сағат|сагат|минут|дн|ден|күн|кун|недел|апта|месяц|ай\b|тыс|тен|тг|мың|мын|рет|сообщ|хабар"
    r"|класс|-?й\b))"
)
_YEARS = r"(?:лет|год(?:а|иков)?|жас(?:та|тағы)?|zhas\w*|jas\w*|let)"
# Whose years they are is sure only where nobody but the writer stands beside them: "я девочка 9 лет".
_WRITER = r"(?:^|[.,;!?(\n]|\b(?:я|мен|девочка|мальчик|девушка|парень|подросток|ученица|ученик|қызбын|ұлмын|баламын))"
_AGE_PHRASES = tuple(
    re.compile(phrase, re.IGNORECASE)
    for phrase in (
        rf"\b(?:мне|маған|маган|mne|magan|жасым)\s+(?:{_SOON}\s+)?(\d{{1,2}})\b{_NO_AGE}",
        rf"{_WRITER}\s*(\d{{1,2}})\s*{_YEARS}\s*(?:$|[.,;!?)\n]|мне\b|и\b|девоч|мальч|девуш|парень|учусь|қыз|ұл)",
        r"\b(\d{1,2})[\s-]*(?:жас\s?тамын|жастамин|дамын|дамин|демін|демин|тамын|темін|zhastamyn|jastamyn)\b",
        r"\b(\d{1,2})\s*жас(?:ар|тағы)\s+(?:қыз|кыз|ұл|ул|бала)(?:мын|бын|пын)\b",
    )
)
_AGE_WORDS = {
    "семь": 7, "восемь": 8, "девять": 9, "десять": 10, "одиннадцать": 11, "двенадцать": 12,
    "тринадцать": 13, "четырнадцать": 14, "пятнадцать": 15, "шестнадцать": 16, "семнадцать": 17,
    "жеті": 7, "сегіз": 8, "тоғыз": 9, "он бір": 11, "он екі": 12, "он үш": 13, "он төрт": 14,
    "он бес": 15, "он алты": 16, "он жеті": 17, "он": 10,
}  # fmt: skip
_ADULT_ANSWER = re.compile(
    r"взросл|ересек|үлкен|родител|ата-?ана|мама|бабушк|учител|мұғалім|анасы|әжесі", re.IGNORECASE
)
YOUNGEST, OLDEST = 4, 99

_LONGEST_AGE = 40
_FEW_WORDS = 3
_ONLY_AGE = re.compile(
    rf"\W*(?:(?:мне|я|маған|маган|мен|менің жасым|жасым|{_SOON})\W+)*(\d{{1,2}})"
    r"(?:\W*(?:лет|год|года|годиков|жас\w*|дамын|дамин|демін|демин|тамын|темін|те|та|де|да|мне|толды|исполнилось))*\W*",
    re.IGNORECASE,
)


def band_of(age: int) -> str:
    """The register for an age in years."""
    if age <= 10:
        return "7-10"
    if age <= 13:
        return "11-13"
    return "14-17" if age <= 17 else "adult"


def age_of_band(band: str | None) -> int | None:
    """An age that stands for a band when services are looked up; None when nothing is known."""
    return {"7-10": 9, "11-13": 12, "14-17": 16}.get(band or "")


def find_age_band(text: str) -> str | None:
    """The band of an age that a sentence tells (`мне 9`, `13 жастамын`); None when it tells none."""
    for phrase in _AGE_PHRASES:
        found = phrase.search(text)
        if found and YOUNGEST <= int(found.group(1)) <= OLDEST:
            return band_of(int(found.group(1)))
    return None


def find_only_age(text: str) -> str | None:
    """The band when a message is an age and nothing else (`16`, `мне 9`, `маған 14 жас`)."""
    found = _ONLY_AGE.fullmatch(text.strip()) if len(text) <= _LONGEST_AGE else None
    if found and YOUNGEST <= int(found.group(1)) <= OLDEST:
        return band_of(int(found.group(1)))
    return None


def read_age_answer(text: str) -> str | None:
    """The band meant by an answer to "how old are you": a number, a word, or "an adult"."""
    told = find_age_band(text)
    if told:
        return told
    number = re.search(r"\d{1,3}", text)
    if number and YOUNGEST <= int(number.group()) <= OLDEST:
        return band_of(int(number.group()))
    age = _age_in_words(text)
    if age:
        return band_of(age)
    return "adult" if _ADULT_ANSWER.search(text) else None


def _age_in_words(text: str) -> int | None:
    for word, age in _AGE_WORDS.items():
        # "Он" is ten in Kazakh and "he" in Russian: ten stands alone or at the end, or before "years".
        behind = r"(?=\s*(?:жас\w*)?\W*$)" if word == "он" else r"\b"
        if re.search(rf"\b{word}\b{behind}", text.lower()):
            return age
    return None


def find_audience(text: str) -> str | None:
    """`adult` when an adult speaks of a child, `other` when a child speaks of a friend or sibling."""
    if _OF_A_CHILD.search(text) or (_OF_A_WARD.search(text) and not _TO_ME.search(text)):
        return "adult"
    if _TO_ME.search(text) or _DOES_IT.search(text):
        return None
    return "other" if _OF_A_FRIEND.search(text) else None


_SELF_ANSWER = re.compile(
    r"\b(?:себя|мне|себе|меня|сам[аи]?|өзім\w*|маған|ozim\w*|ozime|magan|dlya sebya|sebe|mne)\b",
    re.IGNORECASE,
)
_OTHER_ANSWER = re.compile(
    r"\b(?:для\s+друг\w+|друг\w*|подруг\w*|брат\w*|сестр\w*|басқа\w*|дос\w*|құрбы\w*|drug\w*|dos\w*)\b",
    re.IGNORECASE,
)


# What stands around such an answer, as whole words.
_BESIDE_AUDIENCE = re.compile(
    r"для|за|про|о|это|я|себя|мой|моя|моего|моему|моей|мою|свой|своего|своей|свою|нужна|нужно|нужен|помощь|самому|самой|тут|пишу|пишет|спрашиваю|младш\w+|старш\w+|нам|с"
    r"|үшін|көмек|керек|менің|мен|жазып|отырмын|dlya|za|ya|uchun|ushin|komek|kerek",
    re.IGNORECASE,
)


def is_only_audience(text: str) -> bool:
    """Does it hold nothing but an answer to "whom is help for"? "Мама" does; "мама не просыпается" does not."""
    known = (_SELF_ANSWER, _OTHER_ANSWER, _ADULT_ANSWER)
    return all(
        _BESIDE_AUDIENCE.fullmatch(word) or any(one.match(word) for one in known)
        for word in re.findall(r"[\w-]+", text)
    )


def is_only_age(text: str) -> bool:
    """Does it hold hardly more than an answer to "how old are you"? "12, скоро 13" does; "мама меня бьёт" does not."""
    told = any(character.isdigit() for character in text) or _age_in_words(text) is not None
    return (told and len(text.split()) <= _FEW_WORDS) or is_only_audience(text)


def read_audience_answer(text: str) -> str | None:
    """Whom help is for, from an answer to that question."""
    if _ADULT_ANSWER.search(text):
        return "adult"
    if _SELF_ANSWER.search(text):
        return "self"
    return "other" if _OTHER_ANSWER.search(text) else None


_KAZAKH_ANSWER = re.compile(r"қазақ|казах|казак|qazaq|kazak|kazakh", re.IGNORECASE)
_RUSSIAN_ANSWER = re.compile(r"орыс|русск|russ|orys|руский", re.IGNORECASE)


def read_language_answer(text: str) -> str | None:
    """The language that a sentence names, in either language."""
    if _KAZAKH_ANSWER.search(text):
        return "kk"
    return "ru" if _RUSSIAN_ANSWER.search(text) else None


def find_one_region(text: str) -> str | None:
    """The region that a sentence names without doubt."""
    codes = find_region(text).codes
    return codes[0] if len(codes) == 1 else None
