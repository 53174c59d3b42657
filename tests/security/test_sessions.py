"""Logins end: by logout, by a change of the user, by another key; at every gateway, within a second."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis

from qctl.broker.redis import keys
from qctl.ops import Ops
from support.gateway import PASSWORD, Gateway
from support.live import LiveClient
from support.node import installed
from support.waiting import eventually
from support.web_terminal import panel_cookie

EMAIL = "ada@example.com"

ADMIN_KEY = "7f3c9a51e8d24b60a1c95e7d38f2b046"


def log_in(gateway: Gateway) -> str:
    token: str = gateway.request("POST", "/login", {"email": EMAIL, "password": PASSWORD}).json["jwt"]
    return token


def status(gateway: Gateway, token: str) -> int:
    return gateway.request("GET", "/job", token=token).status


def test_logout_ends_one_login_at_every_gateway_or_all(make_gateway: Callable[..., Gateway], ops: Ops) -> None:
    here, there = make_gateway(), make_gateway("there")
    ops.users.create(EMAIL, "ada", PASSWORD)
    first, second, third = (log_in(here) for _ in range(3))
    assert [status(there, token) for token in (first, second, third)] == [200] * 3
    assert here.request("POST", "/logout", token=first).json == {"success": True}
    assert status(here, first) == 401, "at once where it was logged out"
    eventually(lambda: status(there, first) == 401, what="the logout at the other gateway")
    assert [status(there, token) for token in (second, third)] == [200] * 2
    assert here.request("POST", "/logout", {"everywhere": True}, second).status == 200
    eventually(lambda: {status(there, token) for token in (second, third)} == {401}, what="all logins")
    assert here.request("POST", "/logout", token=first).status == 401
    assert status(here, log_in(there)) == 200


@pytest.mark.parametrize("change", ["remove", "password", "demote", "log_out"])
def test_a_change_of_the_user_ends_every_login(make_gateway: Callable[..., Gateway], ops: Ops, change: str) -> None:
    gateway = make_gateway()
    ops.users.create(EMAIL, "ada", PASSWORD, role="admin")
    token = log_in(gateway)
    assert status(gateway, token) == 200
    if change == "password":
        ops.users.password(EMAIL, "another correct horse")
    else:
        getattr(ops.users, change)(EMAIL)
    eventually(lambda: status(gateway, token) == 401, what=f"end of the login after {change}")
    if change == "remove":
        ops.users.create(EMAIL, "eve", PASSWORD)
        assert status(gateway, token) == 401, "a later user of the address is another"


def test_lost_versions_make_no_old_login_good_again(
    make_gateway: Callable[..., Gateway], ops: Ops, connection: Redis
) -> None:
    gateway = make_gateway()
    ops.users.create(EMAIL, "ada", PASSWORD)
    old = log_in(gateway)
    ops.users.log_out(EMAIL)
    connection.delete(keys.USER_SESSIONS)
    new = log_in(gateway)
    eventually(lambda: status(gateway, old) == 401, what="end of the old login")
    assert status(gateway, new) == 200


def test_a_live_connection_ends_with_its_login(
    make_gateway: Callable[..., Gateway], ops: Ops, tmp_path_factory: pytest.TempPathFactory
) -> None:
    installed()
    gateway = make_gateway()
    ops.users.create(EMAIL, "ada", PASSWORD)
    client = LiveClient(tmp_path_factory.mktemp("live"), gateway.url, log_in(gateway))
    with client:
        ops.users.log_out(EMAIL)
        eventually(lambda: client.records_of("disconnect"), what="end of the connection")


def test_a_panel_cookie_ends_by_logout_and_with_its_key(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(QUEUE_ADMIN_KEY=ADMIN_KEY)
    other_key = make_gateway("rekeyed", QUEUE_ADMIN_KEY=ADMIN_KEY[::-1])
    no_key = make_gateway("keyless")
    cookie = panel_cookie(gateway.port, ADMIN_KEY)
    assert gateway.request("GET", "/admin/queues", Cookie=cookie).status == 200
    assert other_key.request("GET", "/admin/queues", Cookie=cookie).status == 401
    assert no_key.request("GET", "/admin/queues", Cookie=cookie).status == 401
    gateway.request("POST", "/admin/queues/logout", b"", Cookie=cookie)
    assert gateway.request("GET", "/admin/queues", Cookie=cookie).status == 401
