"""Who does not want, dare or manage to call. All lines are invented."""

import pytest

from bot.calling import cannot_call


@pytest.mark.parametrize(
    "text",
    [
        "не хочу звонить", "я боюсь звонить", "а можно без звонка?", "не могу говорить по телефону", "звонить страшно",
        "мне нельзя звонить", "стесняюсь позвонить туда", "НЕ БУДУ ТУДА ЗВОНИТЬ", "ne hochu zvonit",
        "не хочу разговаривать по телефону", "қоңырау шалғым келмейді", "конырау шала алмаймын", "звондауға қорқамын",
        "звондағым келмейді", "қоңырау шалуға ұяламын", "телефонмен сөйлескім келмейді", "konyrau shalgym kelmeidi",
        "қоңырау шалмай бола ма",
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
def test_this_is_something_else(text: str) -> None:
    assert not cannot_call(text)
