"""The audit log: one entry for each command that changed something or was refused.

It has a stream of its own, because workers write many events, and people search for the few commands weeks later.

The first step of a command that works in steps writes its entry with the outcome `begun` and the number of jobs; each
further step, and the end, replaces that entry. A command that is killed leaves the entry of its last step.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from redis import Redis

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys, stream_reader
from qctl.broker.redis.scripts import Script
from qctl.models import AuditEntry
from qctl.models.events import moment_of

MAX_ENTRIES = 20_000
"""Approximate length of the stream: two weeks of one command a minute, about 6 MB. The oldest entries are dropped."""

MAX_TEXT_CHARACTERS = 1000
"""Maximum length of a command line or a problem; the rest is cut off."""


ACT_SECONDS = 86_400
"""Time (s) after its last step for which a command's entry can be replaced. A command that pauses for longer gets a
second entry."""

_count_step = Script("bookkeeping/count_step", after=("redis/types", "bookkeeping/step"))
_end_act = Script("bookkeeping/end_act", after="redis/types")


@dataclass(frozen=True)
class _Act:
    """A command that runs, and the fields of its entry that are known from its beginning."""

    id: str
    fields: list[bytes]


_NO_ACT = _Act("", [])

_current: ContextVar[_Act] = ContextVar("current_act", default=_NO_ACT)


@contextmanager
def recording(*, actor: str, command: str, line: str, via: str, trace: str) -> Iterator[None]:
    """Write the steps of this thread or task within the block to the audit log, as one command.

    The parameters are fields of `AuditEntry`. `record`, called within the block, writes the end.
    """
    fields = _encode(actor=actor, command=command, line=line, via=via, trace=trace)
    token = _current.set(_Act(secrets.token_hex(8), fields))
    try:
        yield
    finally:
        _current.reset(token)


def step_values(actor: str) -> dict[str, Any]:
    """Return the values that `step.lua` declares. `actor` signs the events."""
    act = _current.get()
    return {
        "audit": keys.AUDIT,
        "act": keys.act(act.id),
        "events": keys.EVENTS,
        "actor": actor,
        "max_events": events.MAX_ENTRIES,
        "max_audit": MAX_ENTRIES,
        "act_seconds": ACT_SECONDS,
        "act_fields": act.fields,
    }


@contextmanager
def outside_step(connection: Redis, planned: int, *, actor: str) -> Iterator[list[int]]:
    """Record a step that changes `planned` things outside Redis before the block does. The block appends how many it
    changed to the list, by which the record is corrected: that of a killed command may count one step too many."""
    changed: list[int] = []
    _record_count(connection, planned, actor)
    try:
        yield changed
    finally:
        _record_count(connection, sum(changed) - planned, actor)


def _record_count(connection: Redis, count: int, actor: str) -> None:
    if _current.get() is not _NO_ACT and count:
        _count_step(connection, count=count, **step_values(actor))


def record(
    connection: Redis,
    *,
    actor: str,
    command: str,
    line: str,
    outcome: str,
    problem: str = "",
    seconds: float | None = None,
    via: str,
    trace: str = "",
) -> None:
    """Write an entry, timed by Redis's clock. It replaces the entry of the command's last step.

    The parameters are the fields of `AuditEntry`.
    """
    ms = "" if seconds is None else str(round(seconds * 1000))
    fields = _encode(
        actor=actor, command=command, line=line, outcome=outcome, problem=problem, ms=ms, via=via, trace=trace
    )
    act = keys.act(_current.get().id)
    _end_act(connection, audit=keys.AUDIT, act=act, max_audit=MAX_ENTRIES, fields=fields)


def _encode(**fields: str) -> list[bytes]:
    """Return the names and values of the fields that are not empty, alternately."""
    cut = {name: value[:MAX_TEXT_CHARACTERS] for name, value in fields.items() if value}
    return [part.encode(errors="backslashreplace") for pair in cut.items() for part in pair]


def search(
    connection: Redis, wanted: Callable[[AuditEntry], bool], *, limit: int, since_ms: int = 0
) -> list[AuditEntry]:
    """The newest `limit` entries that `wanted` accepts and that are not older than `since_ms`, in order of time."""
    entries: list[AuditEntry] = []
    for entry_id, raw in stream_reader.newest_first(connection, keys.AUDIT, since_ms):
        if len(entries) >= limit:
            break
        entry = _parse(entry_id, stream_reader.decode_fields(raw))
        if wanted(entry):
            entries.append(entry)
    return entries[::-1]


def _parse(entry_id: str, fields: dict[str, str]) -> AuditEntry:
    ms, count = _number(fields.get("ms")), _number(fields.get("count"))
    return AuditEntry(
        at=moment_of(entry_id),
        actor=fields.get("actor", "?"),
        command=fields.get("command", "?"),
        line=fields.get("line", ""),
        outcome=fields.get("outcome", "?"),
        problem=fields.get("problem", ""),
        seconds=None if ms is None else ms / 1000,
        via=fields.get("via", "?"),
        trace=fields.get("trace", ""),
        count=count,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
