"""Heartbeats of daemons, in Redis by Redis's clock: one that hangs, was killed or was stopped is seen from anywhere.

A daemon writes its heartbeat in its working loop, never in a thread beside it, which would live on while the loop
hangs.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import time

from redis import Redis
from redis.exceptions import RedisError

from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.models import SourceState, SourceStatus

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 3.0
"""Pause between two heartbeats."""

SILENT_SECONDS = 4 * HEARTBEAT_SECONDS
"""Age of a heartbeat that shows that a daemon hangs or died. With the interval of alerts it is below 30 s."""

FORGET_SECONDS = 86_400.0
"""Age of a heartbeat that is no longer shown, and deleted when the next daemon starts."""

MAX_REASON_CHARACTERS = 300

MAX_SOURCES = 1000
"""Heartbeats that are read; further ones are left out."""

_STATES: tuple[SourceState, ...] = ("serving", "waiting", "contested", "stopped")

_heartbeat = Script("bookkeeping/heartbeat", after="redis/types")


class Heartbeats:
    """The heartbeat of one daemon. `name` is the same for every process that takes its place: a bridge's has its client
    id. One thread at a time may use it."""

    def __init__(self, connection: Redis, daemon: str, name: str, pipeline: str = "") -> None:
        self._redis = connection
        self._name = f"{daemon}:{name}"
        self._instance = secrets.token_hex(8)
        self._description = {"daemon": daemon, "pipeline": pipeline, "host": socket.gethostname(), "pid": os.getpid()}
        self._next = 0.0
        self._last: tuple[SourceState, str] | None = None

    @classmethod
    def of_process(cls, connection: Redis, daemon: str, pipeline: str = "") -> Heartbeats:
        """The heartbeat of a daemon that is known by its process alone."""
        return cls(connection, daemon, f"{socket.gethostname()}:{os.getpid()}", pipeline)

    @property
    def is_due(self) -> bool:
        """True if the next heartbeat is due, whatever it reports."""
        return time.monotonic() >= self._next

    def beat(self, state: SourceState = "serving", reason: str = "") -> None:
        """Write a heartbeat if one is due, or at once if the state is another. An error of Redis delays nothing: the
        next one is tried later."""
        if not self.is_due and self._last is not None and self._last[0] == state:
            return
        self._next = time.monotonic() + HEARTBEAT_SECONDS
        self._last = (state, reason)
        try:
            _heartbeat(
                self._redis,
                heartbeats=keys.HEARTBEATS,
                name=self._name,
                instance=self._instance,
                description=json.dumps(self._description),
                state=state,
                reason=reason[:MAX_REASON_CHARACTERS],
                forget_ms=int(FORGET_SECONDS * 1000),
            )
        except RedisError as error:
            log.debug("heartbeat not written: %s", error)


def read(connection: Redis) -> list[SourceStatus]:
    """Return the daemons that wrote a heartbeat within a day, by name, in one round trip."""
    with connection.pipeline(transaction=False) as pipe:
        stage(pipe)
        return parse(*replies.execute(pipe))


def stage(pipe: Redis) -> None:
    """Add the reads to a pipeline; `parse` takes their two replies."""
    pipe.time()
    pipe.hgetall(keys.HEARTBEATS)


def parse(time_reply: object, hash_reply: object) -> list[SourceStatus]:
    """Return the daemons of these replies. Entries that cannot be parsed are left out."""
    now = clock.reply_ms(time_reply)
    sources = []
    for raw, text in sorted(replies.bytes_dict(hash_reply).items())[:MAX_SOURCES]:
        source = _parse_source(untrusted_fields.decode(raw), untrusted_fields.parse_object(text), now)
        if source is not None and source.age <= FORGET_SECONDS:
            sources.append(source)
    return sources


def _parse_source(name: str, fields: dict[str, object], now: int) -> SourceStatus | None:
    at, state = _milliseconds(fields.get("at")), fields.get("state")
    seen = clock.optional_datetime(at)
    if at is None or seen is None or state not in _STATES:
        return None
    rival = _milliseconds(fields.get("rival_at"))
    pid = fields.get("pid")
    return SourceStatus(
        name=name,
        daemon=str(fields.get("daemon", "?")),
        pipeline=str(fields.get("pipeline", "")),
        host=str(fields.get("host", "?")),
        pid=int(pid) if isinstance(pid, (int, float)) and 0 < pid < 1 << 32 else None,
        state=next(known for known in _STATES if known == state),
        reason=str(fields.get("reason", "")),
        since=clock.optional_datetime(_milliseconds(fields.get("since"))) or seen,
        seen_at=seen,
        age=max(0.0, (now - at) / 1000),
        rival_age=None if rival is None else max(0.0, (now - rival) / 1000),
        silent=state != "stopped" and now - at > SILENT_SECONDS * 1000,
    )


def _milliseconds(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and 0 < value < 1e15 else None
