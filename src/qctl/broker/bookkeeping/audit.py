"""The audit: one line for each command that changed something, or was refused.

A stream of its own. Events are many and come from workers; what people do is little, and is looked for weeks later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis import Redis

from qctl.broker.redis import keys, stream_reader
from qctl.models import AuditEntry
from qctl.models.events import moment_of

CAP = 20_000
"""Entries the stream keeps, roughly: two weeks of one command a minute, some 6 MB."""

LONGEST = 1000
"""Characters of a command line or a problem that are kept."""


def note(
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
    """Append what somebody did, with Redis's own time. The words are those of `AuditEntry`."""
    entry = {
        "actor": actor,
        "command": command,
        "line": line[:LONGEST],
        "outcome": outcome,
        "problem": problem[:LONGEST],
        "ms": "" if seconds is None else str(round(seconds * 1000)),
        "via": via,
        "trace": trace,
    }
    kept: dict[Any, Any] = {name: value.encode(errors="backslashreplace") for name, value in entry.items() if value}
    connection.xadd(keys.AUDIT, kept, maxlen=CAP, approximate=True)


def search(
    connection: Redis, wanted: Callable[[AuditEntry], bool], *, limit: int, since_ms: int = 0
) -> list[AuditEntry]:
    """The last `limit` of the acts that are wanted and not older than `since_ms`, oldest of them first."""
    found: list[AuditEntry] = []
    for entry_id, raw in stream_reader.newest_first(connection, keys.AUDIT, since_ms):
        if len(found) >= limit:
            break
        act = _parse(entry_id, stream_reader.decode_fields(raw))
        if wanted(act):
            found.append(act)
    return found[::-1]


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
