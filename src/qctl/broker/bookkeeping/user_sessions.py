"""Sessions of the gateway's users: a version for each user that every token carries, and tokens that were logged out.

A token is good while its version is the user's. The first login after the version is lost makes a new one from the
clock, so that no older token becomes good again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from redis import Redis

from qctl.broker.redis import clock, keys, replies


def start(connection: Redis, user: str) -> int:
    """The version for a new token of a user."""
    now = clock.now_ms(connection)
    with connection.pipeline() as pipeline:
        pipeline.hsetnx(keys.USER_SESSIONS, user, str(now))
        pipeline.hget(keys.USER_SESSIONS, user)
        _, version = pipeline.execute()
    return int(version)


class Token(NamedTuple):
    """The identity of a token: its user, the version that it carries, and its id."""

    user: str
    version: int
    id: str


def are_open(connection: Redis, tokens: Sequence[Token]) -> list[bool]:
    """Check for each token that it has its user's version and was not logged out. Needs one round trip for all."""
    with connection.pipeline(transaction=False) as pipeline:
        pipeline.hmget(keys.USER_SESSIONS, [token.user for token in tokens])
        pipeline.mget([keys.logged_out(token.id) for token in tokens])
        versions, logged_out = map(replies.array, pipeline.execute())
    return [
        replies.optional_bytes(current) == b"%d" % token.version and mark is None
        for token, current, mark in zip(tokens, versions, logged_out, strict=True)
    ]


def is_logged_out(connection: Redis, token_id: str) -> bool:
    """Check that a token was logged out."""
    return bool(connection.exists(keys.logged_out(token_id)))


def end(connection: Redis, token_id: str, seconds: int) -> None:
    """Log out one token, which expires in `seconds`."""
    connection.set(keys.logged_out(token_id), "1", ex=max(1, seconds))


def end_all(connection: Redis, user: str) -> None:
    """Log out every token of a user."""
    now = clock.now_ms(connection)
    with connection.pipeline() as pipeline:
        pipeline.hsetnx(keys.USER_SESSIONS, user, str(now))
        pipeline.hincrby(keys.USER_SESSIONS, user, 1)
        pipeline.execute()


def remove(connection: Redis, user: str) -> None:
    """Log out every token of a user who is removed."""
    connection.hdel(keys.USER_SESSIONS, user)
