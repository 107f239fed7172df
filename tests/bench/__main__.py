"""`make bench`: the bot with its dialogue against the bare Rasa server, and danger with Rasa down."""

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.app import Core, build, core_for_a_while, free_port
from bot.messages import Incoming, Kind
from bot.state import new_sender
from referrals.settings import load_settings

MESSAGES, TOGETHER, ROUNDS = 128, 8, 3
DANGER_MESSAGES = 1_000
RATIO_TARGET, DANGER_TARGET_MS = 0.8, 50.0
# A conversation as it is: told, confirmed, a question, a place, the age, something new, thanks.
SCRIPT = (
    "меня травят одноклассники в школе",
    "да",
    "кто узнает о том что я пишу",
    "где есть кризисный центр",
    "в Караганде",
    "13",
    "әкем мені ұрады",
    "рахмет",
)


async def _rate(talk: Callable[[int], Awaitable[None]]) -> float:
    """Messages a second when so many children write at once."""
    conversations = itertools.count()

    async def child() -> None:
        for _ in range(MESSAGES // TOGETHER // len(SCRIPT)):
            await talk(next(conversations))

    started = time.perf_counter()
    await asyncio.gather(*(child() for _ in range(TOGETHER)))
    return MESSAGES / (time.perf_counter() - started)


async def _bare(core: Core) -> float:
    async def talk(number: int) -> None:
        sender = new_sender()
        for text in SCRIPT:
            await core.dialogue.converse(sender, text=text, metadata={"language": "ru", "state": {}})

    return await _rate(talk)


async def _whole(core: Core) -> float:
    run = new_sender()

    async def talk(number: int) -> None:
        for step, text in enumerate(SCRIPT):
            await core.turn.handle(Incoming(f"bench:{run}:{number}", f"bench:{run}:{number}:{step}", Kind.TEXT, text))

    return await _rate(talk)


async def _danger_milliseconds(folder: Path) -> list[float]:
    """How long danger takes to be answered while nothing is on Rasa's port."""
    core = build(load_settings(data_dir=folder), f"http://127.0.0.1:{free_port()}")
    taken = []
    for number in range(DANGER_MESSAGES):
        started = time.perf_counter()
        await core.turn.handle(
            Incoming(f"bench:{number % 50}", f"bench:danger:{number}", Kind.TEXT, "я не хочу больше жить")
        )
        taken.append((time.perf_counter() - started) * 1000)
    await core.close()
    return sorted(taken)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=Path(folder), rasa_port=free_port())
        async with core_for_a_while(settings, print) as core:
            await _bare(core)  # both sides warm
            await _whole(core)
            pairs = [(await _bare(core), await _whole(core)) for _ in range(ROUNDS)]
        danger = await _danger_milliseconds(Path(folder))
    bare = statistics.median(pair[0] for pair in pairs)
    whole = statistics.median(pair[1] for pair in pairs)
    ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
    p50, p99 = danger[len(danger) // 2], danger[int(len(danger) * 0.99)]
    print(f"bare Rasa, same model and actions   {bare:7.1f} messages/s")
    print(f"bot and dialogue together           {whole:7.1f} messages/s")
    print(f"ratio                               {ratio:7.2f}   target {RATIO_TARGET} or more")
    print(f"danger with Rasa down   p50 {p50:.1f} ms, p99 {p99:.1f} ms   target p99 {DANGER_TARGET_MS:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main())
