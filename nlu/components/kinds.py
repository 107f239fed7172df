"""What kinds of intents there are: small talk, harm, questions; and which comes first when two are likely."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# What letters without sense are taken for.
SMALL_TALK = frozenset(("off_topic", "insult", "goodbye", "greet", "thanks"))
# What others do to a child, and what it may do to itself: never brushed aside as small talk without being sure.
HARM = frozenset((
    "sexual_abuse", "online_sexual_exploitation", "trafficking", "physical_violence", "emotional_abuse", "neglect",
    "bullying", "cyberbullying", "forced_marriage", "discrimination", "self_harm",
))  # fmt: skip
# What is asked, the requests of content/taxonomy.yaml and two about the talk itself: it fills a message, and what goes
# on beside it may go unread.
QUESTIONS = frozenset((
    "hotline", "crisis_centre", "legal_aid", "compensation", "rights_police", "report_alone", "confidentiality",
    "caregiver", "human", "who_are_you", "stop_erase",
))  # fmt: skip
# What stands before what is really told: "hello! how are you? he hit me again".
OPENINGS = frozenset(("greet", "thanks", "goodbye", "insult", "who_are_you"))
# What nothing is told with.
TALK = SMALL_TALK | {"who_are_you", "affirm", "deny", "unsure", "change_language", "stop_erase", "not_in_danger"}
# How many times likelier than all harm together small talk must be.
_CAUTION = 5.0


def rank(row: np.ndarray, intents: Sequence[str]) -> list[int]:
    """The places of the intents, likeliest first; but harm before small talk that is not clearly likelier."""
    best: list[int] = np.argsort(row)[::-1].tolist()
    if intents[best[0]] in SMALL_TALK:
        harms = [place for place in best if intents[place] in HARM]
        if harms and row[harms].sum() * _CAUTION >= row[best[0]]:
            best.remove(harms[0])
            best.insert(0, harms[0])
    return best
