"""Test what applies to every request: trace ids, log lines, size limits, CORS, errors, and shutdown."""

from __future__ import annotations

import http.client
import secrets
import threading
from collections.abc import Callable

import pytest

from support.gateway import PASSWORD, Gateway, Response
from support.process import accepts
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, eventually


def test_request_is_one_log_line_without_secrets(gateway: Gateway) -> None:
    who = {"username": "ada", "email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
    gateway.request("POST", "/user/create", who, X_Trace_Id="trace-1")
    token = gateway.request("POST", "/login", who, X_Trace_Id="trace-2").json["jwt"]
    answer = gateway.request(
        "POST", "/job/create?key=query-secret", {"name": "body-secret"}, token, X_Trace_Id="trace-3"
    )
    assert answer.headers["X-Trace-Id"] == "trace-3"
    owner, job = answer.json["job"]["ownerId"], answer.json["job"]["_id"]
    (line,) = eventually(lambda: gateway.requests("trace-3"))
    fields = {name: line[name] for name in ("event", "method", "path", "client", "status", "userId")}
    assert fields == {
        "event": "request",
        "method": "POST",
        "path": "/job/create",
        "client": "127.0.0.1",
        "status": "201",
        "userId": owner,
    }
    assert line["ms"].isdecimal()
    (submitted,) = [line for line in gateway.log if line.get("event") == "submit" and line["traceId"] == "trace-3"]
    assert (submitted["jobId"], submitted["traceId"], submitted["userId"]) == (job, "trace-3", owner)
    assert len(gateway.requests("trace-1")) == len(gateway.requests("trace-2")) == 1
    for secret in (PASSWORD, token, "query-secret", "body-secret", who["email"]):
        assert secret not in gateway.output


@pytest.mark.parametrize("trace", ["", "with space", "a" * 129, "é"])
def test_invalid_trace_id_is_replaced(gateway: Gateway, trace: str) -> None:
    first, second = (gateway.request("GET", "/sync", X_Trace_Id=trace).headers["X-Trace-Id"] for _ in range(2))
    assert len(first) == 36
    assert first != second


def test_all_errors_have_one_shape(gateway: Gateway) -> None:
    token = gateway.user()
    deep = b'{"name": "x", "data": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_001
    responses: list[tuple[int, Response]] = [
        (404, gateway.request("GET", "/nowhere")),
        (405, gateway.request("PUT", "/login", {})),
        (400, gateway.request("POST", "/login", b"{")),
        (400, gateway.request("POST", "/login", b"\xff\xfe")),
        (400, gateway.request("POST", "/login", b"name=x", Content_Type="application/x-www-form-urlencoded")),
        (400, gateway.request("POST", "/login", [1])),
        (400, gateway.request("GET", "/job?limit=0", token=token)),
        (400, gateway.request("POST", "/job/create", {"name": ["x"]}, token)),
        (400, gateway.request("POST", "/job/create", {"name": "\u202e" * 300}, token)),
        (400, gateway.request("POST", "/job/create", deep, token)),
        (400, gateway.request("POST", "/job/create", b'{"name": "x", "data": {"a": NaN}}', token)),
        (413, gateway.request("POST", "/job/create", b'{"name": "%s"}' % (b"a" * (1 << 20)), token)),
    ]
    for status, answer in responses:
        assert answer.status == status, answer
        assert answer.json["success"] is False
        assert answer.json["error"]
        assert answer.headers["X-Trace-Id"]
    assert "traceback" not in gateway.output.lower()


def test_body_without_a_length_is_limited(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE_SECONDS)
    pieces = (b"x" * 65_536 for _ in range(40))
    connection.request("POST", "/login", pieces, {"Content-Type": "application/json"}, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_far_too_large_body_is_not_read(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE_SECONDS)
    connection.putrequest("POST", "/login")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_browsers_get_cors_and_security_headers(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(FRONTEND_URL="https://app.example")
    preflight = {
        "Origin": "https://app.example",
        "Access_Control_Request_Method": "POST",
        "Access_Control_Request_Headers": "authorization,content-type,x-trace-id",
    }
    assert gateway.request("OPTIONS", "/job/create", **preflight).status == 200
    for origin, allowed in (("https://app.example", "https://app.example"), ("https://evil.example", None)):
        answer = gateway.request("GET", "/sync", Origin=origin)
        assert answer.headers["Access-Control-Allow-Origin"] == allowed
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Server"] is None


def test_unreachable_redis_is_503_without_details(make_gateway: Callable[..., Gateway], own_redis: RedisServer) -> None:
    gateway = make_gateway(redis_url=own_redis.url, GATEWAY_DEFAULT_JOB="simulate")
    token = gateway.user()
    own_redis.kill()
    answer = gateway.request("GET", "/job", token=token)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    assert answer.failure == {
        "success": False,
        "error": "Service unavailable",
        "message": "try again soon",
        "retryAfter": 2,
    }
    assert gateway.request("GET", "/healthz").status == 503
    assert "qctl_redis_up 0.0" in gateway.request("GET", "/prometheus/metrics").body.decode()
    assert gateway.request("GET", "/sync").status == 200
    own_redis.start()
    eventually(lambda: gateway.request("GET", "/healthz").status == 200)
    assert gateway.request("GET", "/job", token=token).status == 200


def test_open_requests_are_answered_before_shutdown(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway()
    answers: list[Response] = []
    gateway.user("slow@example.com")
    who = {"email": "slow@example.com", "password": PASSWORD}
    threads = [
        threading.Thread(target=lambda: answers.append(gateway.request("POST", "/login", who))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    eventually(lambda: answers, what="the first answer")
    assert gateway.stop() == 0
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert [answer.status for answer in answers] == [200] * 3
    assert not accepts(gateway.port)


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"QCTL_GATEWAY_SECRET": "weak"}, "QCTL_GATEWAY_SECRET"),
        ({"GATEWAY_DEFAULT_JOB": "no-such-job"}, "GATEWAY_DEFAULT_JOB"),
        ({"GATEWAY_DEFAULT_JOB": "notify"}, "GATEWAY_DEFAULT_JOB"),
    ],
)
def test_invalid_settings_prevent_the_start(
    make_gateway: Callable[..., Gateway], env: dict[str, str], name: str
) -> None:
    with pytest.raises(AssertionError, match=f"ended with 2\nqctl-gateway: {name}: "):
        make_gateway(**env)
