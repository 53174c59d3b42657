"""The audit log: one entry for each command that changed something or was refused.

It has a stream of its own, because workers write many events, and people search for the few commands weeks later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis import Redis

from qctl.broker.redis import keys, stream_reader
from qctl.models import AuditEntry
from qctl.models.events import moment_of

MAX_ENTRIES = 20_000
"""Approximate length of the stream: two weeks of one command a minute, about 6 MB. The oldest entries are dropped."""

MAX_TEXT_CHARACTERS = 1000
"""Maximum length of a command line or a problem; the rest is cut off."""


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
    """Append an entry, timed by Redis's clock. The parameters are the fields of `AuditEntry`."""
    entry = {
        "actor": actor,
        "command": command,
        "line": line[:MAX_TEXT_CHARACTERS],
        "outcome": outcome,
        "problem": problem[:MAX_TEXT_CHARACTERS],
        "ms": "" if seconds is None else str(round(seconds * 1000)),
        "via": via,
        "trace": trace,
    }
    fields: dict[Any, Any] = {name: value.encode(errors="backslashreplace") for name, value in entry.items() if value}
    connection.xadd(keys.AUDIT, fields, maxlen=MAX_ENTRIES, approximate=True)


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
    ms = fields.get("ms", "")
    return AuditEntry(
        at=moment_of(entry_id),
        actor=fields.get("actor", "?"),
        command=fields.get("command", "?"),
        line=fields.get("line", ""),
        outcome=fields.get("outcome", "?"),
        problem=fields.get("problem", ""),
        seconds=int(ms) / 1000 if ms.isascii() and ms.isdigit() and len(ms) < 16 else None,
        via=fields.get("via", "?"),
        trace=fields.get("trace", ""),
    )
