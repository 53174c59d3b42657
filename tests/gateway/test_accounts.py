"""Users: passwords are hashed, nobody learns who there is, and no input is a query."""

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
from qctl.gateway.accounts import Accounts, TakenError
from qctl.gateway.tokens import AUDIENCE, Tokens
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.store import passwords
from support.databases import MongoDb
from support.gateway import PASSWORD, SECRET, Gateway

EMAIL = "Ada@Example.com"


@pytest.fixture
def users(settings: Settings) -> Iterator[Accounts]:
    made = Accounts(settings, Tokens(SECRET, 60))
    yield made
    made.close()


def test_who_has_the_password_gets_a_token(users: Accounts, tmp_path: Path) -> None:
    user = asyncio.run(users.create("Ada", EMAIL, PASSWORD))
    assert (user.email, user.role) == ("ada@example.com", "user")
    assert Tokens(SECRET, 60).read(asyncio.run(users.login("ADA@example.com", PASSWORD))).id == user.id
    ((kept,),) = sqlite3.connect(tmp_path / "qctl.db").execute("SELECT password FROM users").fetchall()
    assert kept.startswith("$argon2id$")
    with pytest.raises(TakenError):
        asyncio.run(users.create("Eve", "ada@EXAMPLE.com", PASSWORD))
    assert asyncio.run(users.login(EMAIL, PASSWORD)), "the first one's password is still good"


def test_an_unknown_address_is_refused_like_a_wrong_password(users: Accounts) -> None:
    asyncio.run(users.create("Ada", EMAIL, PASSWORD))
    assert not PasswordHasher(*passwords.COST).check_needs_rehash(passwords.DECOY)
    said, took = [], []
    for email, password in ((EMAIL, "wrong"), ("nobody@example.com", PASSWORD)):
        began = time.process_time()
        with pytest.raises(RefusedError) as caught:
            asyncio.run(users.login(email, password))
        took.append(time.process_time() - began)
        said.append(caught.value.message)
    assert said[0] == said[1]
    assert min(took) > 0.01, "a hash was reckoned for both"


def test_a_crowd_is_sent_away(users: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "MOST_WAITING", 2)

    async def crowd() -> list[object]:
        return await asyncio.gather(*(users.login(EMAIL, "x") for _ in range(20)), return_exceptions=True)

    ends = [type(end) for end in asyncio.run(crowd())]
    assert BackpressureError in ends
    assert RefusedError in ends


def test_no_input_is_a_query(make_gateway: Callable[..., Gateway], mongodb: MongoDb) -> None:
    gateway = make_gateway(MONGODB_URI=mongodb.url)
    name = secrets.token_hex(8)
    victim = f"victim-{name}@example.com"
    assert gateway.user(victim)
    for value in ({"$gt": ""}, {"$ne": None}, [victim], 7, None, True):
        for who in (
            {"email": value, "password": PASSWORD},
            {"email": victim, "password": value},
            {"email": value, "password": value},
        ):
            assert gateway.ask("POST", "/login", who).status == 400, who
    assert gateway.ask("POST", "/login", {"email": "' OR '1'='1", "password": "' OR '1'='1"}).status == 401
    fine = {"username": "ada", "email": f"ok-{name}@example.com", "password": PASSWORD}
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
        assert gateway.ask("POST", "/user/create", {**fine, field: value}).status == 400, (field, value)
    assert gateway.ask("POST", "/user/create", fine).status == 201
    taken = gateway.ask("POST", "/user/create", fine)
    assert (taken.status, taken.json) == (409, {"success": False, "error": "Email already in use"})


def test_who_is_an_admin_no_more_has_no_rights_at_once(users: Accounts, settings: Settings) -> None:
    tokens, ops = Tokens(SECRET, 60), Ops(settings)

    def may(token: str) -> bool:
        return asyncio.run(users.is_admin(tokens.read(token)))

    def login() -> str:
        return asyncio.run(users.login(EMAIL, PASSWORD))

    ops.users.create(EMAIL, "Ada", PASSWORD)
    ordinary = login()
    ops.users.promote(EMAIL)
    assert not may(ordinary), "it counts from the next login on"
    token = login()
    assert may(token)
    ops.users.demote(EMAIL)
    assert not may(token)
    assert not may(tokens.issue("nobody", "admin"))
    promoted = ops.users.promote(EMAIL).account
    now = int(time.time())
    claims = {"sub": promoted.id, "role": "admin", "aud": AUDIENCE, "iat": now - 60, "exp": now + 60}
    assert not may(jwt.encode(claims, SECRET)), "it is older than the last change"
    ops.users.password(EMAIL, PASSWORD)
    token = login()
    assert may(token)
    ops.users.remove(EMAIL)
    assert not may(token)
    ops.close()
