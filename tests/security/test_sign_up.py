"""Sign-up: open on loopback only by default, by invitation elsewhere; exposed servers are reported."""

from __future__ import annotations

from collections.abc import Callable

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
    invitation = ops.users.invite()
    assert [status(gateway), status(gateway, invitation="another")] == [403, 403]
    assert status(gateway, invitation=invitation, password="short") == 400
    assert status(gateway, invitation=invitation) == 201
    assert status(gateway, invitation=invitation, email="b@example.com") == 403
    second = ops.users.invite()
    assert status(gateway, invitation=second) == 409, "the address is taken"
    assert status(gateway, invitation=second, email="b@example.com") == 201, "so it stays good"


def test_sign_up_can_be_switched_off(make_gateway: Callable[..., Gateway], ops: Ops) -> None:
    gateway = make_gateway(QCTL_SIGNUP="off")
    assert status(gateway, invitation=ops.users.invite()) == 403


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
