"""The event stream: everything that happens to a queue or job, written with the change itself.

Fields of an entry: `event`, and of `queue job name trace owner worker actor reason ms count` those that apply. `name`
is the job's in the catalog, `ms` a duration in milliseconds. The entry's id is the time.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from redis import Redis
from redis.client import Pipeline

from qctl.broker.redis import keys, stream_reader
from qctl.models import Event

CAP = 100_000
"""Entries the stream keeps, roughly: some 20 MB."""

AT_ONCE = 5000
"""Most events that `follow` takes at once: who looks only every 0.1 s sees 50,000 a second come, and in 2 MB."""

NAMES = frozenset(
    """created enqueued started finished failed retried dead recovered quarantined discarded paused resumed cleared
    quieted stopping restored purged requeued rejected cut tripped canceled skipped schedule moved edited
    imported alerted removed returned""".split()  # noqa: SIM905 - a list of words reads better as words
)


def record(pipe: Pipeline | Redis, event: str, **fields: str | int | None) -> None:
    """Append an event in the pipeline of the change it tells of. Fields that are None are left out."""
    if event not in NAMES:
        raise ValueError(f"no such event: {event}")
    entry: dict[Any, Any] = {"event": event, **{k: v for k, v in fields.items() if v is not None}}
    pipe.xadd(keys.EVENTS, entry, maxlen=CAP, approximate=True)


_acting: ContextVar[str | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Sign what this thread or task does meanwhile with the name of whoever it is done for."""
    before = _acting.set(name)
    try:
        yield
    finally:
        _acting.reset(before)


def actor() -> str:
    """Who acts, as `user@host`: what pause, clear and retry are signed with."""
    return _acting.get() or _login()


@cache
def _login() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def newest(connection: Redis, count: int) -> list[Event]:
    """The last `count` events, oldest of them first."""
    return search(connection, lambda _: True, limit=count)


def search(connection: Redis, wanted: Callable[[Event], bool], *, limit: int, since_ms: int = 0) -> list[Event]:
    """The last `limit` of the events that are wanted and not older than `since_ms`, oldest of them first."""
    found: list[Event] = []
    for entry_id, raw in stream_reader.newest_first(connection, keys.EVENTS, since_ms):
        if len(found) >= limit:
            break
        event = _parse(entry_id, raw)
        if wanted(event):
            found.append(event)
    return found[::-1]


def last_id(connection: Redis) -> str:
    """The id of the newest event: where `follow` goes on from."""
    latest = connection.xrevrange(keys.EVENTS, count=1)
    return latest[0][0].decode() if latest else "0-0"


def follow(connection: Redis, after: str = "$", block_ms: int = 1000) -> Iterator[list[Event]]:
    """Yield events as they come, an empty list each `block_ms` without any, for ever."""
    last = last_id(connection) if after == "$" else after
    while True:
        reply = connection.xread({keys.EVENTS: last}, count=AT_ONCE, block=block_ms)
        entries = reply[0][1] if reply else []
        if entries:
            last = entries[-1][0].decode()
        yield [_parse(entry_id.decode(), raw) for entry_id, raw in entries]


def _parse(entry_id: str, raw: stream_reader.RawFields) -> Event:
    fields = stream_reader.decode_fields(raw)
    return Event(entry_id, fields.pop("event", "?"), fields)
