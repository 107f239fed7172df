"""The words of the console and of notices to organisations, from locales/ by gettext."""

import gettext
from functools import cache
from pathlib import Path

LOCALES_FOLDER = Path(__file__).resolve().parent.parent / "locales"
LANGUAGES = ("kk", "ru", "en")


def _(words: str) -> str:
    """Marks words for `pybabel extract`; they are looked up in `translate`."""
    return words


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The translations of one language; English, the language of the source, needs none."""
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation("console", LOCALES_FOLDER, languages=[language])


def translate(words: str, language: str) -> str:
    """The words in this language; raises FileNotFoundError while the catalogues are not compiled."""
    return catalogue(language).gettext(words)
