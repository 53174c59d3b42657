"""Test chat messages over HTTP: enqueued with text, an image or both, and their status for the sender."""

from __future__ import annotations

import base64
import io
import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from redis import Redis

from qctl.broker.redis import keys
from qctl.service import QueueService
from qctl.settings import Settings
from support.gateway import Gateway

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
EDGE = "edge-of-a-part"


@pytest.fixture
def ada(shared_gateway: Gateway) -> Any:
    return partial(shared_gateway.request, token=shared_gateway.token("ada"))


def form(*parts: tuple[str, str | None, bytes]) -> dict[str, Any]:
    """A multipart body of parts: name, file name if it is a file, content."""
    body = b""
    for name, file, content in parts:
        file_name = f'; filename="{file}"' if file else ""
        body += (
            f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"{file_name}\r\n\r\n'.encode() + content + b"\r\n"
        )
    kind = f"multipart/form-data; boundary={EDGE}"
    return {"content": body + f"--{EDGE}--\r\n".encode(), "Content_Type": kind}


def arguments(connection: Redis, job_id: str) -> dict[str, Any]:
    """The keyword arguments of a job."""
    with QueueService(Settings.load({"REDIS_URL": url_of(connection)})) as service:
        payload = json.loads(service.status(job_id).payload.text or "")
    keywords: dict[str, Any] = payload["kwargs"] if isinstance(payload, dict) else payload[3]
    return keywords


def url_of(connection: Redis) -> str:
    return f"unix://{connection.connection_pool.connection_kwargs['path']}"


def test_text_is_enqueued_and_only_its_sender_sees_the_status(
    ada: Any, shared_gateway: Gateway, connection: Redis
) -> None:
    sent = ada("POST", "/api/messages/send/bob", {"text": "hello"}, X_Trace_Id="t-1")
    assert (sent.status, sent.json["success"], sent.json["status"]) == (202, True, "pending")
    job_id = sent.json["jobId"]
    assert arguments(connection, job_id) == {"senderId": "ada", "receiverId": "bob", "text": "hello"}
    status = ada("GET", f"/api/messages/status/{job_id}").json
    assert (status["jobId"], status["status"], status["result"]) == (job_id, "pending", None)
    path = f"/api/messages/status/{job_id}"
    assert shared_gateway.request("GET", path, token=shared_gateway.token("eve")).status == 404
    assert shared_gateway.request("GET", path).status == 401


def test_status_follows_the_job(ada: Any, connection: Redis) -> None:
    job_id = ada("POST", "/api/messages/send/bob", {"text": "hello"}).json["jobId"]
    connection.hset(keys.job(job_id), "status", "finished")
    assert ada("GET", f"/api/messages/status/{job_id}").json["status"] == "completed"
    connection.hset(keys.job(job_id), "status", "failed")
    assert ada("GET", f"/api/messages/status/{job_id}").json["status"] == "dlq"


def noise(size: int) -> bytes:
    """A valid PNG of about this many bytes, which cannot be compressed."""
    side = int((size / 3) ** 0.5)
    out = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(out, "png")
    return out.getvalue()


@pytest.mark.parametrize("as_form", [True, False])
def test_an_image_of_several_megabytes_is_taken(
    ada: Any, connection: Redis, as_form: bool, shared_gateway: Gateway
) -> None:
    image = noise(6_000_000)
    url = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    body = form(("image", "a.png", image)) if as_form else {"content": {"text": "large", "image": url}}
    sent = ada("POST", "/api/messages/send/bob", **body)
    assert sent.status == 202, sent.body
    name = arguments(connection, sent.json["jobId"])["image"]
    assert (shared_gateway.folder / "uploads" / name).read_bytes() == image


def test_an_image_beyond_the_limit_is_refused_as_json_too(ada: Any) -> None:
    url = "data:image/png;base64," + "AAAA" * (11 << 20 >> 2) + "A" * (4 << 20)
    assert ada("POST", "/api/messages/send/bob", {"image": url}).status == 413
    assert ada("POST", "/job/create", {"name": "x" * (1 << 20)}).status == 413


@pytest.mark.parametrize("as_form", [True, False])
def test_image_is_stored_and_the_job_has_its_name(
    ada: Any, connection: Redis, as_form: bool, shared_gateway: Gateway
) -> None:
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    body = form(("text", None, b"see"), ("image", "../../x.exe", PNG)) if as_form else {"content": {"image": url}}
    sent = ada("POST", "/api/messages/send/bob", **body)
    assert sent.status == 202
    name = arguments(connection, sent.json["jobId"])["image"]
    assert os.sep not in name
    assert name == f"chat-{sent.json['jobId']}.png", "cleanup-images finds the job by this name"
    assert (uploads(shared_gateway) / name).read_bytes() == PNG


def uploads(gateway: Gateway) -> Path:
    return gateway.folder / "uploads"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"content": {}}, 400),
        ({"content": {"text": ""}}, 400),
        ({"content": {"text": 7}}, 400),
        ({"content": {"text": "x" * 10_001}}, 400),
        ({"content": [1]}, 400),
        ({"content": b"{"}, 400),
        ({"content": {"image": "https://example.com/x.png"}}, 400),
        ({"content": {"image": "data:image/png;base64,!!"}}, 400),
        (form(("image", "a.png", b"<svg/>")), 400),
        (form(("image", "a.png", PNG[:40])), 400),
        (form(("image", None, b"no file")), 400),
        (form(("image", "a.png", PNG), ("more", "b.png", PNG)), 400),
        (form(("image", "a.png", PNG), ("file", "b.txt", b"x")), 400),
        (form(("file", None, b"no file")), 400),
        ({"content": {"text": "x", "file": "data:text/plain;base64,eHg="}}, 400),
        ({"content": b"no form", "Content_Type": "multipart/form-data; boundary=x"}, 400),
        ({"content": b"no form", "Content_Type": "multipart/form-data"}, 400),
    ],
)
def test_invalid_message_is_refused(ada: Any, connection: Redis, body: dict[str, Any], status: int) -> None:
    answer = ada("POST", "/api/messages/send/bob", **body)
    assert (answer.status, answer.json["success"]) == (status, False)
    assert connection.llen(keys.queue("message.high")) == 0


def test_sender_is_rate_limited(ada: Any) -> None:
    answers = [ada("POST", "/api/messages/send/bob", {"text": str(n)}) for n in range(6)]
    assert [answer.status for answer in answers] == [202] * 5 + [429]


def test_image_of_a_refused_message_is_deleted(ada: Any, shared_gateway: Gateway) -> None:
    for n in range(5):
        ada("POST", "/api/messages/send/bob", {"text": str(n)})
    before = set(uploads(shared_gateway).glob("*"))
    assert ada("POST", "/api/messages/send/bob", **form(("image", "a.png", PNG))).status == 429
    assert set(uploads(shared_gateway).glob("*")) == before
