"""The console's words in Kazakh and Russian: all there, and one word for one thing."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from tests.conftest import ROOT

# What the glossary calls by another name, or once was called by several.
_OTHER_WORDS = {
    "ru": (
        r"просьб",
        r"\bуслуг",
        r"второ\w+ человек",
        r"\bпередач\w* (?:было|открыт)",
        r"(?<!ую )(?<!ая )(?<!ой )(?<![иы]е )\bфраз[аыу]\b",
    ),
    "kk": (r"тіркес", r"екінші адам(?!нан)", r"рақмет"),
}
_MAY = frozenset(("Ready phrases", "Asking an organisation for help"))


def _catalogue(language: str) -> Catalog:
    path: Path = ROOT / "locales" / language / "LC_MESSAGES" / "console.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_every_word_is_there_and_was_looked_at(language: str) -> None:
    messages = [message for message in _catalogue(language) if message.id]
    assert len(messages) > 300
    assert [message.id for message in messages if not message.string or message.fuzzy] == []


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_one_thing_has_one_name(language: str) -> None:
    found = [
        (message.id, message.string)
        for message in _catalogue(language)
        if message.id and message.id not in _MAY
        for pattern in _OTHER_WORDS[language]
        if re.search(pattern, str(message.string), re.IGNORECASE)
    ]
    assert found == []


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_it_ends_as_the_original_ends(language: str) -> None:
    """A sentence stays a sentence, a line that goes on goes on."""
    wrong = [
        message.id
        for message in _catalogue(language)
        if message.id and (str(message.id)[-1:] in ".?:") and str(message.string)[-1:] != str(message.id)[-1:]
    ]
    assert wrong == []
