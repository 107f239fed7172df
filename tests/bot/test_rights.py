"""Which topic of the law answers a question in words. All questions are invented."""

import pytest

from bot.actions.rights import topic_of


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("какой закон если учитель ударил", "is_crime"),
        ("это уголовка?", "is_crime"),
        ("мұғалім ұрса қандай заң бар", "is_crime"),
        ("бұл қылмыс па", "is_crime"),
        ("қай бапқа жатады", "is_crime"),
        ("прошло три года, уже поздно заявлять?", "too_late"),
        ("екі жыл өтті, кеш емес пе", "too_late"),
        ("надо ли видеть его в суде", "court"),
        ("сотта оны көрем бе", "court"),
        ("что спросят на допросе", "interview"),
        ("хочу стать следователем, что у них спрашивают", "interview"),
        ("тергеуші не сұрайды", "interview"),
    ],
)
def test_a_question_about_police_and_court_is_answered_by_its_topic(question: str, topic: str) -> None:
    assert topic_of("rights_police", question) == topic


def test_other_questions_have_one_topic() -> None:
    assert topic_of("confidentiality", "это законно?") == "confidentiality"
    assert topic_of(None, "") == "rights"
