"""One spelling for many. All messages are invented."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.folding import fold, foldings


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Өлгім КЕЛЕДІ", "олгим келеди"),
        ("әғқңөұүһі", "агкноуухи"),
        ("ёлка", "елка"),
        ("помогиииите", "помогите"),
        ("по\u200bмо\u202eгите", "помогите"),
        ("п о м о г и т е", "помогите"),
        ("х.о.ч.у домой", "хочу домой"),
        ("ｐｏｍｏｇｉ", "помоги"),
        ("хoчу", "хочу"),
        ("пом0гите", "помогите"),
        ("olgim keledi", "олгим келеди"),
        ("qorqam", "коркам"),
        ("Menıñ äkem", "менын акем"),
        ("5б класс 16 лет 102", "5б класс 16 лет 102"),
    ],
)
def test_one_form(written: str, folded: str) -> None:
    assert fold(written) == folded


@pytest.mark.parametrize(
    ("written", "among"),
    [
        ("ya ne hochu zhit'", "я не хочу жить"),
        ("khochu borshch", "хочу борщ"),
        ("moj papa", "мой папа"),
        ("xo4y домой", "хочу домой"),
        ("meni jek koredi", "мени жек кореди"),
        ("ho4u spat", "хочу спат"),
    ],
)
def test_latin_letters_may_be_read_in_several_ways(written: str, among: str) -> None:
    forms = foldings(written)
    assert among in forms
    assert 1 <= len(forms) <= 3


def test_cyrillic_has_one_reading() -> None:
    assert len(foldings("мне плохо, мама кричит")) == 1


@settings(deadline=None)
@given(st.text(max_size=300))
def test_never_raises(text: str) -> None:
    assert 1 <= len(foldings(text)) <= 3
