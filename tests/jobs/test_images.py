"""Test the cleanup of chat images: unused ones are deleted, needed ones are kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis

from qctl.broker.admin import trash
from qctl.broker.redis import keys
from qctl.errors import SinkError
from qctl.jobs import images
from qctl.jobs.images import unused_images, upload_name
from qctl.models import MessageFile
from qctl.service import QueueService
from qctl.settings import Settings
from qctl.store import chat
from qctl.store.chat import ChatMessage
from support.process import free_port

NOW = datetime.now(timezone.utc)
USED, FREE = "a" * 64 + ".png", "b" * 64 + ".webp"


def create_old(folder: Path, *names: str) -> None:
    """Create files that were last modified in 1970."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"12345")
        os.utime(folder / name, (1, 1))


def remaining(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_upload_is_kept_while_its_message_may_need_it(settings: Settings, connection: Redis) -> None:
    with QueueService(settings) as service:
        for job in ("waits", "dead", "done", "trashed"):
            service.send_message(senderId="a", receiverId="b", image=upload_name(job, "png"), job_id=job)
    connection.hset(keys.job("dead"), "status", "failed")
    connection.hset(keys.job("done"), "status", "finished")
    connection.lrem(keys.queue("message.high"), 0, "done")
    trash.clear(connection, "message.high", actor="me", ttl=600, progress=lambda _done, _total: None)
    needed = {upload_name(job, "png") for job in ("waits", "dead", "trashed")}
    others = {"chat-notes.txt", "stock.csv", "chat-..png", "chat-new.png"}
    create_old(settings.uploads, *needed, upload_name("done", "png"), upload_name("abandoned", "jpg"), *others)
    create_old(settings.uploads, ".chat-x.png.00ff.part")
    (settings.uploads / "chat-link.png").symlink_to(settings.uploads / "stock.csv")
    os.utime(settings.uploads / "chat-new.png")
    assert images.cleanup_images() == {"deleted": 3}
    assert remaining(settings.uploads) == needed | others | {"chat-link.png"}
    assert images.cleanup_images() == {"deleted": 0}


@pytest.mark.parametrize("database", ["sqlite", "mongodb"])
def test_stored_image_is_deleted_with_its_last_message(
    database: str, make_settings: Callable[..., Settings], connection: Redis, request: pytest.FixtureRequest
) -> None:
    env = {"MONGODB_URI": request.getfixturevalue("mongodb").url} if database == "mongodb" else {}
    settings = make_settings(**env)
    create_old(settings.images, USED, FREE, "cat.png")

    def found() -> list[str]:
        return [file.path.name for file in unused_images(settings, connection, time.time() - 3600)]

    if database == "sqlite":
        assert found() == [], "without a database of messages the images belong to another application"
        assert not settings.database.exists()
    chat.store_message(settings, ChatMessage(f"m-{time.time_ns()}", "a", "b", None, USED, NOW))
    assert found() == [FREE]


@pytest.mark.parametrize("database", ["sqlite", "mongodb"])
def test_file_is_kept_while_its_job_or_a_message_needs_it(
    database: str, make_settings: Callable[..., Settings], connection: Redis, request: pytest.FixtureRequest
) -> None:
    env = {"MONGODB_URI": request.getfixturevalue("mongodb").url} if database == "mongodb" else {}
    settings = make_settings(**env)
    waits, dead, done, carried, forwarded, abandoned = (str(uuid4()) for _ in range(6))
    with QueueService(settings) as service:
        for job in (waits, dead, done):
            file = {"id": job, "name": "a.txt", "size": 5}
            service.send_message(senderId="a", receiverId="b", file=file, job_id=job)
    connection.hset(keys.job(dead), "status", "failed")
    connection.hset(keys.job(done), "status", "finished")
    create_old(settings.message_files, waits, dead, done, carried, forwarded, abandoned, "notes.txt")
    create_old(settings.message_files, f".{abandoned}.00ff00ff.part", ".other.part")
    for id_, file_id in ((carried, carried), (f"copy-of-{forwarded}", forwarded)):
        chat.store_message(settings, ChatMessage(id_, "a", "b", None, None, NOW, MessageFile(file_id, "a.txt", 5)))
    chat.store_message(settings, ChatMessage(done, "a", "b", "its file is gone", None, NOW))
    deleted = [file.path.name for file in unused_images(settings, connection, time.time() - 3600) if file.remove()]
    assert sorted(deleted) == sorted([done, abandoned, f".{abandoned}.00ff00ff.part"])
    assert remaining(settings.message_files) == {waits, dead, carried, forwarded, "notes.txt", ".other.part"}


def test_image_that_was_uploaded_again_meanwhile_is_kept(settings: Settings, connection: Redis) -> None:
    chat.store_message(settings, ChatMessage("m", "a", "b", "hello", None, NOW))
    create_old(settings.images, FREE)
    (file,) = unused_images(settings, connection, time.time() - 3600)
    (settings.images / FREE).write_bytes(b"again")
    assert not file.remove()
    assert remaining(settings.images) == {FREE}


def test_nothing_is_deleted_if_messages_cannot_be_read(
    make_settings: Callable[..., Settings], connection: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qctl.databases.mongodb.CONNECT_TIMEOUT_MS", 100)
    settings = make_settings(MONGODB_URI=f"mongodb://127.0.0.1:{free_port()}/qctl")
    create_old(settings.images, FREE)
    with pytest.raises(SinkError):
        list(unused_images(settings, connection, time.time()))
    assert remaining(settings.images) == {FREE}
