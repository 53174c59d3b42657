"""Clients are admitted by token."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from qctl.errors import RefusedError
from qctl.settings import Settings
from qctl.sources.socket_auth import admit

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

TOKEN = "s3crét-token-of-0123456789-abcdefgh"
Make = Callable[..., Settings]

LATER = time.time() + 3600


def token(key: str = KEY, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode(claims, key, algorithm)


def unsigned(**claims: Any) -> str:
    return jwt.encode(claims, "", "none")


def test_everybody_where_nothing_is_set(settings: Settings) -> None:
    assert [admit(settings, auth) for auth in (None, {}, {"token": "x"}, "x", 7)] == [None] * 5


def test_the_token_that_is_set(make_settings: Make) -> None:
    settings = make_settings(SOCKET_TOKEN=TOKEN)
    assert admit(settings, {"token": TOKEN}) is None


@pytest.mark.parametrize(
    "auth", [None, {}, TOKEN, [TOKEN], {"token": ""}, {"token": None}, {"token": TOKEN[:-1]}, {"token": "\ud800"}]
)
def test_nobody_without_it(make_settings: Make, auth: Any) -> None:
    with pytest.raises(RefusedError, match="token"):
        admit(make_settings(SOCKET_TOKEN=TOKEN), auth)


def test_a_jwt_names_its_user(make_settings: Make) -> None:
    settings = make_settings(SECRET_KEY=KEY)
    assert admit(settings, {"token": token(sub="u1", exp=time.time() + 60)}) == "u1"


@pytest.mark.parametrize(
    "bad",
    [
        token(sub="u1", exp=time.time() - 60),
        token(sub="u1", nbf=time.time() + 86_400, exp=LATER),
        token(key="x" * 32, sub="u1", exp=LATER),
        token(key=KEY * 2, algorithm="HS512", sub="u1", exp=LATER),
        unsigned(sub="u1", exp=LATER),
        token(sub="u1"),
        token(name="no sub", exp=LATER),
        token(sub="", exp=LATER),
        token(sub="u1", aud="another program", exp=LATER),
        KEY,
        "a.b.c",
        "x" * 100_000,
    ],
    ids=range(12),
)
def test_a_jwt_that_is_not_ours_or_not_valid_now(make_settings: Make, bad: str) -> None:
    with pytest.raises(RefusedError) as raised:
        admit(make_settings(SECRET_KEY=KEY), {"token": bad})
    assert bad not in raised.value.message


def test_either_will_do_where_both_are_set(make_settings: Make) -> None:
    settings = make_settings(SOCKET_TOKEN=TOKEN, SECRET_KEY=KEY)
    assert admit(settings, {"token": TOKEN}) is None
    assert admit(settings, {"token": token(sub="u1", exp=LATER)}) == "u1"
    with pytest.raises(RefusedError):
        admit(settings, {"token": "other"})


def test_claim_and_audience_are_those_of_the_settings(make_settings: Make) -> None:
    settings = make_settings(SECRET_KEY=KEY, QCTL_JWT_CLAIM="userId", QCTL_JWT_AUDIENCE="chat")
    assert admit(settings, {"token": token(userId=7, aud="chat", exp=LATER)}) == "7"
    for claims in ({"userId": 7}, {"userId": 7, "aud": "shop"}, {"sub": "7", "aud": "chat"}):
        with pytest.raises(RefusedError):
            admit(settings, {"token": token(**claims, exp=LATER)})
