"""A message in parts: what stands in it beside a question, and what follows an opening."""

from __future__ import annotations

import re

# So many words a part has at least.
_LEAST_WORDS = 3
_BETWEEN_PARTS = re.compile(r"(?<=[.!?…])\s+|[,;\n]\s*")


def parts_of(text: str) -> list[str]:
    """Sentences and what stands between commas, of three words or more; nothing where there is only one such part."""
    parts = [part for part in _BETWEEN_PARTS.split(text) if len(part.split()) >= _LEAST_WORDS]
    return parts if len(parts) > 1 else []


def rests_of(text: str) -> list[str]:
    """What follows the first sentence or comma, the second and so on, as long as it has three words."""
    rests = [text[between.end() :] for between in _BETWEEN_PARTS.finditer(text)]
    return [rest for rest in rests if len(rest.split()) >= _LEAST_WORDS]
