"""Test files of chat messages: only the two parties download them, as bytes to be saved, and no orphan stays."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from redis import Redis

from qctl.broker.bookkeeping import inbox
from qctl.broker.redis import keys
from qctl.gateway.schemas import ChatMessage
from qctl.ops import Ops
from qctl.service import QueueService
from qctl.settings import Settings
from support.databases import MongoDb
from support.gateway import BIN, SECRET, Gateway
from support.process import free_port
from support.waiting import PATIENCE_SECONDS, eventually

EDGE = "edge-of-a-part"
FORM = f"multipart/form-data; boundary={EDGE}"
LIMIT = 200_000

ENQUEUE = """
import io, os, signal, sys
from uuid import uuid4
from qctl.gateway import chat_routes
from qctl.gateway.dependencies import Backend
from qctl.gateway.message_bodies import ReceivedFile, ReceivedMessage
from qctl.settings import Settings
gateway = Backend(Settings.load())
if sys.argv[1] == "dies":
    gateway.service.send_message = lambda **_: os.kill(os.getpid(), signal.SIGKILL)
content = b"the plan"
received = ReceivedMessage("see", None, ReceivedFile("plan.pdf", len(content), io.BytesIO(content)))
chat_routes._enqueue(gateway, chat_routes._NewMessage(str(uuid4()), "ada", "bob", received, None, "trace"))
"""
"""Steps of the gateway once a file has arrived; killed before the job is created if the argument says so."""

MakeGateway = Callable[..., Gateway]


def form(content: bytes, name: str = "plan.pdf", kind: str = "text/html", text: str = "see") -> bytes:
    """A multipart body with a text and a file."""
    head = (
        f'--{EDGE}\r\nContent-Disposition: form-data; name="text"\r\n\r\n{text}\r\n'
        f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: {kind}\r\n\r\n'
    )
    return head.encode() + content + f"\r\n--{EDGE}--\r\n".encode()


def send(gateway: Gateway, content: bytes, sender: str = "ada", **more: str) -> Any:
    """Send a file to bob."""
    body = form(content, **more)
    return gateway.request("POST", "/api/messages/send/bob", body, gateway.token(sender), Content_Type=FORM)


def deliver(gateway: Gateway, redis_url: str, **env: str) -> None:
    """Run the jobs of the queue `message`."""
    environ = {**os.environ, "REDIS_URL": redis_url, "QCTL_HOME": str(gateway.folder), **env}
    command = [str(BIN / "qctl-worker"), "message", "--burst"]
    ran = subprocess.run(
        command, cwd=gateway.folder, env=environ, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def stored(gateway: Gateway) -> set[str]:
    folder = gateway.folder / "message-files"
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def conversation(gateway: Gateway, reader: str = "bob", other: str = "ada") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gateway.request("GET", f"/api/messages/{other}", token=gateway.token(reader)).json
    return found


@pytest.mark.parametrize("database", ["sqlite", "mongodb"])
def test_both_parties_download_the_same_bytes_and_a_third_learns_nothing(
    make_gateway: MakeGateway, settings: Settings, database: str, request: pytest.FixtureRequest
) -> None:
    mongo: MongoDb | None = request.getfixturevalue("mongodb") if database == "mongodb" else None
    env = {"MONGODB_URI": mongo.url} if mongo else {}
    gateway, content = make_gateway(**env), os.urandom(150_000)
    tokens = {name: gateway.token(name) for name in ("ada", "bob", "eve")}
    sent = send(gateway, content)
    assert sent.status == 202, sent.body
    url = f"/api/messages/file/{sent.json['messageId']}"
    assert gateway.request("GET", url, token=tokens["bob"]).status == 404, "the message is not delivered yet"
    deliver(gateway, settings.redis_target, **env)
    for reader, other in (("bob", "ada"), ("ada", "bob")):
        (message,) = [each for each in conversation(gateway, reader, other) if each["_id"] == sent.json["messageId"]]
        assert (message["text"], message["image"]) == ("see", None)
        assert message["file"] == {"name": "plan.pdf", "size": len(content), "url": url}
        assert gateway.request("GET", message["file"]["url"], token=tokens[reader]).body == content

    missing = gateway.request("GET", f"/api/messages/file/{uuid4()}", token=tokens["eve"])
    foreign = gateway.request("GET", url, token=tokens["eve"])
    assert (missing.status, missing.failure) == (foreign.status, foreign.failure)
    assert foreign.status == 404
    assert gateway.request("GET", url).status == 401
    text = gateway.request("POST", "/api/messages/send/bob", {"text": "no file"}, tokens["ada"]).json["messageId"]
    deliver(gateway, settings.redis_target, **env)
    assert gateway.request("GET", f"/api/messages/file/{text}", token=tokens["bob"]).failure == missing.failure
    assert [each["file"] for each in conversation(gateway) if each["_id"] == text] == [None]

    (gateway.folder / "message-files" / sent.json["messageId"]).unlink()
    assert gateway.request("GET", url, token=tokens["bob"]).status == 404


def test_job_has_the_id_alone_and_the_file_is_private(make_gateway: MakeGateway, connection: Redis) -> None:
    gateway = make_gateway()
    sent = send(gateway, b"secret bytes", name="../../x.html")
    (name,) = stored(gateway)
    assert name == sent.json["jobId"]
    path = gateway.folder / "message-files" / name
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"secret bytes", 0o600)
    assert b"secret bytes" not in b"".join(connection.hgetall(keys.job(name)).values())
    with QueueService(Settings.load({"REDIS_URL": _url(connection)})) as service:
        payload = json.loads(service.status(name).payload.text or "")
    arguments = payload["kwargs"] if isinstance(payload, dict) else payload[3]
    assert arguments["file"] == {"id": name, "name": "x.html", "size": 12}


def _url(connection: Redis) -> str:
    return f"unix://{connection.connection_pool.connection_kwargs['path']}"


@pytest.mark.parametrize(
    "name", ["page.html", "a\u202ecod.exe", "\u2028x", "x;filename=y.html", "..", "%0d%0aX-Evil: 1", "ü \U0001f40d.svg"]
)
def test_file_is_saved_and_never_shown_whatever_its_name(
    make_gateway: MakeGateway, settings: Settings, connection: Redis, name: str
) -> None:
    gateway = make_gateway()
    sent = send(gateway, b"<script>alert(1)</script>", name=name)
    deliver(gateway, settings.redis_target)
    (message,) = conversation(gateway)
    file = message["file"]
    ((_, event),) = inbox.read(connection, "bob")
    live = ChatMessage.of(event).model_dump(mode="json", by_alias=True)
    assert live["file"] == file, "live as in the conversation"
    answer = gateway.request("GET", file["url"], token=gateway.token("bob"))
    assert answer.body == b"<script>alert(1)</script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    disposition = answer.headers["Content-Disposition"]
    assert disposition == f"attachment; filename*=UTF-8''{quote(file['name'], safe='')}"
    assert re.fullmatch(r"attachment; filename\*=UTF-8''[A-Za-z0-9._~%-]+", disposition)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    assert answer.headers["X-Evil"] is None
    assert sent.json["messageId"] in file["url"]


@pytest.mark.parametrize("declared", [True, False])
def test_too_large_file_is_refused_while_it_arrives_and_leaves_nothing(
    make_gateway: MakeGateway, connection: Redis, declared: bool
) -> None:
    gateway = make_gateway(MAX_FILE_SIZE=str(LIMIT))
    body = form(os.urandom(LIMIT + 100_000))
    answer = raw_send(gateway, body, chunked=not declared)
    assert b" 413 " in answer.partition(b"\r\n")[0]
    assert send(gateway, os.urandom(LIMIT + 1)).status == 413
    assert stored(gateway) == set()
    assert connection.llen(keys.queue("message.high")) == 0
    assert send(gateway, os.urandom(LIMIT)).status == 202
    assert len(stored(gateway)) == 1


def raw_send(gateway: Gateway, body: bytes, *, chunked: bool) -> bytes:
    """Send a form in pieces, with its length or without. Returns the response."""
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    head = (
        f"POST /api/messages/send/bob HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nConnection: close\r\n"
        f"Authorization: Bearer {gateway.token('ada')}\r\nContent-Type: {FORM}\r\n{length}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE_SECONDS) as client:
        client.sendall(head.encode())
        for at in range(0, len(body), 50_000):
            piece = body[at : at + 50_000]
            client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            client.sendall(b"0\r\n\r\n")
        return b"".join(iter(lambda: client.recv(65_536), b""))


def test_a_file_that_breaks_off_leaves_nothing(make_gateway: MakeGateway, connection: Redis) -> None:
    gateway = make_gateway()
    body = form(os.urandom(100_000))
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE_SECONDS) as client:
        head = (
            f"POST /api/messages/send/bob HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n"
            f"Authorization: Bearer {gateway.token('ada')}\r\nContent-Type: {FORM}\r\n"
            f"Content-Length: {len(body)}\r\nX-Trace-Id: broken-off\r\n\r\n"
        )
        client.sendall(head.encode() + body[:60_000])
    eventually(lambda: gateway.requests("broken-off"), what="the end of the request")
    assert stored(gateway) == set()
    assert connection.llen(keys.queue("message.high")) == 0


def test_a_form_without_a_chosen_file_has_none(make_gateway: MakeGateway) -> None:
    gateway = make_gateway()
    assert send(gateway, b"", name="").status == 202
    assert send(gateway, b"", name="", text="").status == 400
    assert stored(gateway) == set()
    assert send(gateway, b"", name="empty.txt", text="").status == 202
    assert len(stored(gateway)) == 1


def test_sender_at_a_limit_has_no_file_stored(make_gateway: MakeGateway) -> None:
    gateway = make_gateway()
    for n in range(5):
        assert send(gateway, b"%d" % n).status == 202
    before = stored(gateway)
    assert send(gateway, b"one more").status == 429
    assert stored(gateway) == before
    no_token = gateway.request("POST", "/api/messages/send/bob", form(b"x"), Content_Type=FORM)
    assert no_token.status == 401


def test_files_beyond_their_room_are_refused_and_text_goes_on(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(QCTL_MESSAGE_FILES_BYTES="10000")
    assert send(gateway, b"x" * 6000).status == 202
    refused = send(gateway, b"x" * 6000)
    assert (refused.status, "without its file" in refused.json["message"]) == (503, True)
    assert gateway.request("POST", "/api/messages/send/bob", {"text": "hi"}, gateway.token("ada")).status == 202
    assert len(stored(gateway)) == 1


@pytest.mark.kill
def test_a_kill_between_file_and_job_loses_no_message_and_the_orphan_is_deleted(
    make_gateway: MakeGateway, settings: Settings, ops: Ops
) -> None:
    gateway = make_gateway()
    environ = {
        "REDIS_URL": settings.redis_target,
        "QCTL_HOME": str(gateway.folder),
        "QCTL_GATEWAY_SECRET": SECRET,
        "QCTL_GATEWAY_PORT": str(free_port()),
    }
    for dies in (True, False):  # the client got no answer, and sends the message again
        command = [sys.executable, "-c", ENQUEUE, "dies" if dies else ""]
        done = subprocess.run(command, env={**os.environ, **environ}, check=False, timeout=PATIENCE_SECONDS)
        assert done.returncode == (-signal.SIGKILL if dies else 0)
    assert len(stored(gateway)) == 2
    age(gateway.folder / "message-files")
    ops.cleanup.run(["images"])
    assert len(stored(gateway)) == 2, "without any message, the messages may be in another database"
    deliver(gateway, settings.redis_target)
    assert ops.cleanup.run(["images"]).count == 1
    (file,) = [each["file"] for each in conversation(gateway)]
    assert gateway.request("GET", file["url"], token=gateway.token("bob")).body == b"the plan"
    assert ops.cleanup.run(["images"]).count == 0


def age(folder: Path) -> None:
    """Make the files of a folder as old as they can be."""
    for path in folder.iterdir():
        os.utime(path, (1, 1))
