"""Guessing of passwords, keys and tokens: one limiter for all gateways, and no key that can be guessed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from redis import Redis

from qctl.broker.bookkeeping import attempts
from qctl.broker.bookkeeping.attempts import Attempt, Door
from qctl.errors import SettingsError
from qctl.gateway.doors import KEY, LOGIN
from qctl.ops import Ops
from qctl.settings import Settings
from support.gateway import PASSWORD, Gateway
from support.waiting import eventually

ADMIN_KEY = "7f3c9a51e8d24b60a1c95e7d38f2b046"

DEVICE_TOKEN = "91d0c7e2a45b38f6e1729c04bd5a63f8"

DOOR = Door("test", account_limit=3, address_limit=5, window_seconds=60)


def log_in(gateway: Gateway, email: str, password: str, **headers: str) -> int:
    return gateway.request("POST", "/login", {"email": email, "password": password}, **headers).status


def test_an_account_is_guessed_at_ten_times_over_all_gateways(make_gateway: Callable[..., Gateway], ops: Ops) -> None:
    gateways = (make_gateway(), make_gateway("other"))
    ops.users.create("ada@example.com", "ada", PASSWORD)
    statuses = [log_in(gateways[n % 2], "ADA@example.com", f"wrong-{n}") for n in range(LOGIN.account_limit + 3)]
    assert statuses == [401] * LOGIN.account_limit + [429] * 3
    answer = gateways[0].request("POST", "/login", {"email": "ada@example.com", "password": PASSWORD})
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= LOGIN.window_seconds
    assert [act.outcome for act in ops.audit.list()][-1] == "refused"


@pytest.mark.parametrize(
    ("method", "path", "header"),
    [
        ("POST", "/api/queues/pause/email", "X_Admin_Key"),
        ("GET", "/admin/queues", "X_Admin_Key"),
        ("POST", "/graphql", "X_Admin_Key"),
        ("POST", "/api/readings", "X_Admin_Key"),
        ("POST", "/api/readings", "Authorization"),
        ("POST", "/admin/queues/login", ""),
    ],
)
def test_every_door_that_takes_a_key_closes_after_ten_wrong_ones(
    make_gateway: Callable[..., Gateway], ops: Ops, method: str, path: str, header: str
) -> None:
    gateway = make_gateway(QUEUE_ADMIN_KEY=ADMIN_KEY, QCTL_READINGS_TOKEN=DEVICE_TOKEN)

    def attempt(n: int) -> int:
        key = f"wrong-{n}"
        if not header:
            form = {"Content_Type": "application/x-www-form-urlencoded"}
            return gateway.request(method, path, f"key={key}".encode(), **form).status
        body = {"query": 'mutation { resume(queue: "email") { changed } }'} if path == "/graphql" else {}
        value = f"Bearer {key}" if header == "Authorization" else key
        return gateway.request(method, path, body if method == "POST" else None, **{header: value}).status

    began = time.monotonic()
    statuses = [attempt(n) for n in range(200)]
    if time.monotonic() - began < KEY.window_seconds:
        assert statuses == [401] * KEY.address_limit + [429] * (200 - KEY.address_limit)
    assert {act.outcome for act in ops.audit.list(limit=500)} == {"refused"}
    assert len(ops.audit.list(limit=500)) <= attempts.MAX_AUDITED_REFUSALS
    assert "wrong-1" not in gateway.output


def refused(connection: Redis, account: str, address: str = "192.0.2.1") -> bool:
    """Make a failed attempt. Returns whether it was refused unchecked."""
    return attempts.reserve(connection, Attempt(DOOR, address, account)).wait_seconds > 0


def test_who_logged_in_from_an_address_is_not_locked_out_from_elsewhere(connection: Redis) -> None:
    home = Attempt(DOOR, "192.0.2.1", "ada")
    attempts.forgive(connection, attempts.reserve(connection, home))
    assert [refused(connection, "ada", "198.51.100.1") for _ in range(4)] == [False, False, False, True]
    assert refused(connection, "ada", "203.0.113.9"), "the account is closed to strangers"
    assert [refused(connection, "ada") for _ in range(4)] == [False, False, False, True]


def test_a_right_password_does_not_reset_the_address(connection: Redis) -> None:
    own = Attempt(DOOR, "192.0.2.1", "mallory")
    for n in range(DOOR.address_limit):
        assert not refused(connection, f"victim-{n}")
        attempts.forgive(connection, attempts.reserve(connection, own))
    assert refused(connection, "victim-9")


def test_right_passwords_of_an_address_are_limited_too(connection: Redis) -> None:
    for _ in range(attempts.ALL_FACTOR * DOOR.address_limit):
        attempts.forgive(connection, attempts.reserve(connection, Attempt(DOOR, "192.0.2.1", "mallory")))
    assert refused(connection, "mallory")


def clients_of(gateway: Gateway) -> set[str]:
    """Client addresses in the log lines of logins. A line is written after its response."""
    return {line["client"] for line in gateway.log if line.get("path") == "/login"}


def test_an_address_is_believed_from_trusted_proxies_alone(make_gateway: Callable[..., Gateway]) -> None:
    direct, behind = make_gateway(), make_gateway("behind", QCTL_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8")

    def spread(gateway: Gateway, spoofed: str) -> set[int]:
        return {
            log_in(gateway, f"nobody-{n}@example.com", "x", X_Forwarded_For=spoofed.format(n=n))
            for n in range(LOGIN.address_limit + 2)
        }

    assert spread(direct, "198.51.100.{n}") == {401, 429}
    assert spread(behind, "198.51.100.{n}, 192.0.2.7") == {401, 429}, "what the client wrote counts for nothing"
    assert log_in(behind, "nobody@example.com", "x", X_Forwarded_For="192.0.2.8, 10.0.0.1") == 401, "another client"
    eventually(lambda: clients_of(direct) == {"127.0.0.1"}, what="the log of the direct gateway")
    eventually(lambda: clients_of(behind) == {"192.0.2.7", "192.0.2.8"}, what="the log of the gateway behind a proxy")


@pytest.mark.parametrize(
    "name", ["QCTL_GATEWAY_SECRET", "SECRET_KEY", "SOCKET_TOKEN", "QUEUE_ADMIN_KEY", "QCTL_READINGS_TOKEN"]
)
@pytest.mark.parametrize("weak", ["a", "secret", "change-me-" * 4, "ab12" * 20])
def test_no_key_that_can_be_guessed_is_accepted(make_settings: Callable[..., Settings], name: str, weak: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make_settings(**{name: weak})
    assert caught.value.name == name
    assert repr(weak) not in str(caught.value)
