"""Direct routes answer as FastAPI's do: other methods, slashes, pages of other origins, and invalid bodies."""

from __future__ import annotations

from contextlib import closing

import pytest

from qctl.ops import Ops
from qctl.service import QueueService
from qctl.settings import Settings
from support.gateway import Gateway
from support.servers import RedisServer
from support.waiting import eventually

ORIGIN = "https://shop.example.com"


@pytest.fixture
def gateway(make_gateway) -> Gateway:  # type: ignore[no-untyped-def]
    """A gateway with a page of another origin."""
    made: Gateway = make_gateway(FRONTEND_URL=ORIGIN)
    return made


def test_direct_routes_keep_the_rules_of_all_routes(gateway: Gateway) -> None:
    token = gateway.token("ada")
    job = {"name": "notify", "data": {"receiverId": "ada", "text": "hello"}}
    for path in ("/job/create", "/job/create/", "/api/job/create"):
        assert gateway.request("POST", path, job, token).status == 201, path
    created = gateway.request("POST", "/job/create", job, token, Origin=ORIGIN)
    assert created.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert created.headers["X-Content-Type-Options"] == "nosniff"
    refused = gateway.request("POST", "/job/create", job, Origin=ORIGIN)
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, ORIGIN)
    assert refused.failure == {"success": False, "error": "No token provided"}
    preflight = gateway.request("OPTIONS", "/job/create", Origin=ORIGIN, Access_Control_Request_Method="POST")
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    assert gateway.request("PUT", "/job/create", job, token).status == 405
    assert gateway.request("POST", "/job/created", job, token).status == 404


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b"", "application/json", "body: Field required"),
        (b"{", "application/json", "1: JSON decode error"),
        (b"{}", "application/json", "name: Field required"),
        (b'{"name": "x"}', "text/plain", "body: Input should be a valid dictionary or object to extract fields from"),
        (b'{"name": {"$gt": ""}}', "application/json", "name: Value error, must be text"),
        (b'{"name": "notify", "data": []}', "application/problem+json", "data: Input should be a valid dictionary"),
    ],
)
def test_invalid_bodies_are_described(shared_gateway: Gateway, body: bytes, kind: str, message: str) -> None:
    answer = shared_gateway.request("POST", "/job/create", body, shared_gateway.token("ada"), Content_Type=kind)
    assert answer.status == 400
    assert answer.failure == {"success": False, "error": "Invalid request", "message": message}


@pytest.mark.parametrize(
    "body",
    [{"name": "notify", "data": {"receiverId": "ada", "text": "hello"}}, {"name": "no-such-job"}, {"name": 7}],
)
def test_ended_session_is_reported_before_anything_else(
    gateway: Gateway, service: QueueService, redis_server: RedisServer, body: object
) -> None:
    token = gateway.token("ada")
    with closing(Ops(Settings.load({"REDIS_URL": redis_server.url}))) as ops:
        ops.sessions.end_all("ada")
    answer = gateway.request("POST", "/job/create", body, token)
    assert (answer.status, answer.failure) == (401, {"success": False, "error": "Logged out"})
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "userId" not in eventually(lambda: gateway.requests(answer.headers["X-Trace-Id"]))[0]
    assert service.jobs_of("ada") == []
