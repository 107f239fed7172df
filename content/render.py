"""From a reply key and facts to the words for this child."""

import string
from collections.abc import Mapping

from content.model import Catalogue, Locale, Register

# The register when nobody has told an age: plain enough for the young, no insult to the older.
DEFAULT_REGISTER: Register = "11-13"


class UnknownKey(Exception):
    """No content stands under this key."""


def render(
    catalogue: Catalogue,
    key: str,
    locale: Locale,
    register: Register | None,
    facts: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """The messages of a reply, facts filled in. A fact that is missing leaves its line out."""
    reply = catalogue.replies.get(key)
    if reply is None:
        raise UnknownKey(key)
    texts = reply.messages(locale, register or DEFAULT_REGISTER)
    return tuple(_fill(text, facts or {}) for text in texts)


def label(catalogue: Catalogue, key: str, locale: Locale) -> str:
    """The words on a button."""
    found = catalogue.labels.get(key)
    if found is None:
        raise UnknownKey(key)
    return found.text(locale)


def _fill(text: str, facts: Mapping[str, str]) -> str:
    lines = []
    for line in text.split("\n"):
        names = [name for _, name, _, _ in string.Formatter().parse(line) if name]
        if all(facts.get(name) for name in names):
            lines.append(line.format_map(facts))
    return "\n".join(lines)
