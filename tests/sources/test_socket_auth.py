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

KEY = "k" * 32
Make = Callable[..., Settings]


def token(key: str = KEY, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode(claims, key, algorithm)


def unsigned(**claims: Any) -> str:
    return jwt.encode(claims, "", "none")


def test_everybody_where_nothing_is_set(settings: Settings) -> None:
    assert [admit(settings, auth) for auth in (None, {}, {"token": "x"}, "x", 7)] == [None] * 5


def test_the_token_that_is_set(make_settings: Make) -> None:
    settings = make_settings(SOCKET_TOKEN="s3crét")
    assert admit(settings, {"token": "s3crét"}) is None


@pytest.mark.parametrize(
    "auth", [None, {}, "s3crét", ["s3crét"], {"token": ""}, {"token": None}, {"token": "s3cre"}, {"token": "\ud800"}]
)
def test_nobody_without_it(make_settings: Make, auth: Any) -> None:
    with pytest.raises(RefusedError, match="token"):
        admit(make_settings(SOCKET_TOKEN="s3crét"), auth)


def test_a_jwt_names_its_user(make_settings: Make) -> None:
    settings = make_settings(SECRET_KEY=KEY)
    assert admit(settings, {"token": token(sub="u1", exp=time.time() + 60)}) == "u1"
    assert admit(settings, {"token": token(name="no sub")}) is None


@pytest.mark.parametrize(
    "bad",
    [
        token(sub="u1", exp=time.time() - 60),
        token(sub="u1", nbf=time.time() + 86_400),
        token(key="x" * 32, sub="u1"),
        token(key=KEY * 2, algorithm="HS512", sub="u1"),
        unsigned(sub="u1"),
        KEY,
        "a.b.c",
        "x" * 100_000,
    ],
    ids=range(8),
)
def test_a_jwt_that_is_not_ours_or_not_valid_now(make_settings: Make, bad: str) -> None:
    with pytest.raises(RefusedError) as raised:
        admit(make_settings(SECRET_KEY=KEY), {"token": bad})
    assert bad not in raised.value.message


def test_either_will_do_where_both_are_set(make_settings: Make) -> None:
    settings = make_settings(SOCKET_TOKEN="s3cret", SECRET_KEY=KEY)
    assert admit(settings, {"token": "s3cret"}) is None
    assert admit(settings, {"token": token(sub="u1")}) == "u1"
    with pytest.raises(RefusedError):
        admit(settings, {"token": "other"})
