"""Sign-up: open on loopback only by default, by invitation elsewhere; exposed servers are reported."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from qctl.ops import Ops
from qctl.settings import Settings
from qctl.settings.exposure import check_exposure
from support.gateway import PASSWORD, Gateway

NEW = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}

TOKEN = "7f3c9a51e8d24b60a1c95e7d38f2b046"


def status(gateway: Gateway, **changes: str) -> int:
    return gateway.request("POST", "/user/create", {**NEW, **changes}).status


def test_an_invitation_is_good_for_one_user(make_gateway: Callable[..., Gateway], ops: Ops) -> None:
    gateway = make_gateway(QCTL_SIGNUP="invite")
    invitation = ops.users.invite().token
    assert [status(gateway), status(gateway, invitation="another")] == [403, 403]
    assert status(gateway, invitation=invitation, password="short") == 400
    assert status(gateway, invitation=invitation) == 201
    assert status(gateway, invitation=invitation, email="b@example.com") == 403
    second = ops.users.invite().token
    assert status(gateway, invitation=second) == 409, "the address is taken"
    assert status(gateway, invitation=second, email="b@example.com") == 201, "so it stays good"


def test_sign_up_can_be_switched_off(make_gateway: Callable[..., Gateway], ops: Ops) -> None:
    gateway = make_gateway(QCTL_SIGNUP="off")
    assert status(gateway, invitation=ops.users.invite().token) == 403


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("127.0.0.1", "open"),
        ("localhost", "open"),
        ("::1", "open"),
        ("192.0.2.1", "invite"),
        ("127.evil.example", "invite"),
    ],
)
def test_sign_up_is_open_on_loopback_only(make_settings: Callable[..., Settings], host: str, mode: str) -> None:
    assert make_settings(QCTL_GATEWAY_HOST=host).signup_mode == mode
    assert make_settings(QCTL_GATEWAY_HOST=host, QCTL_TRUSTED_PROXIES="127.0.0.1").signup_mode == "invite"


@pytest.mark.parametrize(
    ("names", "statuses"),
    [
        ({}, []),
        ({"QCTL_GATEWAY_HOST": "192.0.2.1"}, ["degraded"]),
        ({"QCTL_GATEWAY_HOST": "192.0.2.1", "QCTL_SIGNUP": "open", "QCTL_TRUSTED_PROXIES": "10.0.0.1"}, ["degraded"]),
        ({"QCTL_GATEWAY_HOST": "192.0.2.1", "QCTL_TRUSTED_PROXIES": "10.0.0.1"}, ["ok"]),
        ({"QCTL_SOCKET_HOST": "192.0.2.1"}, ["degraded"]),
        ({"QCTL_SOCKET_HOST": "192.0.2.1", "SOCKET_TOKEN": TOKEN}, ["ok"]),
    ],
)
def test_exposed_servers_are_reported(
    make_settings: Callable[..., Settings], names: dict[str, str], statuses: list[str]
) -> None:
    findings = list(check_exposure(make_settings(**names)))
    assert [finding.status for finding in findings] == statuses
    assert TOKEN not in str(findings)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def send(gateway: Gateway, headers: dict[str, str] | None = None, **fields: str) -> Any:
    body = urlencode({"username": "ada", "email": "ada@example.com", "password": PASSWORD, **fields}).encode()
    return gateway.request("POST", "/signup", body, None, **{**FORM, **(headers or {})})


def test_the_link_of_an_invitation_opens_a_page_that_creates_one_user(
    make_gateway: Callable[..., Gateway], ops: Ops
) -> None:
    gateway = make_gateway(QCTL_SIGNUP="invite")
    invitation = ops.users.invite()
    path = invitation.link.partition("/signup")[1:]
    page = gateway.request("GET", "".join(path))
    assert page.status == 200
    text = page.body.decode()
    assert f'value="{invitation.token}"' in text
    assert not re.search(r"<script|src=|href=|://", text), "nothing runs, and nothing comes from elsewhere"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert send(gateway, invitation="another").status == 403
    short = send(gateway, invitation=invitation.token, password="short")
    assert (short.status, b"short" in short.body) == (400, False)
    assert send(gateway, invitation=invitation.token).status == 201
    assert send(gateway, invitation=invitation.token, email="b@example.com").status == 403
    assert gateway.request("POST", "/login", {"email": "ada@example.com", "password": PASSWORD}).status == 200


@pytest.mark.parametrize("hostile", ['"><script>alert(1)</script>', "a\0b", "x" * 2000, "\u202eada", ""])
def test_the_page_escapes_and_refuses_hostile_fields(make_gateway: Callable[..., Gateway], hostile: str) -> None:
    gateway = make_gateway(QCTL_SIGNUP="open")
    for field in ("username", "email", "password", "invitation"):
        answer = send(gateway, **{"email": f"{field}@example.com", field: hostile})
        if field != "invitation":
            allowed = "<" in hostile and field in ("username", "password")
            assert answer.status == (201 if allowed else 400), field
        assert b"<script" not in answer.body
    assert b"<script" not in gateway.request("GET", f"/signup?{urlencode({'invitation': hostile})}").body
    assert "Traceback" not in gateway.output


def test_the_page_is_off_with_sign_up_and_refuses_other_pages(make_gateway: Callable[..., Gateway]) -> None:
    off, open_one = make_gateway("off", QCTL_SIGNUP="off"), make_gateway("open", QCTL_SIGNUP="open")
    assert off.request("GET", "/signup").status == 404
    assert send(off).status == 403
    assert send(open_one, {"Origin": "https://evil.example"}).status == 403
    assert send(open_one, {"Origin": open_one.url}).status == 201


@pytest.mark.parametrize(
    ("names", "start"),
    [
        ({}, "http://localhost:2000/signup?invitation="),
        ({"QCTL_HOSTS": "shop.example,other.example"}, "https://shop.example/signup?invitation="),
        ({"QCTL_GATEWAY_HOST": "192.0.2.1"}, "http://192.0.2.1:2000/signup?invitation="),
        ({"QCTL_GATEWAY_HOST": "2001:db8::1"}, "http://[2001:db8::1]:2000/signup?invitation="),
        ({"QCTL_GATEWAY_HOST": "::"}, f"http://{socket.gethostname()}:2000/signup?invitation="),
    ],
)
def test_the_link_leads_to_the_gateway(
    make_settings: Callable[..., Settings], names: dict[str, str], start: str
) -> None:
    assert Ops(make_settings(**names)).users.invite().link.startswith(start)
