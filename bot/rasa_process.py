"""Rasa under supervision: started, watched, and started again when it dies or hangs."""

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from bot.dialogue import TOKEN_HEADER
from bot.log import log

ROOT = Path(__file__).resolve().parent.parent
NLU = ROOT / "nlu"
RASA = ROOT / ".venv-nlu" / "bin" / "rasa"
MODEL = NLU / "models" / "janymda.tar.gz"

CHECK_SECONDS = 2.0
# Rasa answers nothing while it loads, about ten seconds; later, so many missed checks mean it hangs.
START_SECONDS = 90.0
MISSED_CHECKS = 4
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 20.0
STOP_SECONDS = 4.0
_PR_SET_PDEATHSIG = 1


class RasaMissing(Exception):
    """The environment or the model is not there; the message says what to do."""


@dataclass(frozen=True)
class RasaLink:
    """What Rasa may know of us: where its actions are, and the token of both ways."""

    port: int
    actions_url: str
    token: str


class RasaProcess:
    """One Rasa server on loopback. Its output is counted and thrown away: it quotes messages."""

    def __init__(self, link: RasaLink, model: Path = MODEL) -> None:
        self._link = link
        self._model = model
        self._process: asyncio.subprocess.Process | None = None
        self._pause = FIRST_PAUSE
        self.ready = asyncio.Event()
        self.discarded = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._link.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def run(self) -> None:
        """Keep Rasa running until cancelled; raises RasaMissing when it cannot be started at all."""
        if not RASA.exists():
            raise RasaMissing("The environment of the dialogue engine is missing. Run: make setup")
        try:
            while True:
                await self._start()
                await self._watch()
                self.ready.clear()
                await asyncio.sleep(self._pause)
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
        finally:
            await self._stop()

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *command(self._link.port, self._model),
            cwd=NLU,
            env=environment(self._link),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )
        log("rasa_started", pid=self._process.pid)

    async def _watch(self) -> None:
        """Return when Rasa has died, or has been killed because it hung."""
        process = self._process
        assert process is not None  # _start came before
        drain = asyncio.create_task(self._drain(process))
        started, missed = time.monotonic(), 0
        async with httpx.AsyncClient(timeout=CHECK_SECONDS, trust_env=False) as client:
            while process.returncode is None:
                if await self._answers(client):
                    missed = 0
                    if not self.ready.is_set():
                        await self._warm_up(client)
                        log("rasa_ready", seconds=time.monotonic() - started)
                        self.ready.set()
                        self._pause = FIRST_PAUSE
                elif self.ready.is_set() or time.monotonic() - started > START_SECONDS:
                    missed += 1
                    if missed >= MISSED_CHECKS:
                        log("rasa_hung", pid=process.pid)
                        process.kill()
                with contextlib.suppress(TimeoutError):
                    pause = CHECK_SECONDS if self.ready.is_set() else 0.25
                    await asyncio.wait_for(process.wait(), pause)
        await drain
        log("rasa_stopped", status=process.returncode or 0, bytes=self.discarded)

    async def _warm_up(self, client: httpx.AsyncClient) -> None:
        """The first message takes a second that no child should wait for."""
        with contextlib.suppress(httpx.HTTPError):
            await client.post(
                f"{self.url}/webhooks/janymda/converse",
                json={"sender": "warm-up", "text": "сәлем, привет"},
                headers={TOKEN_HEADER: self._link.token},
                timeout=START_SECONDS,
            )

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get(f"{self.url}/webhooks/janymda/")).status_code == 200
        except httpx.HTTPError:
            return False

    async def _drain(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # asked for as a pipe
        while chunk := await process.stdout.read(65_536):
            self.discarded += len(chunk)

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def command(port: int, model: Path = MODEL) -> list[str]:
    """How Rasa is started: loopback, no API, no more than our own channel."""
    return [
        str(RASA), "run", "--interface", "127.0.0.1", "--port", str(port),
        "--model", str(model), "--credentials", "credentials.yml", "--endpoints", "endpoints.yml",
        "--logging-config-file", "logging.yml",
    ]  # fmt: skip


def environment(link: RasaLink) -> dict[str, str]:
    """What Rasa's environment holds: no Telegram token, no database, no key of ours."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(NLU),
        "PYTHONWARNINGS": "ignore",
        "LOG_LEVEL": "CRITICAL" if link.port else "INFO",
        "RASA_TELEMETRY_ENABLED": "false",
        "SANIC_WORKERS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # One small model on two cores: threads of the numeric libraries only stand in the way.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "JANYMDA_ACTIONS_URL": link.actions_url,
        "JANYMDA_ACTIONS_TOKEN": link.token,
        "JANYMDA_RASA_TOKEN": link.token,
    }


def die_with_parent() -> None:
    """A bot that is killed must not leave a Rasa behind that holds the port."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
