"""Text that no database keeps, lone surrogates and NUL, is refused in every JSON that comes in over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from qctl.gateway.json_requests import JsonRoute, parse
from qctl.gateway.routers import ROUTERS
from support.gateway import Gateway

HOSTILE = (r"\ud800", r"x\udfffy", r"a\u0000b", r"\udc00\ud800")

BODIES = {
    "/user/create": '{"username": "%s", "email": "a@example.com", "password": "correct horse battery"}',
    "/login": '{"email": "%s", "password": "x"}',
    "/login ": '{"email": "a@example.com", "password": "%s"}',
    "/job/create": '{"name": "notify", "data": {"receiverId": "b", "text": "%s"}}',
    "/job/create ": '{"name": "notify", "data": {"receiverId": "b", "text": "x", "data": {"deep": [{"%s": 1}]}}}',
    "/api/messages/send/b": '{"text": "%s"}',
    "/graphql": '{"query": "{ queues { name } }", "variables": {"x": "%s"}}',
    "/api/readings": '{"device": "%s", "temperature": 1}',
    "/logout": '{"everywhere": "%s"}',
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_route_takes_it(make_gateway: Callable[..., Gateway], hostile: str) -> None:
    gateway = make_gateway()
    token = gateway.user()
    for path, body in BODIES.items():
        answer = gateway.request("POST", path.strip(), (body % hostile).encode(), token)
        assert answer.status == 400, (path, answer.status, answer.body)
        assert answer.json["success"] is False
    assert "Traceback" not in gateway.output


def test_every_router_parses_json_here() -> None:
    for router in ROUTERS:
        assert issubclass(router.route_class, JsonRoute), router.prefix


@pytest.mark.parametrize("body", [b"\xff", b"[" * 100_000, b'{"a": "\\ud83d"}', b"\xed\xa0\x80", b"{"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"(?i)body|text|expecting"):
        parse(body)


@pytest.mark.parametrize("content", [{"a": "\U0001f600"}, ["\\u0000 as text"], "é"])
def test_any_other_text_is_taken(content: Any) -> None:
    assert parse(json.dumps(content).encode()) == content
