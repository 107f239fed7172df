"""What is promised of the command line: two commands, clear refusals, one JSON line each."""

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx
import psutil
import pytest

from bot.model_file import ENCODER, MODEL, RECORD, check_model
from bot.rasa_process import RasaMissing
from tests.conftest import JANYMDA, ROOT, Running, environment, free_port, janymda, telegram_settings
from tests.telegram_server import TOKEN, TelegramServer

WEBHOOK = "https://example.invalid/telegram"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


def _run(*words: str, folder: Path, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    env = environment(folder, free_port(), free_port(), **more)
    return subprocess.run(
        [str(JANYMDA), *words],
        input=given,
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _beside(live: Running) -> dict[str, str]:
    """The settings by which a command finds the running Janymda's Rasa."""
    names = ("JANYMDA_DATA_DIR", "JANYMDA_RASA_PORT")
    return {name: live.env[name] for name in names}


def test_parse_prints_the_contract(live: Running, tmp_path: Path) -> None:
    lines = ["папа бьёт меня ремнём", "өлгім келеді", "", "🙂", "привет"]
    done = _run("parse", "--jsonl", folder=tmp_path, given="\n".join(lines) + "\n", **_beside(live))
    read = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(read) == len(lines)
    for one in read:
        assert list(one) == ["language", "concern", "danger", "confidence", "by"]
        assert one["language"] in ("kk", "ru", "mixed")
        assert one["by"] in ("guard", "nlu", "both")
        assert 0 <= one["confidence"] <= 1
    assert (read[0]["concern"], read[0]["danger"]) == ("physical_violence", False)
    assert (read[1]["language"], read[1]["concern"], read[1]["danger"]) == ("kk", "self_harm", True)


def test_chat_holds_conversations(live: Running, tmp_path: Path) -> None:
    script = "@ru 11-13\nменя травят одноклассники\n#1\n#99\n\nсәлем\n"
    done = _run("chat", "--jsonl", folder=tmp_path, given=script, **_beside(live))
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["in"] for one in said] == ["меня травят одноклассники", "#1", "#99", "сәлем"]
    assert [r["key"] for r in said[0]["replies"]] == ["told_bullying", "confirm_bullying"]
    assert said[0]["replies"][1]["buttons"] == ["Да", "Не совсем"]
    assert said[1]["replies"][0]["key"] == "steps_bullying"
    assert "error" in said[2]
    assert said[3]["replies"][0]["key"] == "greeted"
    assert all(set(one) >= {"in", "replies", "ms"} for one in said)


def test_a_webhook_without_a_secret_is_refused(tmp_path: Path) -> None:
    """SECURITY H4."""
    done = _run("run", folder=tmp_path, TELEGRAM_BOT_TOKEN=TOKEN, TELEGRAM_WEBHOOK_URL=WEBHOOK)
    assert done.returncode == 2
    assert "TELEGRAM_WEBHOOK_SECRET" in done.stderr
    assert TOKEN not in done.stderr


def test_a_taken_port_is_told_in_a_sentence(live: Running, tmp_path: Path) -> None:
    done = _run("run", folder=tmp_path, JANYMDA_PORT=str(live.port), JANYMDA_RASA_URL="http://127.0.0.1:9")
    assert done.returncode == 2
    assert "JANYMDA_PORT" in done.stderr


def test_doctor_finds_and_mends(tmp_path: Path) -> None:
    empty = _run("doctor", folder=tmp_path)
    assert empty.returncode == 1
    assert "janymda seed" in empty.stderr
    _run("seed", folder=tmp_path)
    healthy = _run("doctor", folder=tmp_path)
    assert healthy.returncode == 0, healthy.stderr
    assert "not reviewed" in healthy.stderr


def test_ctrl_c_stops_everything(tmp_path: Path) -> None:
    with janymda(tmp_path) as running:
        family = psutil.Process(running.process.pid).children(recursive=True)
        assert any("rasa" in " ".join(p.cmdline()) for p in family)
        running.process.send_signal(signal.SIGINT)
        running.process.wait(10)
    assert not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_only_loopback_is_listened_on_and_rasa_has_one_door(live: Running) -> None:
    """SECURITY R1, R3, R4."""
    family = [psutil.Process(live.process.pid), *psutil.Process(live.process.pid).children(recursive=True)]
    listening = [c for p in family for c in p.net_connections() if c.status == psutil.CONN_LISTEN]
    assert listening
    assert {c.laddr.ip for c in listening} == {"127.0.0.1"}
    rasa = next(p for p in family if "rasa" in " ".join(p.cmdline()))
    known = rasa.environ()
    assert TOKEN not in known.values()
    assert not {"JANYMDA_PEPPER", "JANYMDA_SEALING_KEY", "JANYMDA_DATABASE_URL"} & known.keys()
    assert known["RASA_TELEMETRY_ENABLED"] == "false"
    with httpx.Client(base_url=f"http://127.0.0.1:{live.rasa_port}", trust_env=False) as http:
        for path in (
            "/version",
            "/status",
            "/domain",
            "/model",
            "/conversations/x/tracker",
            "/webhooks/rest/",
        ):
            assert http.get(path).status_code == 404, path
        assert http.post("/model/train").status_code == 404
        body = {"sender": "x", "text": "привет"}
        assert http.post("/webhooks/janymda/converse", json=body).status_code == 403


def test_an_altered_model_is_refused(tmp_path: Path) -> None:
    """SECURITY R9, on a copy."""
    copy, record = tmp_path / "janymda.tar.gz", tmp_path / "janymda.json"
    copy.write_bytes(MODEL.read_bytes())
    record.write_text(RECORD.read_text())
    check_model(copy, record)
    encoder = tmp_path / "encoder"
    shutil.copytree(ENCODER, encoder)
    pieces = bytearray((encoder / "encoder.onnx").read_bytes())
    pieces[len(pieces) // 2] ^= 1
    (encoder / "encoder.onnx").write_bytes(pieces)
    with pytest.raises(RasaMissing):
        check_model(copy, record, encoder)
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(RasaMissing):
        check_model(copy, record)
    copy.unlink()
    copy.symlink_to(MODEL)
    with pytest.raises(RasaMissing):
        check_model(copy, record)


def test_answers_by_webhook_and_only_to_its_secret(tmp_path: Path) -> None:
    """SECURITY H3, D3: the header is looked at before the body; delivered thrice, answered once."""
    secret = "invented-secret-for-tests-0123456789"
    with TelegramServer(seed=9).running() as server:
        settings = {
            **telegram_settings(server), "TELEGRAM_WEBHOOK_URL": WEBHOOK, "TELEGRAM_WEBHOOK_SECRET": secret,
        }  # fmt: skip
        with janymda(tmp_path, **settings) as running:
            server.wait_for(lambda: server.webhook, 60)
            update = {"update_id": 5, "message": server.message_of(5, text="/help")}
            right = {SECRET_HEADER: secret}
            with httpx.Client(base_url=running.url, trust_env=False) as http:
                for wrong in ({}, {SECRET_HEADER: "x"}, {SECRET_HEADER: secret + "0"}):
                    assert http.post("/telegram", json=update, headers=wrong).status_code == 403
                assert http.post("/telegram", content=b"x" * 2_000_000, headers=right).status_code == 413
                assert http.get("/telegram", headers=right).status_code == 405
                assert server.said(5) == []
                for _ in range(3):
                    assert http.post("/telegram", json=update, headers=right).status_code == 200
            server.wait_for(lambda: len(server.said(5)) >= 2, 20)
            time.sleep(5)
            texts = [m.text for m in server.said(5)]
            assert len(texts) == len(set(texts))
            assert server.violations == []


def test_hide_deletes_both_sides_and_is_honest(live: Running, telegram: TelegramServer) -> None:
    """SECURITY F3."""
    chat = 88_001
    telegram.write(chat, "папа бьёт меня ремнём")
    telegram.wait_for(lambda: any(d == "!hide" for m in telegram.said(chat) for _, d in m.buttons), 30)
    number = next(m.id for m in telegram.said(chat) if any(d == "!hide" for _, d in m.buttons))
    telegram.press_data(chat, number, "!hide")
    telegram.wait_for(lambda: len(telegram.shown(chat)) == 1 and telegram.shown(chat)[0].mine, 30)
    (last,) = telegram.shown(chat)
    assert last.buttons == []
    assert any(telegram.alerts)
