"""The event stream: everything that happens to a queue or job, written in the step that makes the change.

An entry has the field `event`, and those of `queue job name trace owner worker actor reason ms count` that apply.
`name` is the job's name in the catalog, `ms` a duration in milliseconds. The id of an entry is its time.
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

from qctl.broker.redis import keys, replies, stream_reader
from qctl.models import Event

MAX_ENTRIES = 100_000
"""Approximate length of the stream, about 20 MB. The oldest entries are dropped."""

MAX_FOLLOWED_EVENTS = 5000
"""Maximum events that `follow` reads at once, about 2 MB: 50,000/s for a caller that reads every 0.1 s."""

NAMES = frozenset(
    """created enqueued started finished failed retried dead recovered quarantined discarded paused resumed cleared
    quieted stopping restored purged requeued rejected cut tripped canceled skipped schedule moved edited
    imported alerted removed returned lost clock forgotten
    omitted delivered""".split()  # noqa: SIM905 - words are easier to read than 30 string literals
)


def record(pipe: Pipeline | Redis, event: str, **fields: str | int | None) -> None:
    """Append an event in the pipeline of the change that it describes. Fields that are None are left out."""
    if event not in NAMES:
        raise ValueError(f"unknown event {event!r}")
    entry: dict[Any, Any] = {"event": event, **{k: v for k, v in fields.items() if v is not None}}
    pipe.xadd(keys.EVENTS, entry, maxlen=MAX_ENTRIES, approximate=True)


_current_actor: ContextVar[str | None] = ContextVar("current_actor", default=None)


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Attribute everything that this thread or task does within the block to `name`."""
    token = _current_actor.set(name)
    try:
        yield
    finally:
        _current_actor.reset(token)


def actor() -> str:
    """The name to which changes are attributed: that of `acting_as`, else `user@host`."""
    return _current_actor.get() or _login()


@cache
def _login() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def newest(connection: Redis, count: int) -> list[Event]:
    """The newest `count` events, in order of time."""
    return search(connection, lambda _: True, limit=count)


def search(connection: Redis, wanted: Callable[[Event], bool], *, limit: int, since_ms: int = 0) -> list[Event]:
    """The newest `limit` events that `wanted` accepts and that are not older than `since_ms`, in order of time."""
    events: list[Event] = []
    for entry_id, raw in stream_reader.newest_first(connection, keys.EVENTS, since_ms):
        if len(events) >= limit:
            break
        event = parse_event(entry_id, raw)
        if wanted(event):
            events.append(event)
    return events[::-1]


def last_id(connection: Redis) -> str:
    """The id of the newest event; `follow` continues after it."""
    latest = replies.stream_entries(connection.xrevrange(keys.EVENTS, count=1))
    return latest[0][0].decode() if latest else "0-0"


def follow(connection: Redis, after: str = "$", block_ms: int = 1000) -> Iterator[list[Event]]:
    """Yield new events for ever; an empty list when none came within `block_ms`."""
    last = last_id(connection) if after == "$" else after
    while True:
        reply = connection.xread({keys.EVENTS: last}, count=MAX_FOLLOWED_EVENTS, block=block_ms)
        entries = replies.first_stream(reply)
        if entries:
            last = entries[-1][0].decode()
        yield [parse_event(entry_id.decode(), raw) for entry_id, raw in entries]


def parse_event(entry_id: str, raw: stream_reader.RawFields) -> Event:
    """The event of an entry of the stream."""
    fields = stream_reader.decode_fields(raw)
    return Event(entry_id, fields.pop("event", "?"), fields)
