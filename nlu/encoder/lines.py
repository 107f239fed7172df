"""Messages for the tuning: as another child would type them, and in batches of like length."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from components.folding import fold, lightly

# What goes through the network at once, in pieces: so many that both cores have work.
PIECES_AT_ONCE = 1_536


def batches(numbers: Sequence[Sequence[int]], pad: int, chance: random.Random | None) -> Iterator[Any]:
    """Lines of like length together; in another order each time when there is chance."""
    order = list(range(len(numbers)))
    if chance is not None:
        chance.shuffle(order)
    order = [i for start in range(0, len(order), 2_048)
             for i in sorted(order[start : start + 2_048], key=lambda i: len(numbers[i]))]  # fmt: skip
    groups: list[list[int]] = [[]]
    for i in order:
        if groups[-1] and len(numbers[i]) * (len(groups[-1]) + 1) > PIECES_AT_ONCE:
            groups.append([])
        groups[-1].append(i)
    if chance is not None:
        chance.shuffle(groups)
    for group in groups:
        width = max(len(numbers[i]) for i in group)
        ids = torch.full((len(group), width), pad)
        here = torch.zeros(len(group), width)
        for row, i in enumerate(group):
            ids[row, : len(numbers[i])], here[row, : len(numbers[i])] = torch.tensor(numbers[i]), 1.0
        yield group, ids, here


# So often a telling or asking line stands behind an opening of at most so many words.
_OPENED, OPENING_WORDS = 0.06, 5
_BETWEEN = (". ", "! ", ", ", ") ", " ", "... ")


def behind_an_opening(text: str, openings: Sequence[str], chance: random.Random) -> str:
    """Now and then a greeting, thanks or scorn first, as children begin: it must not hide what follows."""
    if chance.random() >= _OPENED:
        return text
    return f"{chance.choice(openings)}{chance.choice(_BETWEEN)}{text}"


_PLAIN = str.maketrans("әғқңөұүһіё", "агкноуухие")


def as_typed(text: str, chance: random.Random) -> str:
    """As another child would type it: no Kazakh letters, no signs, some letters wrong."""
    text = lightly(text)
    if chance.random() < 0.35:
        text = text.translate(_PLAIN)
    if chance.random() < 0.3:
        text = re.sub(r"[^\w\s]", "", text)
    if chance.random() < 0.2:
        text = _mistyped(text, chance)
    if chance.random() < 0.1:
        # Latin letters lose the soft and the hard sign.
        text = fold(text.replace("ь", "").replace("ъ", "").replace("й", "и"))
    return text


def _mistyped(text: str, chance: random.Random) -> str:
    letters = list(text)
    for place in range(len(letters) - 2, 0, -1):
        if letters[place].isalpha() and chance.random() < 0.06:
            what = chance.randrange(3)
            if what == 0:
                del letters[place]
            elif what == 1:
                letters.insert(place, letters[place])
            else:
                letters[place], letters[place + 1] = letters[place + 1], letters[place]
    return "".join(letters)
