"""Danger in the text itself: seen in both languages and all letters, and not in figures of speech."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.guard import Danger, find_danger, is_safe_word
from bot.language import detect, reply_language

DANGER = {
    Danger.SUICIDE: ["хочу умереть", "я больше не хочу жить", "нехочу жить", "хачу умиреть", "жить незачем",
                     "өлгім келеді", "олгим келед", "olgim keledi", "өмір сүргім келмейді", "режу себя",
                     "ne hochu zhit", "өзімді кесіп жүрмін", "хочу уснуть и не проснуться", "устала жить",
                     "без меня всем будет лучше", "өлсем екен", "х о ч у  у м е р е т ь", "ХОЧУ УМЕРЕТЬ!!!"],
    Danger.ATTACK: ["он сейчас бьёт меня", "ломится в дверь", "за мной идёт какой-то мужик", "қазір ұрып жатыр",
                    "есікті сындырып жатыр", "артымнан біреу еріп келе жатыр", "pomogite menya byut seychas",
                    "он схватил нож", "угрожает убить меня", "өлтірем деп қорқытып тұр", "прячусь в ванной он пьяный"],
    Danger.TAKEN: ["меня заперли и не выпускают", "меня увезли в другой город", "мені алып қашып кетті",
                   "мені қамап қойды", "таксист везёт не туда", "күшпен алып кетті"],
    Danger.OUTSIDE: ["меня выгнали из дома ночью", "негде ночевать", "үйден қуып шықты", "баратын жерім жоқ",
                     "ночую на вокзале"],
    Danger.MEDICAL: ["она не дышит", "кровь не останавливается", "наглоталась таблеток", "есінен танып қалды",
                     "қан тоқтамай жатыр"],
    Danger.SEXUAL: ["он сейчас лезет ко мне", "меня насилуют", "зорлап жатыр"],
}  # fmt: skip
NO_DANGER = [
    "умираю со смеху", "күлкіден өліп қалдым", "прыгнул с крыши в майнкрафте", "убиться можно как смешно",
    "мама меня убьёт за двойку", "домашка убивает", "я тебя убью шучу", "өлгім келмейді", "я не хочу умирать",
    "в кс меня убили", "қарным ашып өліп барам", "шаршап өлдім", "анам екілік үшін өлтіреді", "хочу жить",
    "ойында мені өлтіріп тастады", "смотрю фильм там его зарезали", "папа бил рекорд", "сердце бьётся быстро",
    "умираю хочу есть", "мне грустно", "привет", "меня травят", "хочу умереть от смеха", "сдохну от скуки",
    "үй жұмысы өлтірді ғой", "за мной бежит щенок", "майнкрафтта шатырдан секірдім",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, texts in DANGER.items() for t in texts])
def test_danger_is_seen(kind: Danger, text: str) -> None:
    alarm = find_danger(text)
    assert alarm is not None
    assert alarm.kind is kind


@pytest.mark.parametrize("text", NO_DANGER)
def test_a_figure_of_speech_is_none(text: str) -> None:
    assert find_danger(text) is None


# Pairs: nearly the same words, danger and none.
BESIDE = [
    ("спаси, он бьёт", "завуч бьёт пацанов, спасибо скажете"),
    ("бәрінен шаршадым, өлгім келеді", "бәрінен шаршадым, ол да шаршады"),
    ("өлгім келіп тұр", "өлгім келіп тұр күлкіден"),
    ("қолымды кесіп алдым", "картоп аршып қолымды кесіп алдым"),
    ("12 жасымда өлгім келген, қазір де өлгім келеді", "12 жасымда өлгім келеді деп жазыппын, қазір ондай ой жоқ"),
    ("досым шатырда тұр", "мысығым шатырда тұр"),
    ("ертең мен жоқпын", "ертең мен жоқпын сабақта"),
    ("жить не хочу", "спрашивают где я хочу жить а я не хочу выбирать"),
]


@pytest.mark.parametrize(("grave", "harmless"), BESIDE)
def test_what_sounds_alike_is_told_apart(grave: str, harmless: str) -> None:
    assert find_danger(grave) is not None
    assert find_danger(harmless) is None


# Pairs: the same words of now, and of what happens at times, is feared, asked or over.
NOW = [
    "стою на крыше", "шатырда тұрмын", "терезенің алдында отырмын", "раздал свои вещи, мне больше не нужно",
    "бәрімен қоштасып қойдым", "собрала таблетки какие были", "у подъезда стоят и ждут", "есік алдында күтіп тұр",
    "маған келе жатыр", "бүгін өлтірем деп жатыр", "кешке өлтірем деді", "айтсаң өлтірем деп қазір есікті ұрып жатыр",
    "үйге кіргізбейді, түнде аяз", "вокзалда отырмын", "сижу в подъезде ночью один", "на трассе, холодно, никто не тормозит",
    "бүгін түнде кетем", "қазір неке қиып жатыр", "через час обряд", "телефоны өшірулі, ұлым үйде жоқ",
    "паспортымды алып қойды, жібермейді", "везут куда то, не знаю куда", "ол дем алмай жатыр", "меня трясёт, выпил что то на вписке",
    "інімнің қызуы қырық, үлкендер жоқ", "папа снимает ремень и идёт ко мне", "есікті жауып алып шешін деп тұр",
]  # fmt: skip
NOT_NOW = [
    "айтсаң өлтірем деді", "ашуланса мойнымнан қысып тастайды", "ол кейде бөлмеге қамап қояды", "бізді кейде далаға шығарып тастайды",
    "қайтармайды дейді", "мені жібермейсің бе", "карта ашып берем деп айтсам қайтара алмаймын", "он алтыға толғанда",
    "топас темір мені ызаландырма", "өзіне зиян келтіру деген не", "өзін өзі өлтіргісі келген адамға қалай көмектесемін",
    "мысығымды өлтіріп тастады", "былтыр хотел умереть, қазір все норм", "рехабқа күштеп апара ма", "мама не отпускает гулять",
    "украли невесту, это законно?", "слуховой аппарат её сломали", "тем кто не хочет жить помогают", "на улице холодно",
    "мені үйден қуып шығады деп қорқамын", "балам дәрігер болам дейді", "прощайте каникулы",
]  # fmt: skip


@pytest.mark.parametrize("text", NOW)
def test_now_is_danger(text: str) -> None:
    assert find_danger(text) is not None


def test_several_signs_of_danger_are_danger_without_a_phrase() -> None:
    for text in (
        "темно, снаружи кричит мужик, стучит",
        "қараңғы, сыртта біреу есікті итеріп жатыр",
        "стучит в дверь пьяный с ножом",
    ):
        assert find_danger(text) is not None, text
    for text in ("темно", "сыртта қараңғы", "стучит в дверь сосед с номером юриста, вопрос про закон"):
        assert find_danger(text) is None, text
    # The same word again and again is one sign.
    assert find_danger("снаружи " * 50) is None


def test_a_weak_phrase_needs_a_sign_of_now_or_a_second_one() -> None:
    assert find_danger("дядька предлагает довезти") is None
    assert find_danger("дядька предлагает довезти, ночь, я одна на трассе") is not None


def test_words_that_sound_alike_are_told_apart() -> None:
    # "ее" is no "и", "ол" no "өл", "қабырға" no "қабір".
    assert find_danger("слуховой аппарат её") is None
    assert find_danger("маған он бір жас, ол жиырмада деп айтты") is None
    assert find_danger("қабырғаға қарап жатады") is None


def test_the_longest_message_takes_no_longer_than_a_moment() -> None:
    for words in (
        "күнде мені қамап қояды ",
        "раньше он душил меня и запер в комнате ",
        "қазір есік алдында тұр ",
        "ее ",
    ):
        started = time.perf_counter()
        find_danger((words * 4_096)[:4_096])
        assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize("text", NOT_NOW)
def test_at_times_in_general_and_before_is_none(text: str) -> None:
    assert find_danger(text) is None


@pytest.mark.parametrize(
    "text", ["моя дочь хочет умереть", "подруга говорит что не хочет жить", "қызым өлгісі келеді дейді"]
)
def test_danger_of_somebody_else_is_told_apart(text: str) -> None:
    alarm = find_danger(text)
    assert alarm is not None
    assert alarm.other


def test_danger_at_the_end_of_a_wall_is_seen() -> None:
    wall = "сегодня был обычный день и мы пошли в школу " * 100
    assert find_danger(wall[:4_050] + " я хочу умереть") is not None
    assert find_danger(wall[:4_096]) is None


@given(st.text(max_size=500))
def test_any_text_is_survived(text: str) -> None:
    find_danger(text)
    detect(text)
    is_safe_word(text)


@pytest.mark.parametrize(
    "text", ["help", "SOS", "көмек", "komek", "помогите!!!", "памагите", "🆘", "жәрдем", "Pomogite"]
)
def test_a_safe_word_is_known(text: str) -> None:
    assert is_safe_word(text)


@pytest.mark.parametrize(
    "text", ["помогите с домашкой по алгебре пожалуйста", "привет", "help me with my homework please", ""]
)
def test_a_sentence_is_no_safe_word(text: str) -> None:
    assert not is_safe_word(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("әкем мені ұрады", "kk"), ("мени урады акем", "kk"), ("meni akem urady", "kk"), ("папа бьёт меня", "ru"),
        ("papa menya byet", "ru"), ("папам күнде маған орет почему не знаю", "mixed"), ("123", None), ("🙂", None),
    ],
)  # fmt: skip
def test_the_language_is_told(text: str, language: str | None) -> None:
    assert detect(text) == language


def test_a_mixed_line_keeps_the_language_of_the_talk() -> None:
    line = "папам күнде маған орет почему не знаю"
    assert reply_language(line, "ru") == "ru"
    assert reply_language(line, "kk") == "kk"
