"""What the law says, topic by topic; amounts are computed from the rates of the year."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.reply import Event, button, entity, intent, say, text
from bot.folding import fold
from content.rates import mci

# The question that was asked in words -> the topic that answers it.
_TOPIC_OF = {
    "legal_aid": "lawyer",
    "compensation": "compensation",
    "report_alone": "report",
    "confidentiality": "confidentiality",
}
# What a question about police and court is about, by its words after folding: the first that fits, else the interview.
_ASKED_OF = {
    "too_late": re.compile(r"поздно|давност|\bкеш(?:ик\w*)?\b|ескир|мерзим"),
    "court": re.compile(
        r"\bсуд(?:ь|е|а|у|ом|еб\w+)?\b|\bсудь|заседани|\bсот(?:та|тын|ты|пен)?\b|\bсотка (?:бар|кел|шак)"
    ),
    "is_crime": re.compile(
        r"закон|преступ|уголовк|\bстать[яюеи]\b|\bправо\b|\bзан\w*|\bбап\w{0,3}\b|кылмыс|кукы(?:лы|гы)|сажа[юе]|посад[яи]|сотта[лй]|жазала|накаж"
    ),
}
# Topic -> what is most often asked next.
_NEXT = {
    "rights": ("report", "interview", "court", "too_late", "lawyer", "compensation"),
    "report": ("interview", "confidentiality", "lawyer"),
    "interview": ("court", "lawyer", "too_late"),
    "court": ("safety", "lawyer", "compensation"),
    "too_late": ("report", "is_crime", "lawyer"),
    "is_crime": ("report", "too_late", "lawyer"),
    "lawyer": ("report", "compensation", "foreigner"),
    "compensation": ("lawyer", "court", "foreigner"),
    "confidentiality": ("report", "safety", "lawyer"),
    "safety": ("court", "report", "lawyer"),
    "foreigner": ("lawyer", "report", "compensation"),
    "cg_say": ("cg_not_say", "cg_duty"),
    "cg_not_say": ("cg_say", "cg_duty"),
    "cg_duty": ("cg_law", "cg_say"),
    "cg_law": ("report", "cg_duty"),
}
_MCI_SHARES = {"fund": 30, "fund_grave": 40, "fund_death": 150, "fine": 6000}


class ExplainTopic(Action):
    """Explains one topic of the law and offers the next."""

    def __init__(self, now: Callable[[], datetime], can_hand_over: Callable[[], bool]) -> None:
        self._now = now
        self._can_hand_over = can_hand_over

    def name(self) -> str:
        return "action_explain_topic"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Event]:
        topic = entity(tracker, "topic") or topic_of(intent(tracker), text(tracker))
        if topic not in _NEXT:
            topic = "rights"
        key = topic if topic.startswith("cg_") else f"rights_{topic}"
        buttons = [button(_label(t), "choose_topic", topic=t) for t in _NEXT[topic]]
        if topic in ("lawyer", "report", "cg_duty"):
            buttons.append(button("near_me", "crisis_centre"))
        if topic in ("report", "confidentiality") and self._can_hand_over():
            buttons.append(button("ask_handover", "ask_handover"))
        say(
            dispatcher,
            "rights_menu" if topic == "rights" else key,
            facts=amounts(self._now()),
            buttons=buttons,
        )
        return []


def topic_of(asked: str | None, written: str) -> str:
    """The topic that answers a question in words."""
    if asked == "rights_police":
        folded = fold(written)
        return next((topic for topic, words in _ASKED_OF.items() if words.search(folded)), "interview")
    return _TOPIC_OF.get(asked or "", "rights")


def _label(topic: str) -> str:
    return topic if topic.startswith("cg_") else f"topic_{topic}"


def amounts(at: datetime) -> dict[str, str]:
    """Sums of money in tenge for the year of `at`; empty where the year's rate is not known."""
    rate = mci(at.year)
    if rate is None:
        return {}
    sums = {name: f"{int(rate * share):,}".replace(",", " ") for name, share in _MCI_SHARES.items()}
    return {**sums, "year": str(at.year)}
