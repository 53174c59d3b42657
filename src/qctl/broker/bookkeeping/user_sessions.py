"""Sessions of the gateway's users: a version for each user that every token carries, and tokens that were logged out.

A token is good while its version is the user's. The first login after the version is lost makes a new one from the
clock, so that no older token becomes good again.
"""

from __future__ import annotations

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


def is_open(connection: Redis, user: str, version: int, token_id: str) -> bool:
    """Check that a token has the user's version and was not logged out."""
    with connection.pipeline(transaction=False) as pipeline:
        pipeline.hget(keys.USER_SESSIONS, user)
        pipeline.exists(keys.logged_out(token_id))
        current, is_logged_out = pipeline.execute()
    return replies.optional_bytes(current) == b"%d" % version and not is_logged_out


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
