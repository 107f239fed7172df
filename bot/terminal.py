"""`janymda chat` and `janymda parse`: the live path, for people and for programs."""

import json
import re
import secrets
import sys
import time
from typing import Any, TextIO

from bot.app import Core
from bot.dialogue import DialogueFailed
from bot.guard import find_danger
from bot.language import detect
from bot.mask import mask, normalise
from bot.messages import Answer, Button, Incoming, Kind

_SET_UP = re.compile(r"@(kk|ru)(?:\s+(7-10|11-13|14-17|adult))?\s*$")
_PRESS = re.compile(r"#(\d{1,3})\s*$")
_COMMAND = re.compile(r"/(start|help|sos|back|language|hide|erase|stop)\s*$")
# What the guard sees, as a concern, when the model is silent.
_CONCERN_OF_GUARD = {
    "suicide": "self_harm",
    "attack": "physical_violence",
    "medical": "self_harm",
    "outside": "runaway",
    "taken": "trafficking",
    "sexual": "sexual_abuse",
}


class Conversation:
    """One invented profile that writes and presses."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._address = f"terminal:{secrets.token_hex(16)}"
        self._buttons: tuple[Button, ...] = ()
        self.fresh = True

    async def set_up(self, language: str, band: str | None) -> None:
        """What onboarding would have asked, told beforehand."""
        await self._core.turn.begin(self._address, language, band)

    async def do(self, line: str) -> Answer:
        """Write a line, or press the button that it names."""
        self.fresh = False
        press, command = _PRESS.match(line), _COMMAND.match(line)
        kind, text = Kind.TEXT, line
        if press:
            number = int(press.group(1))
            if not 1 <= number <= len(self._buttons):
                raise IndexError(f"{line}: the last reply has {len(self._buttons)} buttons.")
            kind, text = Kind.BUTTON, self._buttons[number - 1].token
        elif command:
            kind, text = Kind.COMMAND, command.group(1)
        answer = await self._core.turn.handle(Incoming(self._address, f"terminal:{secrets.token_hex(16)}", kind, text))
        for message in answer.messages:
            if message.buttons:
                self._buttons = message.buttons
        return answer

    async def end(self) -> None:
        """Leave nothing of an invented profile behind."""
        await self._core.turn.forget(self._address)


async def chat_jsonl(core: Core, source: TextIO, sink: TextIO) -> None:
    """Hold the conversations of a script: the contract of UNDERSTANDING.md."""
    conversation = Conversation(core)
    for raw in source:
        line = raw.rstrip("\r\n")
        if not line.strip():
            await conversation.end()
            conversation = Conversation(core)
            continue
        set_up = _SET_UP.match(line) if conversation.fresh else None
        if set_up:
            await conversation.set_up(set_up.group(1), set_up.group(2))
            conversation.fresh = False
            continue
        _print(sink, await _said(conversation, line))
    await conversation.end()


async def _said(conversation: Conversation, line: str) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        answer = await conversation.do(line)
    except IndexError as error:
        return {"in": line, "error": str(error), "replies": [], "ms": 0.0}
    return {
        "in": line,
        "replies": [
            {
                "key": message.key,
                "text": message.text or (message.contact.name if message.contact else ""),
                "buttons": [button.label for button in message.buttons],
            }
            for message in answer.messages
        ],
        "ms": round((time.perf_counter() - started) * 1000, 1),
    }


async def chat_for_people(core: Core, source: TextIO, sink: TextIO) -> None:
    """A chat in the terminal; `#2` presses a button, an empty line begins anew."""
    sink.write("Write to Janymda. #2 presses the second button, an empty line begins anew.\n")
    conversation = Conversation(core)
    while True:
        sink.write("\n> ")
        sink.flush()
        line = source.readline()
        if not line:
            await conversation.end()
            return
        if not line.strip():
            await conversation.end()
            conversation = Conversation(core)
            continue
        for reply in (await _said(conversation, line.strip()))["replies"]:
            sink.write(f"\n  {reply['text']}\n".replace("\n", "\n  ").rstrip() + "\n")
            sink.writelines(f"    #{number} {label}\n" for number, label in enumerate(reply["buttons"], 1))


async def parse_lines(core: Core, source: TextIO, sink: TextIO, *, as_json: bool) -> None:
    """How each line is understood, through the same guard, mask and model as a live message."""
    for line in source:
        read = await understand(core, line.rstrip("\r\n"))
        if as_json:
            _print(sink, read)
        else:
            sink.write(
                f"{read['language']:6} {read['concern']:27} danger={read['danger']!s:5} "
                f"{read['confidence']:.2f} {read['by']}\n"
            )


async def understand(core: Core, text: str) -> dict[str, Any]:
    """Language, concern, danger, confidence, and who saw it."""
    alarm = find_danger(text)
    clean = mask(normalise(text))
    language = detect(text)
    model_danger, concern, confidence, likely = False, "off_topic", 0.0, None
    if clean:
        try:
            reading = await core.dialogue.read(clean)
            model_danger = reading.intent == "imminent_danger"
            concern, confidence, likely = reading.concern, reading.confidence, reading.danger
        except DialogueFailed as error:
            print(f"janymda: the dialogue engine failed ({error})", file=sys.stderr)
            if alarm:
                concern, confidence = _CONCERN_OF_GUARD[alarm.kind.value], 1.0
    # "I am safe" is understood, but it is no code of the taxonomy.
    concern = "off_topic" if concern == "not_in_danger" else concern
    guard_danger = alarm is not None and alarm.stands(likely)
    by = "both" if guard_danger and model_danger else "guard" if guard_danger else "nlu"
    return {
        "language": language or "ru",
        "concern": concern,
        "danger": guard_danger or model_danger,
        "confidence": round(confidence, 4),
        "by": by,
    }


def _print(sink: TextIO, value: dict[str, Any]) -> None:
    sink.write(json.dumps(value, ensure_ascii=False) + "\n")
    sink.flush()
