"""Test the job of `message`: store, deliver and notify once, whichever step is killed."""

from __future__ import annotations

import base64
import io
import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from PIL import Image
from redis import Redis
from rq.serializers import JSONSerializer

from qctl import catalog
from qctl.broker.bookkeeping import inbox
from qctl.broker.redis import keys
from qctl.broker.redis.connection import connect
from qctl.broker.worker import pauses
from qctl.broker.worker.guarded_job import GuardedJob
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.databases import mongodb
from qctl.errors import RejectedError, SinkUnavailableError
from qctl.jobs import chat as jobs
from qctl.jobs.follow_up_jobs import enqueue_follow_up
from qctl.settings import Settings
from support.databases import MongoDb
from support.process import free_port
from support.servers import S3Server
from support.waiting import PATIENCE_SECONDS

FILE = {"id": "0b0f4a4e-2f0c-4f0e-9e55-7d0b2c1f6a11", "name": "plan.pdf", "size": 7}


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(out, "PNG")
    return out.getvalue()


def stored(settings: Settings) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(settings.database)) as db:
        return db.execute("SELECT sender_id, receiver_id, text, image FROM chat_messages").fetchall()


def test_text_and_image_are_stored_delivered_and_notified(settings: Settings, connection: Redis) -> None:
    settings.uploads.mkdir()
    (settings.uploads / "pic.exe").write_bytes(picture())
    found = jobs.process_message(1, "2", "hi \U0001f40d", "pic.exe")
    assert stored(settings) == [("1", "2", "hi \U0001f40d", found["image"])]
    assert found["image"].endswith(".png")
    assert (settings.images / found["image"]).read_bytes() == picture()
    ((_, event),) = inbox.read(connection, "2")
    assert (event["id"], event["text"], event["senderId"]) == (found["messageId"], "hi \U0001f40d", "1")
    assert connection.llen(keys.queue("notification")) == 1


def test_image_may_be_inline(settings: Settings) -> None:
    url = "data:image/gif;base64," + base64.b64encode(picture()).decode()
    assert jobs.process_message(1, 2, image=url)["image"].endswith(".png")


def test_message_waits_for_an_unreachable_bucket(
    s3: S3Server,
    settings: Settings,
    connection: Redis,
    monkeypatch: pytest.MonkeyPatch,
    new_process: Callable[[], None],
) -> None:
    url = "data:image/png;base64," + base64.b64encode(picture()).decode()
    for name, value in {**s3.environ, "QCTL_S3_URL": f"http://127.0.0.1:{free_port()}"}.items():
        monkeypatch.setenv(name, value)
    enqueue_follow_up("process-message", {"senderId": 1, "receiverId": 2, "image": url}, id="pictured")
    new_process()
    QctlWorker(catalog.claim_order(["message"]), connection, settings, "inline").work(burst=True)
    assert connection.lrange(keys.queue("message.high"), 0, -1) == [b"pictured"]
    assert b"the bucket" in connection.hget(keys.PAUSED, "message.high")
    monkeypatch.setenv("QCTL_S3_URL", s3.url)
    new_process()
    pauses.resume(connection, "message.high", actor="test")
    QctlWorker(catalog.claim_order(["message"]), connection, settings, "inline").work(burst=True)
    ((_, _, _, name),) = stored(settings)
    assert s3.objects() == {name: picture()}
    assert not settings.images.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"text": "   "},
        {"text": "x" * 10_001},
        {"text": "\ud800"},
        {"text": "a\0b"},
        {"image": "../secret.png"},
        {"image": "none.png"},
        {"image": "text.png"},
        {"image": "large.png"},
        {"image": "data:image/png;base64,####"},
        {"image": "data:image/png,abc"},
        {"image": "data:text/html;base64,PGI+"},
        {"image": "https://evil.example/x.png"},
        {"file": "../secret"},
        {"file": {}},
        {"file": {"id": "../secret", "name": "x", "size": 1}},
        {"file": {**FILE, "name": 7}},
        {"file": {**FILE, "size": -1}},
        {"file": {**FILE, "size": True}},
        {"file": {**FILE, "path": "/etc/passwd"}},
    ],
    ids=lambda arguments: ascii(arguments)[:40],
)
def test_invalid_message_is_rejected_and_nothing_is_stored(
    settings: Settings,
    connection: Redis,
    monkeypatch: pytest.MonkeyPatch,
    new_process: Callable[[], None],
    arguments: dict[str, Any],
) -> None:
    monkeypatch.setenv("MAX_FILE_SIZE", "2000")
    new_process()
    settings.uploads.mkdir()
    (settings.uploads / "text.png").write_text("no image")
    (settings.uploads / "large.png").write_bytes(picture() + b"\0" * 2000)
    with pytest.raises(RejectedError):
        jobs.process_message(1, 2, **arguments)
    assert not settings.database.exists()
    assert not settings.images.exists()
    assert connection.keys("qctl:inbox:*") == []


