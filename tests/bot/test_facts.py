"""Who it is about: the one who writes, a friend, or a child in an adult's care. All lines are invented."""

import pytest

from bot.facts import find_audience, find_only_age


@pytest.mark.parametrize(
    "text",
    [
        "меня травят одноклассники",
        "одноклассники дразнят каждый день",
        "мой брат меня бьёт",
        "мой брат бьет когда мамы нет",
        "моя сестра постоянно обзывает",
        "подруга рассказала про меня всем",
        "знакомый мамы пристает ко мне",
        "сыныптастарым мазақтайды",
        "бауырым мені ұрады",
        "досым маған жаман сурет жіберді",
        "бауырым күнде ұрады",
        "мне грустно",
    ],
)
def test_it_is_about_the_child_that_writes(text: str) -> None:
    assert find_audience(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "мою подругу бьёт отчим",
        "моя подруга режет себя",
        "моего брата бьёт отец",
        "одноклассницу трогает учитель",
        "сестренку обижают во дворе",
        "досымды әкесі ұрады",
        "құрбым өлгісі келеді",
        "қарындасымды қинайды",
    ],
)
def test_it_is_about_somebody_else(text: str) -> None:
    assert find_audience(text) == "other"


@pytest.mark.parametrize("text", ["мою дочь бьют в школе", "внучка молчит, мой внук боится", "қызымды мектепте ұрады"])
def test_an_adult_writes_of_a_child(text: str) -> None:
    assert find_audience(text) == "adult"


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("16", "14-17"), ("мне 9", "7-10"), ("маған 12 жас", "11-13"), ("13 лет", "11-13"), (" 8! ", "7-10"),
        ("мне 9 и меня бьют", None), ("102", None), ("мама", None), ("3 раза", None),
    ],
)  # fmt: skip
def test_an_age_alone_is_nothing_but_an_age(text: str, band: str | None) -> None:
    assert find_only_age(text) == band
