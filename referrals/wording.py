"""The words of the console and of notices to organisations, from locales/ by gettext."""

import gettext
import re
from functools import cache
from pathlib import Path

LOCALES_FOLDER = Path(__file__).resolve().parent.parent / "locales"
LANGUAGES = ("kk", "ru", "en")
_CODE = re.compile(r"[a-z]+(?:_[a-z]+)+")


def _(words: str) -> str:
    """Marks words for `pybabel extract`; they are looked up in `translate`."""
    return words


class _English(gettext.NullTranslations):
    """The source is English already; only a code like `case_worker` is written as words."""

    def gettext(self, message: str) -> str:
        return message.replace("_", " ") if _CODE.fullmatch(message) else message


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The translations of one language; English is the language of the source."""
    if language == "en":
        return _English()
    return gettext.translation("console", LOCALES_FOLDER, languages=[language])


def translate(words: str, language: str) -> str:
    """The words in this language; raises FileNotFoundError while the catalogues are not compiled."""
    return catalogue(language).gettext(words)
