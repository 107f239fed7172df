"""Who it is about: the one who writes, a friend, or a child in an adult's care. All lines are invented."""

import pytest

from bot.facts import find_age_band, find_audience, find_only_age, is_only_age, is_only_audience, read_age_answer


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


@pytest.mark.parametrize(
    "text",
    [
        "мою дочь бьют в школе", "внучка молчит, мой внук боится", "қызымды мектепте ұрады", "внучку обижает отчим",
        "дочь не хочет в школу", "у дочери синяки", "я его бабушка", "я отец, что она вам писала",
    ],
)  # fmt: skip
def test_an_adult_writes_of_a_child(text: str) -> None:
    assert find_audience(text) == "adult"


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("16", "14-17"), ("мне 9", "7-10"), ("маған 12 жас", "11-13"), ("13 лет", "11-13"), (" 8! ", "7-10"),
        ("16 дамын", "14-17"), ("мен 16 дамын", "14-17"), ("13-темін", "11-13"), ("мне уже 12 лет", "11-13"),
        ("жасым 15 те", "14-17"), ("мне 35", "adult"),
        ("мне 9 и меня бьют", None), ("102", None), ("мама", None), ("3 раза", None), ("мне " * 20 + "9", None),
    ],
)  # fmt: skip
def test_an_age_alone_is_nothing_but_an_age(text: str, band: str | None) -> None:
    assert find_only_age(text) == band


@pytest.mark.parametrize("text", ["сын соседа бьёт меня", "сын нашего соседа приставал", "сын учительницы дерётся"])
def test_somebody_elses_son_makes_nobody_an_adult(text: str) -> None:
    assert find_audience(text) != "adult"


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("меня бьют, мне 13 лет", "11-13"), ("я девочка 9 лет", "7-10"), ("14 лет, живу с отчимом", "14-17"),
        ("10 жасар қызбын, мені ұрады", "7-10"), ("мен 16 дамын, қашып кеттім", "14-17"),
        ("отчиму 40 лет", None), ("уже 5 лет бьёт", None), ("5 лет назад", None), ("мне 5 раз звонил", None),
        ("мне 10 тысяч обещали", None), ("інім 8 жаста", None), ("подруге 13 лет", None),
    ],
)  # fmt: skip
def test_the_writers_age_in_a_sentence_and_nobody_elses(text: str, band: str | None) -> None:
    assert find_age_band(text) == band


@pytest.mark.parametrize(
    "text", ["для себя", "мне", "моей подруге", "для моего брата", "мама", "я учитель", "маған", "өзім үшін"]
)
def test_an_answer_to_whom_help_is_for(text: str) -> None:
    assert is_only_audience(text)


@pytest.mark.parametrize(
    "text",
    [
        "мама не просыпается",
        "меня отчим обижает",
        "меня за волосы",
        "мне больно",
        "сестру заперли",
        "мама ұйықтап жатыр",
        "апам ұрады мені",
    ],
)
def test_what_is_told_is_no_such_answer(text: str) -> None:
    assert not is_only_audience(text)


@pytest.mark.parametrize(
    "text", ["12 скоро 13", "скоро будет 10", "двенадцать", "он екі", "он жаста", "13ке толдым", "взрослый"]
)
def test_an_answer_to_how_old(text: str) -> None:
    assert is_only_age(text)
    assert read_age_answer(text) is not None


@pytest.mark.parametrize("text", ["мама меня бьёт", "он бьёт меня", "он придёт в 9 и будет бить", "сестрёнка не дышит"])
def test_what_is_told_is_no_age(text: str) -> None:
    assert not is_only_age(text)


def test_he_is_not_ten() -> None:
    assert read_age_answer("он кричит каждый раз") is None
    assert read_age_answer("маған он жас") == "7-10"
