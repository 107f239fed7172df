"""The same message as other hands would type it: for measuring what such noise costs."""

import random
import re
from collections.abc import Callable

_PLAIN = str.maketrans("әғқңөұүһіӘҒҚҢӨҰҮҺІ", "агкноуухиАГКНОУУХИ")
_LATIN = {
    "а": "a", "ә": "a", "б": "b", "в": "v", "г": "g", "ғ": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z",
    "и": "i", "й": "i", "к": "k", "қ": "q", "л": "l", "м": "m", "н": "n", "ң": "n", "о": "o", "ө": "o", "п": "p",
    "р": "r", "с": "s", "т": "t", "у": "u", "ұ": "u", "ү": "u", "ф": "f", "х": "h", "һ": "h", "ц": "c", "ч": "ch",
    "ш": "sh", "щ": "sh", "ъ": "", "ы": "y", "і": "i", "ь": "", "э": "e", "ю": "yu", "я": "ya",
}  # fmt: skip
_EMOJI = ("😭", "💔", "🙏", "😔", "😂")


def plain_letters(text: str, chance: random.Random) -> str:
    """Without Kazakh letters, as on a phone that has none."""
    return text.translate(_PLAIN)


def latin(text: str, chance: random.Random) -> str:
    """In Latin letters."""
    return "".join(_LATIN.get(letter, letter) for letter in text.lower())


def typing_errors(text: str, chance: random.Random) -> str:
    """One letter in fifteen left out, doubled or swapped with the next.

    nlu/encoder/lines.py makes the same errors for the tuning, in another environment. They are not shared: who changes
    the one must not change what is measured with the other.
    """
    letters = list(text)
    for place in range(len(letters) - 2, 0, -1):
        if letters[place].isalpha() and chance.random() < 1 / 15:
            what = chance.randrange(3)
            if what == 0:
                del letters[place]
            elif what == 1:
                letters.insert(place, letters[place])
            else:
                letters[place], letters[place + 1] = letters[place + 1], letters[place]
    return "".join(letters)


def capitals(text: str, chance: random.Random) -> str:
    """All in capitals."""
    return text.upper()


def emoji(text: str, chance: random.Random) -> str:
    """With emoji between and behind the words."""
    words = text.split()
    words.insert(chance.randrange(len(words) + 1), chance.choice(_EMOJI))
    return " ".join(words) + chance.choice(_EMOJI) * 2


def repeated_letters(text: str, chance: random.Random) -> str:
    """Vowels drawn out."""
    return re.sub(r"[аеиоуыіұүөәяюэё]", lambda m: m.group() * (4 if chance.random() < 0.2 else 1), text)


NOISES: dict[str, Callable[[str, random.Random], str]] = {
    "as written": lambda text, chance: text,
    "without Kazakh letters": plain_letters,
    "Latin letters": latin,
    "typing errors": typing_errors,
    "capitals": capitals,
    "emoji": emoji,
    "repeated letters": repeated_letters,
}
