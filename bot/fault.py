"""The question that hurt children ask most: is it my fault? It is answered before anything else is read."""

import re

from bot.folding import foldings

# Longer messages tell more than that: they are read as what they tell, and their answer says it too.
_MOST_WORDS = 8
_I = r"(?:я|йа)"
_RUSSIAN = re.compile(
    rf"(?:\b{_I} (?:сам[аи]? |же |во всем |тоже |наверное? |что ли )*виноват"
    rf"|виноват[аы]? (?:ли |же |наверное? |во всем )*{_I}\b"
    r"|\b(?:это )?моя вина\b|\bвин[аы] (?:на мне|моя)\b|\b(?:это|все) (?:все )?из.?за меня\b|\bсам[аи]? виноват)"
)
_KAZAKH = re.compile(
    r"(?:\b(?:менин|мениң|озимнин|оз) кина[мн]|\b(?:мен|озим|оз[иы]м) (?:гой |де |да )?кинали|\bкинали (?:мен|озим)"
    r"|\b(?:менин|озимнин) кесирим|\bмен(?:ен|нен)? (?:болды|болган) ба\b|\bмен ушин (?:болды|болган))"
)


def asks_of_fault(text: str) -> bool:
    """Does a short message ask, or say, that it is the writer's own fault?"""
    if len(text.split()) > _MOST_WORDS:
        return False
    forms = (" ".join(re.sub(r"[^\w]+", " ", form).split()) for form in foldings(text))
    return any(_RUSSIAN.search(form) or _KAZAKH.search(form) for form in forms)
