"""LLEN, ZCARD and HLEN of many keys in one round trip, with cached packed commands.

A pipeline of redis-py spends most of its time on the commands, not on the replies: it takes 30 ms for 7,000 of them,
and this takes 2 ms if the same keys were counted before.
"""

from __future__ import annotations

from functools import lru_cache

from redis import Redis
from redis.exceptions import ResponseError

from qctl.broker.redis import protocol
from qctl.broker.redis.cluster import Redirected, until_accepted

Commands = tuple[tuple[str, str], ...]
"""Pairs of a command that returns an integer, and its key."""

CACHED_BATCHES = 4
"""Size of the cache of packed commands. A batch for a thousand queues takes 0.5 MB."""


def fetch(connection: Redis, commands: Commands) -> list[object]:
    """Run the commands. The reply to each is an integer, or an error, for example if its key holds another type.

    Raises redis-py's exceptions if Redis does not reply.
    """
    return until_accepted(lambda: _fetch(connection, commands)) if commands else []


def _fetch(connection: Redis, commands: Commands) -> list[object]:
    pool = connection.connection_pool
    link = pool.get_connection()
    try:
        link.send_packed_command([_pack(commands)])
        replies: list[object] = []
        for _ in commands:
            try:
                replies.append(link.read_response())
            except Redirected:
                raise
            except ResponseError as error:
                replies.append(error)
        return replies
    except BaseException:
        link.disconnect()  # pending replies would be read as replies to the next command
        raise
    finally:
        pool.release(link)


@lru_cache(maxsize=CACHED_BATCHES)
def _pack(commands: Commands) -> bytes:
    return b"".join(map(protocol.pack, commands))
