"""Typed readers of Redis's replies.

redis-py types a reply as a union over encodings and clients, and the replies of pipelines and scripts not at all. Each
reader returns the one type that its commands have on qctl's connections. It checks the outermost type alone, so that
its cost does not grow with the reply.

A key of another type, which something else wrote, reads as empty: it must not hide the keys beside it. So does one of
qctl's that this user may not read, as long as RQ's may be read: `qctl health` says so. Any other error in place of a
reply is raised.
"""

from __future__ import annotations

import re
from typing import TypeVar, cast

from redis.client import Pipeline
from redis.exceptions import NoPermissionError, ResponseError

T = TypeVar("T")

_KEY_REFUSED = re.compile(r"access (a|one of the) keys?\b")
"""Matches the end of Redis's error for a key, which it words otherwise than that for a command."""

Entry = tuple[bytes, dict[bytes, bytes]]
"""One entry of a stream: its id and its fields."""


def execute(pipe: Pipeline) -> list[object]:
    """Run a pipeline to its end. Commands that failed have their error as reply."""
    return list(pipe.execute(raise_on_error=False))


def is_wrong_type(reply: object) -> bool:
    """Tell whether a command failed because its key holds another type."""
    return isinstance(reply, ResponseError) and str(reply).startswith("WRONGTYPE")


def is_hidden(reply: object) -> bool:
    """Tell whether a command failed because this user may not access its key."""
    return isinstance(reply, NoPermissionError) and bool(_KEY_REFUSED.search(str(reply)))


def is_forbidden(reply: object) -> bool:
    """Tell whether a command failed because this user may not run it."""
    return isinstance(reply, NoPermissionError)


def integer(reply: object, default: int = 0) -> int:
    """Read the reply to LLEN, ZCARD, HLEN, XLEN, EXISTS, PTTL and the like."""
    return reply if isinstance(reply, int) else _empty(reply, default)


def optional_integer(reply: object) -> int | None:
    """Read the reply to LPOS or MEMORY USAGE."""
    return reply if isinstance(reply, int) else _empty(reply, None)


def optional_float(reply: object) -> float | None:
    """Read the reply to ZSCORE."""
    return reply if isinstance(reply, float) else _empty(reply, None)


def optional_bytes(reply: object) -> bytes | None:
    """Read the reply to GET, HGET or LINDEX."""
    return reply if isinstance(reply, bytes) else _empty(reply, None)


def bytes_list(reply: object) -> list[bytes]:
    """Read the reply to LRANGE, HKEYS, or ZRANGE without scores."""
    return cast("list[bytes]", reply) if isinstance(reply, list) else _empty(reply, [])


def bytes_set(reply: object) -> set[bytes]:
    """Read the reply to SMEMBERS."""
    return cast("set[bytes]", reply) if isinstance(reply, set) else _empty(reply, set())


def bytes_dict(reply: object) -> dict[bytes, bytes]:
    """Read the reply to HGETALL."""
    return cast("dict[bytes, bytes]", reply) if isinstance(reply, dict) else _empty(reply, {})


def field_values(reply: object, count: int) -> list[bytes | None]:
    """Read the reply to HMGET of `count` fields, None for each that is missing."""
    return cast("list[bytes | None]", reply) if isinstance(reply, list) else _empty(reply, [None] * count)


def scores(reply: object, count: int) -> list[float | None]:
    """Read the reply to ZMSCORE of `count` members, None for each that is missing."""
    return cast("list[float | None]", reply) if isinstance(reply, list) else _empty(reply, [None] * count)


def scored_members(reply: object) -> list[tuple[bytes, float]]:
    """Read the reply to ZRANGE with scores."""
    return cast("list[tuple[bytes, float]]", reply) if isinstance(reply, list) else _empty(reply, [])


def scanned_fields(reply: object) -> tuple[int, dict[bytes, bytes]]:
    """Read the reply to HSCAN: the next cursor, 0 at the end, and fields with their values."""
    return cast("tuple[int, dict[bytes, bytes]]", reply) if isinstance(reply, tuple) else _empty(reply, (0, {}))


def scanned_members(reply: object) -> tuple[int, list[bytes]]:
    """Read the reply to SSCAN: the next cursor, 0 at the end, and members."""
    cursor, members = cast("tuple[int, list[bytes]]", reply) if isinstance(reply, tuple) else _empty(reply, (0, []))
    return cursor, list(members)


def stream_entries(reply: object) -> list[Entry]:
    """Read the reply to XRANGE or XREVRANGE."""
    return cast("list[Entry]", reply) if isinstance(reply, list) else _empty(reply, [])


def array(reply: object) -> list[object]:
    """Read the reply of a script that returns a table."""
    return cast("list[object]", reply) if isinstance(reply, list) else _empty(reply, [])


def word(reply: object) -> str:
    """Read the reply of a script that returns a word."""
    return reply.decode(errors="surrogateescape") if isinstance(reply, bytes) else _empty(reply, "")


def first_stream(reply: object) -> list[Entry]:
    """Read the reply to XREAD or XREADGROUP of one stream. Fields of an entry that the stream has dropped are empty."""
    if isinstance(reply, list) and reply:
        return [(entry_id, fields or {}) for entry_id, fields in stream_entries(reply[0][1])]
    return _empty(reply or None, [])


def _empty(reply: object, empty: T) -> T:
    """Return `empty` for nil, and for a key of another type or one that this user may not read. Raises any other
    error."""
    if reply is None or is_wrong_type(reply) or is_hidden(reply):
        return empty
    if isinstance(reply, Exception):
        raise reply
    raise TypeError(f"unexpected reply of type {type(reply).__name__}")
