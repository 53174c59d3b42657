"""Tokens of many users are checked in one round trip, each by its own user's version and its own logout."""

from __future__ import annotations

from redis import Redis

from qctl.broker.bookkeeping import user_sessions
from qctl.broker.bookkeeping.user_sessions import Token


def test_each_token_is_checked_for_itself(connection: Redis) -> None:
    ada, bob = (user_sessions.start(connection, user) for user in ("ada", "bob"))
    tokens = [
        Token("ada", ada, "one"),
        Token("ada", ada, "two"),
        Token("bob", bob, "three"),
        Token("bob", bob + 1, "four"),
        Token("nobody", 0, "five"),
        Token("nobody", 1, "six"),
    ]
    user_sessions.end(connection, "two", 60)
    assert user_sessions.are_open(connection, tokens) == [True, False, True, False, False, False]


def test_a_new_version_ends_every_token_of_its_user_alone(connection: Redis) -> None:
    ada, bob = (user_sessions.start(connection, user) for user in ("ada", "bob"))
    user_sessions.end_all(connection, "ada")
    assert user_sessions.are_open(connection, [Token("ada", ada, "one"), Token("bob", bob, "two")]) == [False, True]
    user_sessions.remove(connection, "bob")
    assert user_sessions.are_open(connection, [Token("bob", bob, "two")]) == [False]
