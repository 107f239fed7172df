"""What leaves the process: a text without what would tell who wrote it, and never a command."""

import re
import unicodedata

LONGEST = 1_000
_HEAD, _TAIL = 700, 299

_INVISIBLE = re.compile(
    r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
# Everything that is, or looks like, a slash at the beginning; and Rasa's word for outside events.
_COMMAND = re.compile(r"^(?:[\s/／∕⁄╱⧸\\＼|]+|EXTERNAL\s*:)+", re.IGNORECASE)
# A word for a machine, alone or with a machine's brackets behind it: `/back_`, `/inform{"age": 1}`.
_UNKNOWN_COMMAND = re.compile(
    r"(?:[/／∕⁄]|EXTERNAL\s*:)+\s?[a-z_]\w*(?:@\w+)?(?:\s*[({].*)?", re.IGNORECASE | re.ASCII | re.DOTALL
)

_LINK = re.compile(r"(?:https?://|www\.|t\.me/)\S+|\b[\w-]+\.(?:com|ru|kz|net|org|me|io)(?:/\S*)?\b", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_USERNAME = re.compile(r"(?<!\w)@\w{3,}")
_PHONE = re.compile(r"(?<![\w+])(?:\+?7|8)[\s(.\-]{0,3}\d(?:[\s().\-]{0,2}\d){9}(?!\d)")
_IIN = re.compile(r"(?<!\d)\d{12}(?!\d)")
_DIGITS = re.compile(r"(?<!\d)\d(?:[\s.\-]?\d){5,}(?!\d)")
_NAME = r"[A-ZА-ЯЁӘҒҚҢӨҰҮҺІ][\w-]+"
_ADDRESS = re.compile(
    r"\b(?:ул(?:ица|ице|\.)|пр(?:оспект|-т|\.)|мкр\.?|микрорайон\w*|переул\w*|пер\.)\s*[«\"]?[\w\-]+(?:\s+[\w-]+)?[»\"]?"
    r"(?:[\s,]*(?:дом|д\.?)?\s*\d+\w?)?(?:[\s,]*(?:кв(?:артира|\.)?|подъезд)\s*\d+)?"
    r"|\b[\w-]+(?:\s+[\w-]+)?\s+(?:көшесі|даңғылы|кошеси|дангылы)\w*(?:[\s,]*\d+\s*-?\s*(?:үй|ші|шы|уй)?)?(?:[\s,]*\d+\s*-?\s*пәтер)?"
    r"|\b\d+\s*-?\s*(?:үй|уй|пәтер|шағын\s*аудан\w*)\b"
    r"|\b(?:дом|д\.)\s*\d+\w?(?:[\s,]*(?:кв(?:артира|\.)?)\s*\d+)?",
    re.IGNORECASE,
)
_INTRODUCED = re.compile(
    r"(\b(?:зовут|звать|имя|по\s+имени|фамилия|атым|есімім|аты|есімі|тегім|атымды|аты-жөнім|menin\s+atym|atym|zovut)"
    r"(?:\s+(?:это|его|её|ее|меня|мен|менің|—|-|:))*\s*[:—-]?\s+)"
    r"([^\W\d_][\w-]{1,30}(?:\s+" + _NAME + r")?)",
    re.IGNORECASE,
)  # fmt: skip
_SURNAME = re.compile(
    r"\b" + _NAME + r"\s+" + _NAME + r"(?:ов|ев|ин|ова|ева|ина|қызы|ұлы|кызы|улы|бек|ский|ская)\b"
    r"|\b[А-ЯЁӘҒҚҢӨҰҮҺІ][\w]+(?:ович|евич|овна|евна|қызы|ұлы)\b"
)
# Words that follow "зовут" and its like without being a name.
_NO_NAME = re.compile(
    r"^(?:не|никак|как|бар|жоқ|емес|кім|что|кто|так|мама|папа|домой|на|в|айтпаймын|айтпа\w*)$", re.IGNORECASE
)


def normalise(text: str) -> str:
    """NFC, without what cannot be seen, at most 1,000 characters, never beginning like a command."""
    text = text.encode("utf-8", "ignore").decode("utf-8")
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    text = " ".join(text.split())
    if len(text) > LONGEST:
        text = f"{text[:_HEAD]} {text[-_TAIL:]}"
    # Braces are how Rasa's commands carry values.
    text = text.replace("{", "(").replace("}", ")")
    return _COMMAND.sub("", text).strip()


def is_unknown_command(text: str) -> bool:
    """Is this meant for a program, not said to somebody? Nothing in it is to be understood."""
    return _UNKNOWN_COMMAND.fullmatch(_INVISIBLE.sub("", text).strip()) is not None


def mask(text: str) -> str:
    """The text with phones, numbers, links, addresses and names put out of it."""
    text = _EMAIL.sub("_email_", text)
    text = _LINK.sub("_link_", text)
    text = _USERNAME.sub("_name_", text)
    text = _PHONE.sub("_phone_", text)
    text = _IIN.sub("_iin_", text)
    text = _DIGITS.sub("_number_", text)
    text = _ADDRESS.sub("_address_", text)
    text = _INTRODUCED.sub(_without_name, text)
    return _SURNAME.sub("_name_", text)


def _without_name(found: re.Match[str]) -> str:
    name = found.group(2)
    return found.group() if _NO_NAME.match(name.split()[0]) else f"{found.group(1)}_name_"
