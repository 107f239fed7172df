"""Places as children type them: every case ending, both languages, any letters."""

import pytest

from content.regions import all_regions, find_region, region_name

ANSWERS = {
    "KZ79": "Шымкент Шымкентте шымкенттемін Шымкенттен шымкентке в Шымкенте из_Шымкента shymkent shymkentte Чимкент Шымкентский",
    "KZ35": "Қарағанды Қарағандыда Қарағандыдамын караганда в_Караганде из_Караганды karagandyda karaganda караганды "
    "Теміртау в_Темиртау Балқашта Балхаш в_Балхаше Карагандинская_область қарағанды_облысы Шахтинск в_Сарани",
    "KZ71": "Астана Астанада астанадамын в_Астане v_astane astana Нур-Султан нурсултан Целиноград нұр-сұлтан",
    "KZ63": "Өскемен өскеменде Усть-Каменогорск в_Усть-Каменогорске ust-kamenogorsk oskemen оскемен озкемен ВКО шқо Риддер",
    "KZ15": "Ақтөбе актобеде Актюбинск в_Актобе aktobe ақтөбеден актюбинская_область Хромтау",
    "KZ43": "Қызылорда кызылордадан Кызылорда kyzylorda Байқоңыр байконур Аральск қызылорда_облысы",
    "KZ10": "Семей Семейде в_Семее Семипалатинск абай_облысы область_абай абайская_область Аягөз",
    "KZ11": "Көкшетау көкшетауда Кокшетау в_Кокшетау Кокчетав Щучинск Степногорск Ақмола_облысы акмолинской_области",
    "KZ27": "Орал Уральск в_Уральске из_уральска ЗКО бқо Оралда западно-казахстанская_область Ақсай",
    "KZ31": "Тараз Таразда в_Таразе Джамбул Жамбылская_область Қордай кордай жамбыл_облысы",
    "KZ33": "Талдықорған талдыкорган талдыкургане в_Талдыкоргане Жетісу_облысы жетысуская_область Жаркент Текели",
    "KZ39": "Қостанай Костанай Кустанай в_костанае қостанайда рудном Лисаковск қостанай_облысы Рудный",
    "KZ47": "Ақтау Актау ақтауда в_Актау Шевченко Жаңаөзен жанаозен мангистау Маңғыстау_облысы Бейнеу",
    "KZ55": "Павлодар Павлодарда в_павлодаре Екібастұз Экибастуз в_Экибастузе ekibastuz Ақсу павлодарская_область",
    "KZ59": "Петропавл Петропавловск петропавле СКО сқо северо-казахстанская_область в_Петропавловске Қызылжар",
    "KZ61": "Түркістан туркестанда Туркестан в_Туркестане Кентау Сарыағаш сарыагаш Жетісай түркістан_облысы",
    "KZ62": "Жезқазған жезказган в_Жезказгане Сәтбаев Сатпаев ұлытау_облысы улытауская_область",
    "KZ23": "Атырау атырауда в_Атырау Гурьев Құлсары кульсары atyrau атырауская_область",
    "KZ19": "Қонаев конаев Капчагай Талғар талгар в_Талгаре Қаскелең каскелен алматинской_области алматы_облысы",
    "KZ75": "алматы_қаласы город_Алматы в_городе_Алматы алматы_каласында",
}


@pytest.mark.parametrize(
    ("code", "typed"),
    [(code, typed.replace("_", " ")) for code, answers in ANSWERS.items() for typed in answers.split()],
)
def test_an_answer_names_its_region(code: str, typed: str) -> None:
    if typed == "в":
        return
    assert find_region(typed, answer=True).codes == (code,)


@pytest.mark.parametrize("typed", ["Алматы", "в Алматы", "алматыда", "almaty", "Алма-Ата", "мен Алматыдамын"])
def test_almaty_is_a_city_and_a_region(typed: str) -> None:
    assert find_region(typed, answer=True).codes == ("KZ75", "KZ19")


@pytest.mark.parametrize(
    "sentence",
    [
        "папа орал на меня весь вечер", "у меня большая семья", "моя семья меня не любит", "алға деп айқайлады",
        "мне грустно", "әкем мені темір таяқпен ұрды", "живу на севере", "учитель Абай", "дала мне сарай",
        "все хорошо", "он шевельнулся", "в области спины болит", "мектепте мазақтайды", "у меня шрам",
    ],
)  # fmt: skip
def test_a_sentence_without_a_place_names_none(sentence: str) -> None:
    assert find_region(sentence).codes == ()


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("меня бьёт отчим, я живу в Караганде", "KZ35"), ("Шымкентте тұрамын, әкем ұрады", "KZ79"),
        ("мы из Семея, помогите", "KZ10"), ("я в Таразе", "KZ31"), ("Ақтөбеде дағдарыс орталығы бар ма", "KZ15"),
    ],
)  # fmt: skip
def test_a_sentence_with_a_place_names_it(sentence: str, code: str) -> None:
    assert find_region(sentence).codes == (code,)


@pytest.mark.parametrize(
    "answer",
    [
        "дядя киімімнің астына қолын тығады", "есікті сындырып жатыр", "есікте біреу тұр", "есікті ұрып жатыр",
        "темірмен ұрды", "алға барма", "киімнің астына", "папа орал", "он орал на маму",
    ],
)  # fmt: skip
def test_a_disclosure_in_answer_to_where_is_no_place(answer: str) -> None:
    assert find_region(answer, answer=True).codes == ()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("есік", "KZ19"), ("есікте", "KZ19"), ("Есік қаласы", "KZ19"), ("мен есікте тұрамын", "KZ19"),
        ("живу в Есике", "KZ19"), ("арал", "KZ43"), ("орал", "KZ27"), ("астанна", "KZ71"),
    ],
)  # fmt: skip
def test_an_everyday_word_alone_in_an_answer_is_a_place(answer: str, code: str) -> None:
    assert find_region(answer, answer=True).codes == (code,)


def test_there_are_twenty_regions_with_names_in_both_languages() -> None:
    assert len(all_regions()) == len(set(all_regions())) == 20
    for code in all_regions():
        assert region_name(code, "kk") != code != region_name(code, "ru")
