"""After Hide the chat shows one harmless line; nothing the bot sends can be passed on or repeats a child (SECURITY F3, F4)."""

from tests.conftest import Running
from tests.telegram_server import TelegramServer

CHAT = 7_700
MESSAGES = 30
TELLING = (
    "меня травят одноклассники кырмуздайкой", "да", "где есть кризисный центр", "в Караганде", "13",
    "кто узнает о том что я пишу", "мне грустно кырмуздайке", "маған көмек керек", "не знаю", "спасибо",
)  # fmt: skip


def test_hide_takes_back_both_sides_of_a_long_talk(telegram: TelegramServer, live: Running) -> None:
    for number in range(MESSAGES):
        before = len(telegram.said(CHAT))
        telegram.write(CHAT, TELLING[number % len(TELLING)])
        telegram.wait_for(lambda had=before: len(telegram.said(CHAT)) > had, 30)
    # Both sides together.
    telegram.wait_for(telegram.all_confirmed, 30)
    assert len(telegram.shown(CHAT)) >= 2 * MESSAGES
    sent = [fields for name, fields in telegram.calls if name in ("sendMessage", "sendContact")]
    mine = [fields for fields in sent if fields["chat_id"] == CHAT]
    assert len(mine) >= MESSAGES
    assert all(fields.get("protect_content") is True for fields in mine)
    assert not any("кырмуздай" in str(fields) for fields in mine)
    telegram.write(CHAT, "/hide")
    telegram.wait_for(lambda: len(telegram.shown(CHAT)) == 1, 60)
    (last,) = telegram.shown(CHAT)
    assert last.mine
    assert last.buttons == []
    # Nothing in it tells what this chat is.
    for word in ("помощ", "150", "102", "көмек", "ребён", "бала"):
        assert word not in last.text.lower()
