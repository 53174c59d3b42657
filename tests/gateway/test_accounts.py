"""Test user accounts: hashed passwords, no disclosure of existing users, no injection of queries."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest
from argon2 import PasswordHasher

from qctl.errors import BackpressureError, RefusedError
from qctl.gateway import accounts
from qctl.gateway.accounts import Accounts, EmailTakenError
from qctl.gateway.tokens import AUDIENCE, Tokens
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.store import passwords
from support.databases import MongoDb
from support.gateway import PASSWORD, SECRET, Gateway

EMAIL = "Ada@Example.com"


@pytest.fixture
def users(settings: Settings) -> Iterator[Accounts]:
    ops = Ops(settings)
    accounts_ = Accounts(settings, Tokens(SECRET, 60), ops)
    yield accounts_
    accounts_.close()
    ops.close()


def test_login_with_the_password_returns_a_token(users: Accounts, tmp_path: Path) -> None:
    user = asyncio.run(users.create("Ada", EMAIL, PASSWORD))
    assert (user.email, user.role) == ("ada@example.com", "user")
    assert Tokens(SECRET, 60).read(asyncio.run(users.login("ADA@example.com", PASSWORD))).id == user.id
    ((stored,),) = sqlite3.connect(tmp_path / "qctl.db").execute("SELECT password FROM users").fetchall()
    assert stored.startswith("$argon2id$")
    with pytest.raises(EmailTakenError):
        asyncio.run(users.create("Eve", "ada@EXAMPLE.com", PASSWORD))
    assert asyncio.run(users.login(EMAIL, PASSWORD)), "the password of the first user still works"


def test_unknown_email_is_refused_like_a_wrong_password(users: Accounts) -> None:
    asyncio.run(users.create("Ada", EMAIL, PASSWORD))
    assert not PasswordHasher(*passwords.ARGON2_COST).check_needs_rehash(passwords.DECOY_HASH)
    messages, durations = [], []
    for email, password in ((EMAIL, "wrong"), ("nobody@example.com", PASSWORD)):
        started = time.process_time()
        with pytest.raises(RefusedError) as caught:
            asyncio.run(users.login(email, password))
        durations.append(time.process_time() - started)
        messages.append(caught.value.message)
    assert messages[0] == messages[1]
    assert min(durations) > 0.01, "a hash was computed for both"


def test_too_many_logins_at_once_get_backpressure(users: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "MAX_WAIT_SECONDS", 0.01)

    async def log_in_often() -> list[object]:
        return await asyncio.gather(*(users.login(EMAIL, "x") for _ in range(20)), return_exceptions=True)

    results = [type(result) for result in asyncio.run(log_in_often())]
    assert BackpressureError in results
    assert RefusedError in results


def test_no_input_becomes_a_database_query(make_gateway: Callable[..., Gateway], mongodb: MongoDb) -> None:
    gateway = make_gateway(MONGODB_URI=mongodb.url)
    name = secrets.token_hex(8)
    victim = f"victim-{name}@example.com"
    assert gateway.user(victim)
    for value in ({"$gt": ""}, {"$ne": None}, [victim], 7, None, True):
        for credentials in (
            {"email": value, "password": PASSWORD},
            {"email": victim, "password": value},
            {"email": value, "password": value},
        ):
            assert gateway.request("POST", "/login", credentials).status == 400, credentials
    assert gateway.request("POST", "/login", {"email": "' OR '1'='1", "password": "' OR '1'='1"}).status == 401
    valid = {"username": "ada", "email": f"ok-{name}@example.com", "password": PASSWORD}
    for field, value in (
        ("email", {"$gt": ""}),
        ("email", "no address"),
        ("email", "a@b\r\nBcc: c@d"),
        ("email", f"{'a' * 300}@example.com"),
        ("username", ""),
        ("username", "a\x1b[31m"),
        ("username", "\ud800"),
        ("username", "a" * 65),
        ("password", "short"),
        ("password", "a" * 257),
        ("password", None),
    ):
        assert gateway.request("POST", "/user/create", {**valid, field: value}).status == 400, (field, value)
    assert gateway.request("POST", "/user/create", valid).status == 201
    taken = gateway.request("POST", "/user/create", valid)
    assert (taken.status, taken.failure) == (409, {"success": False, "error": "Email already in use"})


def test_demoted_admin_loses_rights_at_once(users: Accounts, settings: Settings) -> None:
    tokens, ops = Tokens(SECRET, 60), Ops(settings)

    def is_admin(token: str) -> bool:
        return asyncio.run(users.is_admin(tokens.read(token)))

    def login() -> str:
        return asyncio.run(users.login(EMAIL, PASSWORD))

    ops.users.create(EMAIL, "Ada", PASSWORD)
    ordinary = login()
    ops.users.promote(EMAIL)
    assert not is_admin(ordinary), "a promotion needs a new login"
    token = login()
    assert is_admin(token)
    ops.users.demote(EMAIL)
    assert not is_admin(token)
    assert not is_admin(tokens.issue("nobody", "admin"))
    promoted = ops.users.promote(EMAIL).account
    now = int(time.time())
    claims = {"sub": promoted.id, "role": "admin", "aud": AUDIENCE, "iat": now - 60, "exp": now + 60, "jti": "1"}
    assert not is_admin(jwt.encode(claims, SECRET)), "the token is older than the last change of the user"
    ops.users.password(EMAIL, PASSWORD)
    token = login()
    assert is_admin(token)
    ops.users.remove(EMAIL)
    assert not is_admin(token)
    ops.close()
