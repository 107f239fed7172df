"""Which answer danger gets that the model saw. No message stands here, only readings."""

import pytest

from bot.actions.safety import reply_of


@pytest.mark.parametrize(
    ("concern", "beside", "reply"),
    [
        (("sadness", 0.6), ("self_harm", 0.1), "danger_afraid"),
        # A wish to die, read beside sadness, must not be answered as fear of something.
        (("sadness", 0.6), ("self_harm", 0.3), "danger_suicide"),
        (("self_harm", 0.6), ("sadness", 0.3), "danger_suicide"),
        (("hotline", 0.6), ("neglect", 0.3), "danger_medical"),
        (("hotline", 0.6), ("off_topic", 0.3), "danger_attack"),
    ],
)
def test_danger_is_answered_by_its_kind(concern: tuple[str, float], beside: tuple[str, float], reply: str) -> None:
    ranking = [{"name": name, "confidence": sure} for name, sure in (concern, beside)]
    assert reply_of({"concern": ranking[0], "intent_ranking": ranking}) == reply


def test_danger_without_a_reading_is_answered_too() -> None:
    assert reply_of({}) == "danger_attack"
