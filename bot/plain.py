"""Short things that hurt children say again and again, known without a model: they are answered before it is asked."""

import re

from bot.folding import foldings

_I = r"(?:я|йа)"
_FAULT_RUSSIAN = re.compile(
    rf"(?:\b{_I} (?:сам[аи]? |же |во всем |тоже |наверное? |что ли )*виноват"
    rf"|виноват[аы]? (?:ли |же |наверное? |во всем )*{_I}\b"
    r"|\b(?:это )?моя вина\b|\bвин[аы] (?:на мне|моя)\b|\b(?:это|все) (?:все )?из.?за меня\b|\bсам[аи]? виноват)"
)
_FAULT_KAZAKH = re.compile(
    r"(?:\b(?:менин|мениң|озимнин|оз) кина[мн]|\b(?:мен|озим|оз[иы]м) (?:гой |де |да )?кинали|\bкинали (?:мен|озим)"
    r"|\b(?:менин|озимнин) кесирим|\bмен(?:ен|нен)? (?:болды|болган) ба\b|\bмен ушин (?:болды|болган))"
)
_WILL_NOT = r"(?:не (?:хочу|хочется|могу|буду|умею|стану|люблю|решаюсь)|боюсь|страшно|стесняюсь|стыдно|неудобно|нельзя)"
_CALL_RUSSIAN = re.compile(
    rf"\b{_WILL_NOT} (?:\w+ ){{0,3}}?(?:по|со)?зв(?:онить|аниваться|онка)"
    # Latin letters leave the soft sign out.
    rf"|\b{_WILL_NOT} (?:туда )?(?:по)?звонит\b"
    rf"|\b{_WILL_NOT} (?:\w+ ){{0,2}}?(?:раз)?гов(?:орить|аривать) (?:по телефону|вслух)"
    rf"|\b(?:по)?звонить (?:\w+ ){{0,2}}?{_WILL_NOT}"
    r"|\b(?:без звонк[аов]+|можно не звонить)\b"
)
_CALL = r"(?:конырау|звон\w*|телефон\w*)"
_CALL_KAZAKH = re.compile(
    rf"\b{_CALL} (?:\w+ )?(?:шал|сог|жаса|ет|сойлес|сойле)(?:гым|гим|кым|ким) келме"
    rf"|\b{_CALL} (?:\w+ )?(?:шала|сога|жасай|ете|сойлесе|сойлей) алма"
    rf"|\b{_CALL} (?:\w+ )?(?:шалу|согу|жасау|ету|сойлесу)(?:га|ге|дан|ден) (?:\w+ )?(?:корк|уял)"
    rf"|\b{_CALL} (?:шалмай|сокпай|жасамай|етпей)\b"
    r"|\bзвонда(?:гым келме|й алма|уга (?:корк|уял)|май)"
)
# Longer messages tell more than that: they are read as what they tell.
_MOST_OF_FAULT, _MOST_OF_CALLS = 8, 10


def asks_of_fault(text: str) -> bool:
    """Does a short message ask, or say, that it is the writer's own fault?"""
    return _says(text, _MOST_OF_FAULT, _FAULT_RUSSIAN, _FAULT_KAZAKH)


def cannot_call(text: str) -> bool:
    """Does a short message say that the writer does not want, dare or manage to call?"""
    return _says(text, _MOST_OF_CALLS, _CALL_RUSSIAN, _CALL_KAZAKH)


def _says(text: str, most_words: int, *patterns: re.Pattern[str]) -> bool:
    if len(text.split()) > most_words:
        return False
    forms = (" ".join(re.sub(r"[^\w]+", " ", form).split()) for form in foldings(text))
    return any(pattern.search(form) for form in forms for pattern in patterns)
