"""What is known without a model: is it my fault, and whoever will not call. All lines are invented."""

import pytest

from bot.plain import asks_of_fault, cannot_call


@pytest.mark.parametrize(
    "text",
    [
        "это я виновата?", "я сам виноват", "может это моя вина", "виновата ли я", "это все из-за меня", "eto ya vinovata",
        "я наверно сама виновата во всем", "бұл менің кінәм бе", "мен кінәлімін бе", "өзім кінәлімін ғой", "менің кесірімнен бе",
        "менин кинам ма", "мен үшін болды ма", "кінәлі мен бе",
    ],
)  # fmt: skip
def test_the_question_of_fault_is_known(text: str) -> None:
    assert asks_of_fault(text)


@pytest.mark.parametrize(
    "text",
    [
        "он виноват", "кто виноват", "папа говорит что виновата мама", "кінәлі сол адам", "кім кінәлі", "мен мектепке барам",
        "вина это что", "апам кінәлі емес", "из-за него я не сплю", "мен ушін қуанышты", "менен сұрады",
        "отчим ударил меня вчера вечером и сказал что я сама виновата, теперь болит рука",
    ],
)  # fmt: skip
def test_nothing_else_is_taken_for_the_question_of_fault(text: str) -> None:
    assert not asks_of_fault(text)


@pytest.mark.parametrize(
    "text",
    [
        "не хочу звонить", "я боюсь звонить", "а можно без звонка?", "не могу говорить по телефону", "звонить страшно",
        "мне нельзя звонить", "стесняюсь позвонить туда", "НЕ БУДУ ТУДА ЗВОНИТЬ", "ne hochu zvonit",
        "не хочу разговаривать по телефону", "қоңырау шалғым келмейді", "конырау шала алмаймын", "звондауға қорқамын",
        "звондағым келмейді", "қоңырау шалуға ұяламын", "телефонмен сөйлескім келмейді", "konyrau shalgym kelmeidi",
        "қоңырау шалмай бола ма", "телефонмен сөйлей алмаймын", "телефонмен сөйлегім келмейді",
    ],
)  # fmt: skip
def test_a_call_is_too_much(text: str) -> None:
    assert cannot_call(text)


@pytest.mark.parametrize(
    "text",
    [
        "он не хочет звонить маме", "позвони мне", "куда позвонить", "қайда қоңырау шалам", "боюсь папу",
        "я боюсь что он позвонит", "мама звонит и кричит", "папа звонит ночью, боюсь", "ол маған қоңырау шалады",
        "телефонымды тартып алды", "не хочу жить",
        "не хочу звонить, потому что он рядом и бьёт меня каждый раз, как я беру телефон",
    ],
)  # fmt: skip
def test_something_else_is_not_about_a_call(text: str) -> None:
    assert not cannot_call(text)
