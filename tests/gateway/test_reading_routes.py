"""Test `POST /api/readings`: readings are committed to the buffer before the response."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from redis import Redis

from qctl.broker.query.pipeline_status import by_topic
from qctl.broker.redis import keys
from support.gateway import Gateway
from support.ingest import items
from support.servers import RedisServer
from support.waiting import eventually

KEY = "the-admin-key-of-all-these-tests-of-2026"
DEVICE_TOKEN = "token-of-a-device-0123456789abcdef"

ATTIC = {"device": "attic", "temperature": 21.5, "timestamp": "2024-03-20T10:30:00Z"}


@pytest.fixture
def post(shared_gateway: Gateway) -> Any:
    """Send a POST as a user."""
    return partial(shared_gateway.request, "POST", token=shared_gateway.token("ada"))


def arrived(connection: Redis, count: int) -> list[dict[str, Any]]:
    """Items in the buffer and in batches, once there are `count`: they may be moving between the two."""
    return eventually(lambda: [found for found in [items(connection)] if len(found) == count], what=f"{count} items")[0]


def test_readings_are_in_the_buffer_before_the_response(post: Any, connection: Redis) -> None:
    one = post("/api/readings", ATTIC)
    assert (one.status, one.json) == (202, {"success": True, "accepted": 1})
    (item,) = arrived(connection, 1)
    assert (item["topic"], item["fields"], item["ts_ns"]) == (
        "sensors/attic",
        {"temperature": 21.5},
        1_710_930_600_000_000_000,
    )
    many = post("/api/readings", [{"device": "attic", "n": n} for n in range(3000)])
    assert (many.status, many.json["accepted"]) == (202, 3000)
    found = arrived(connection, 3001)
    assert sorted(item["fields"]["n"] for item in found if "n" in item["fields"]) == list(range(3000))
    named = post("/api/readings?topic=sensors/cellar/temperature", 4)
    assert named.status == 202
    assert {"temperature": 4} in [item["fields"] for item in arrived(connection, 3002)]


def test_line_protocol_is_accepted(post: Any, connection: Redis) -> None:
    lines = b"bme280,device=attic temperature=21.5 1710930600\nbme280,device=cellar temperature=9 1710930600\n"
    answer = post("/api/readings?precision=s", lines, Content_Type="text/plain; charset=utf-8")
    assert (answer.status, answer.json["accepted"]) == (202, 2)
    assert {item["device"] for item in arrived(connection, 2)} == {"attic", "cellar"}


@pytest.mark.parametrize(
    ("body", "kind", "status", "text"),
    [
        (b"{", "application/json", 400, "not JSON"),
        (b"[]", "application/json", 400, "no reading"),
        (b"\xff", "text/plain", 400, "UTF-8"),
        (b'[{"device":"a","t":1},{"device":"a"}]', "application/json", 400, "no values"),
        (b"a t=1\nb", "text/plain", 400, "reading 2: "),
        (b"a=1", "application/x-www-form-urlencoded", 415, "Content-Type"),
    ],
)
def test_request_with_an_invalid_reading_is_refused_as_a_whole(
    post: Any, connection: Redis, body: bytes, kind: str, status: int, text: str
) -> None:
    answer = post("/api/readings", body, Content_Type=kind)
    assert answer.status == status
    assert text in answer.json["error"] + answer.json.get("message", "")
    assert items(connection) == []


def test_users_operators_and_devices_may_post(make_gateway: Callable[..., Gateway], shared_gateway: Gateway) -> None:
    assert shared_gateway.request("POST", "/api/readings", ATTIC).status == 401
    assert shared_gateway.request("POST", "/api/readings", ATTIC, token="").status == 401
    assert shared_gateway.request("POST", "/api/readings", ATTIC, token="a-device").status == 401
    assert shared_gateway.request("POST", "/api/readings", ATTIC, X_Admin_Key="another").status == 401
    assert shared_gateway.request("POST", "/api/readings", ATTIC, X_Admin_Key=KEY).status == 202
    gateway = make_gateway(QCTL_READINGS_TOKEN=DEVICE_TOKEN)
    assert gateway.request("POST", "/api/readings", ATTIC, token=DEVICE_TOKEN).status == 202
    assert gateway.request("POST", "/api/readings", ATTIC, token=DEVICE_TOKEN[:-1]).status == 401


@pytest.mark.kill
def test_503_with_retry_after_while_redis_is_unreachable_or_full(
    make_gateway: Callable[..., Gateway], own_redis: RedisServer
) -> None:
    gateway = make_gateway(redis_url=own_redis.url, QCTL_READINGS_TOKEN=DEVICE_TOKEN, QCTL_BUFFER_HIGH_WATER="1000")

    def status() -> int:
        answer = gateway.request("POST", "/api/readings", ATTIC, token=DEVICE_TOKEN)
        if answer.status == 503:
            assert answer.failure == {
                "success": False,
                "error": "Service unavailable",
                "message": "try again soon",
                "retryAfter": 2,
            }
            assert answer.headers["Retry-After"] == "2"
        return answer.status

    assert status() == 202
    own_redis.kill()
    assert status() == 503
    own_redis.restart()
    eventually(lambda: status() == 202)
    redis = own_redis.connect()
    redis.rpush(keys.queue("sensor-data"), *(f"waits-{n}" for n in range(200)))
    redis.rpush(keys.buffer("readings"), *[b'{"received_ns": 1}'] * 1001)
    eventually(lambda: status() == 503)
    redis.close()


LINES = (
    b"cpu,cpu=cpu0,host=web1 usage=91.5 1769860800000000000\ncpu,cpu=cpu1,host=web1 usage=80.5 1769860800000000000\n"
)


def write(gateway: Gateway, body: bytes, **headers: str) -> Any:
    """Send a POST as an agent of InfluxDB does."""
    headers = {"Authorization": f"Token {DEVICE_TOKEN}", "Content-Type": "text/plain; charset=utf-8", **headers}
    return gateway.request("POST", "/api/v2/write?org=o&bucket=b&precision=ns", body, **headers)


def test_agents_of_influxdb_write_here(make_gateway: Callable[..., Gateway], connection: Redis) -> None:
    gateway = make_gateway(QCTL_READINGS_TOKEN=DEVICE_TOKEN)
    answer = write(gateway, LINES)
    assert (answer.status, answer.body) == (204, b"")
    assert write(gateway, gzip.compress(LINES), Content_Encoding="gzip").status == 204
    partly = write(gateway, b"bad\nmem used=1i 1769860800000000000\n")
    assert (partly.status, partly.json["code"]) == (422, "unprocessable entity")
    assert re.fullmatch("partial write: unable to parse line 1: .* dropped=1", partly.json["message"])
    none = write(gateway, b"bad\n")
    assert (none.status, none.json["code"]) == (400, "invalid")
    refused = write(gateway, LINES, Authorization="Token another")
    assert (refused.status, refused.json["code"]) == (401, "unauthorized")
    assert write(gateway, b"x", Content_Encoding="gzip").status == 400
    assert write(gateway, gzip.compress(b"a" * (5 << 20)), Content_Encoding="gzip").status == 413
    found = {(item["topic"], item.get("tags", {}).get("cpu")) for item in arrived(connection, 5)}
    assert found == {("cpu", "cpu0"), ("cpu", "cpu1"), ("mem", None)}


def test_values_left_out_are_named_in_the_response_and_counted(post: Any, connection: Redis) -> None:
    body = b'{"device": "attic", "temperature": NaN, "humidity": 40, "timestamp": 5}'
    answer = post("/api/readings", body, Content_Type="application/json")
    assert answer.json == {"success": True, "accepted": 1, "left_out": {"temperature": 1}, "clocks_not_set": 1}
    (topic,) = eventually(lambda: by_topic(connection, "readings"), what="the counts")
    assert (topic.topic, topic.left_out, topic.clocks) == ("sensors/attic", {"temperature": 1}, 1)
