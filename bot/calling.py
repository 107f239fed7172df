"""Whoever will not or cannot call says so after every number that is offered: there must be a way without a call."""

import re

from bot.folding import foldings

# Longer messages tell more than that: they are read as what they tell.
_MOST_WORDS = 10
_WILL_NOT = r"(?:не (?:хочу|хочется|могу|буду|умею|стану|люблю|решаюсь)|боюсь|страшно|стесняюсь|стыдно|неудобно|нельзя)"
_RUSSIAN = re.compile(
    rf"\b{_WILL_NOT} (?:\w+ ){{0,3}}?(?:по|со)?зв(?:онить|аниваться|онка)"
    # Latin letters leave the soft sign out.
    rf"|\b{_WILL_NOT} (?:туда )?(?:по)?звонит\b"
    rf"|\b{_WILL_NOT} (?:\w+ ){{0,2}}?(?:раз)?гов(?:орить|аривать) (?:по телефону|вслух)"
    rf"|\b(?:по)?звонить (?:\w+ ){{0,2}}?{_WILL_NOT}"
    r"|\b(?:без звонк[аов]+|можно не звонить)\b"
)
_CALL = r"(?:конырау|звон\w*|телефон\w*)"
_KAZAKH = re.compile(
    rf"\b{_CALL} (?:\w+ )?(?:шал|сог|жаса|ет|сойлес)(?:гым|гим|кым|ким) келме"
    rf"|\b{_CALL} (?:\w+ )?(?:шала|сога|жасай|ете|сойлесе) алма"
    rf"|\b{_CALL} (?:\w+ )?(?:шалу|согу|жасау|ету|сойлесу)(?:га|ге|дан|ден) (?:\w+ )?(?:корк|уял)"
    rf"|\b{_CALL} (?:шалмай|сокпай|жасамай|етпей)\b"
    r"|\bзвонда(?:гым келме|й алма|уга (?:корк|уял)|май)"
)


def cannot_call(text: str) -> bool:
    """Does a short message say that the writer does not want, dare or manage to call?"""
    if len(text.split()) > _MOST_WORDS:
        return False
    forms = (" ".join(re.sub(r"[^\w]+", " ", form).split()) for form in foldings(text))
    return any(_RUSSIAN.search(form) or _KAZAKH.search(form) for form in forms)
