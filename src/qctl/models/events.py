"""What happened, as the event stream tells it, and what people did, as the audit tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone


def moment_of(entry_id: str) -> datetime:
    """When an entry of a stream was written: the first half of its id is milliseconds of Redis's clock."""
    ms = entry_id.partition("-")[0]
    try:
        return datetime.fromtimestamp(int(ms) / 1000, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, timezone.utc)


@dataclass(frozen=True)
class Event:
    """One thing that happened. `id` is its place in the stream, `fields` what it says beside its name: of `queue job
    name trace owner worker actor reason ms count` those that apply."""

    id: str
    event: str
    fields: dict[str, str]

    @property
    def at(self) -> datetime:
        """When it happened."""
        return moment_of(self.id)


@dataclass(frozen=True)
class EventFilter:
    """Which events are meant: those that match all that is not empty. `queue` is a name or a pattern, and means the
    lanes of that queue too; `events` are names of events."""

    queue: str | None = None
    events: tuple[str, ...] = ()
    job: str | None = None
    trace: str | None = None


@dataclass(frozen=True)
class AuditEntry:
    """What somebody did. `command` is the act (`qctl clear`), `line` what was typed, without secrets; `outcome` is the
    name of its exit code, `problem` what it said when it was not done, `seconds` how long it took; `via` is where they
    sat: cli, tui or gateway; `trace` is the trace id of the request, or of the script, where it was one."""

    at: datetime
    actor: str
    command: str
    line: str
    outcome: str
    problem: str = ""
    seconds: float | None = None
    via: str = "cli"
    trace: str = ""
