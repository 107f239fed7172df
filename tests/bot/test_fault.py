"""Is it my fault? Known however it is asked, and nothing else for it. Invented lines."""

import pytest

from bot.fault import asks_of_fault


@pytest.mark.parametrize(
    "text",
    [
        "это я виновата?", "я сам виноват", "может это моя вина", "виновата ли я", "это все из-за меня", "eto ya vinovata",
        "я наверно сама виновата во всем", "бұл менің кінәм бе", "мен кінәлімін бе", "өзім кінәлімін ғой", "менің кесірімнен бе",
        "менин кинам ма", "мен үшін болды ма", "кінәлі мен бе",
    ],
)  # fmt: skip
def test_it_is_known(text: str) -> None:
    assert asks_of_fault(text)


@pytest.mark.parametrize(
    "text",
    [
        "он виноват", "кто виноват", "папа говорит что виновата мама", "кінәлі сол адам", "кім кінәлі", "мен мектепке барам",
        "вина это что", "апам кінәлі емес", "из-за него я не сплю", "мен ушін қуанышты", "менен сұрады",
        "отчим ударил меня вчера вечером и сказал что я сама виновата, теперь болит рука",
    ],
)  # fmt: skip
def test_nothing_else_is_taken_for_it(text: str) -> None:
    assert not asks_of_fault(text)