@pytest.mark.parametrize("bad", ["", "x" * 65, "a\nb", True])
def test_invalid_id_is_rejected(bad: Any) -> None:
    for ids in ((bad, "2"), ("1", bad)):
        with pytest.raises(RejectedError):
            jobs.process_message(*ids, "hi")


def _perform(settings: Settings, job_id: str, dies_at: str | None) -> None:
    """Run a job as a worker's child does, killed before the step `dies_at` or after the last one."""

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if dies_at:
        step = {"store": jobs.chat, "deliver": jobs, "tell": jobs}.get(dies_at)
        if step is None:
            jobs.log.info = die  # type: ignore[method-assign]
        else:
            setattr(step, {"store": "store_message", "deliver": "_deliver", "tell": "_notify_receiver"}[dies_at], die)
    job = GuardedJob.fetch(job_id, connection=connect(settings), serializer=JSONSerializer)
    job.perform()


@pytest.mark.kill
@pytest.mark.parametrize("dies_at", ["store", "deliver", "tell", "end"])
@pytest.mark.parametrize("where", ["sqlite", "mongodb"])
def test_retry_after_a_kill_repeats_nothing(
    settings: Settings,
    connection: Redis,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    dies_at: str,
    where: str,
) -> None:
    mongo: MongoDb | None = request.getfixturevalue("mongodb") if where == "mongodb" else None
    if mongo:
        monkeypatch.setenv("MONGODB_URI", mongo.url)
    job_id = f"killed-{where}-{dies_at}"
    data = {"senderId": 1, "receiverId": 2, "text": "once", "file": FILE}
    enqueue_follow_up("process-message", data, id=job_id)
    first = multiprocessing.get_context("fork").Process(target=_perform, args=(settings, job_id, dies_at))
    first.start()
    first.join(PATIENCE_SECONDS)
    assert first.exitcode == -signal.SIGKILL
    QctlWorker(catalog.claim_order(["message"]), connection, settings, "inline").work(burst=True)
    assert connection.hget(keys.job(job_id), "status") == b"finished"
    if mongo:
        with mongo.connect() as client:
            found = list(client.get_default_database()["chat_messages"].find({"_id": job_id}))
        assert [(document["text"], document["file"]) for document in found] == [("once", FILE)]
    else:
        assert stored(settings) == [("1", "2", "once", None)]
        with closing(sqlite3.connect(settings.database)) as db:
            assert db.execute("SELECT * FROM chat_files").fetchall() == [(job_id, *FILE.values())]
    assert len(inbox.read(connection, "2")) == 1
    assert connection.llen(keys.queue("notification")) == 1


def test_message_waits_for_an_unreachable_database(
    connection: Redis, monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]
) -> None:
    monkeypatch.setattr(mongodb, "CONNECT_TIMEOUT_MS", 200)
    monkeypatch.setenv("MONGODB_URI", f"mongodb://127.0.0.1:{free_port()}/x")
    new_process()
    with pytest.raises(SinkUnavailableError):
        jobs.process_message(1, 2, "hi")
    assert inbox.read(connection, "2") == []


def test_message_waits_for_an_unreachable_redis(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    new_process()
    with pytest.raises(SinkUnavailableError, match="delivered"):
        jobs.process_message(1, 2, "hi")
    assert len(stored(settings)) == 1
