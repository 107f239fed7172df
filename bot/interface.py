"""The words of the interface itself (the page, Telegram's command list), from locales/ by gettext."""

import gettext
from functools import cache
from pathlib import Path

from content.model import Locale

LOCALES_FOLDER = Path(__file__).resolve().parent.parent / "locales"


def _(words: str) -> str:
    """Marks words for `pybabel extract`; they are looked up in `translate`."""
    return words


PAGE_WORDS = {
    "chat_title": _("Janymda"),
    "chat_note": _("A program that helps to find help"),
    "quick_exit": _("Leave quickly"),
    "send": _("Send"),
    "write_here": _("Write here"),
    "trouble": _("The line is broken. In danger, call 102 or 112. Children's line: 150."),
}
COMMAND_WORDS = {
    "help": _("Help now"),
    "back": _("One step back"),
    "language": _("Change the language"),
    "hide": _("Hide the messages"),
    "erase": _("Erase what is kept"),
}


@cache
def _catalogue(locale: Locale) -> gettext.NullTranslations:
    return gettext.translation("bot", LOCALES_FOLDER, languages=[locale])


def translate(words: str, locale: Locale) -> str:
    """The words in this language; raises FileNotFoundError while the catalogues are not compiled."""
    return _catalogue(locale).gettext(words)
