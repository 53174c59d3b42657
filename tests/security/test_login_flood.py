"""Floods of logins: who hung up costs no hash, and nobody waits long for a place."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from qctl.errors import BackpressureError, RefusedError
from qctl.gateway import accounts
from qctl.gateway.accounts import Accounts
from qctl.gateway.tokens import Tokens
from qctl.ops import Ops
from qctl.settings import Settings
from support.gateway import PASSWORD, SECRET, Gateway
from support.waiting import PATIENCE_SECONDS

ATTACKERS = 300


def hang_up(gateway: Gateway, email: str) -> None:
    """Send a login and close the connection."""
    body = json.dumps({"email": email, "password": "x" * 200}).encode()
    fields = ("Host: 127.0.0.1", "Content-Type: application/json", f"Content-Length: {len(body)}")
    head = "\r\n".join(("POST /login HTTP/1.1", *fields, "", ""))
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(head.encode() + body)


def processor_seconds(gateway: Gateway) -> float:
    """Processor time that it has used, which other programs on the machine do not change."""
    times = psutil.Process(gateway.pid).cpu_times()
    return float(times.user + times.system)


def test_logins_that_hung_up_do_not_hold_a_real_one(make_gateway: Callable[..., Gateway], ops: Ops) -> None:
    gateway = make_gateway(QCTL_TRUSTED_PROXIES="127.0.0.1")
    ops.users.create("ada@example.com", "ada", PASSWORD)
    for n in range(ATTACKERS):
        hang_up(gateway, f"nobody-{n}@example.com")
    before = processor_seconds(gateway)
    answer = gateway.request(
        "POST", "/login", {"email": "ada@example.com", "password": PASSWORD}, X_Forwarded_For="192.0.2.1"
    )
    assert answer.status in (200, 503), answer.json
    took = processor_seconds(gateway) - before
    assert took < 10.0, "a hash of each sender that hung up would take minutes of processor"


@pytest.fixture
def users(settings: Settings, ops: Ops) -> Accounts:
    return Accounts(settings, Tokens(SECRET, 60), ops)


def test_who_hung_up_is_not_hashed(users: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    def hash_anyway(*_: object) -> bool:
        raise AssertionError("a hash was computed")

    async def gone() -> bool:
        return True

    monkeypatch.setattr(accounts.passwords, "verify_password", hash_anyway)
    with pytest.raises(accounts.HTTPException) as caught:
        asyncio.run(users.login("ada@example.com", "x", gone))
    assert caught.value.status_code == accounts.CLIENT_CLOSED_REQUEST


def test_a_place_is_waited_for_two_seconds(users: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    enough = threading.Event()
    monkeypatch.setattr(accounts.passwords, "verify_password", lambda *_: not enough.wait(PATIENCE_SECONDS))
    waited: list[float] = []

    async def log_in() -> None:
        began = time.monotonic()
        try:
            await users.login("ada@example.com", "x")
        except BackpressureError:
            waited.append(time.monotonic() - began)
            if len(waited) == 10:
                enough.set()  # until then no hash ends: a place does not become free
        except RefusedError:
            pass

    async def crowd() -> None:
        await asyncio.gather(*(log_in() for _ in range(20)))

    asyncio.run(crowd())
    assert enough.is_set()
    assert min(waited) >= accounts.MAX_WAIT_SECONDS
