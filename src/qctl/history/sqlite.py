"""The history in a SQLite file: every event, and hourly counts of events.

Reading counts takes the same time however many events there are. Counts are written in the transaction of their events,
so an event that is written twice counts once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from qctl.databases import sqlite
from qctl.errors import RejectedError, SinkError, UnreachableError
from qctl.history.store import MAX_EVENTS_OF_JOB, clean_text, duration_ms, id_parts
from qctl.models import Event, HistoryStep, Span

HOUR_MS = 3_600_000

COUNT_RETENTION_HOURS = 2 * 365 * 24
"""Time (h) for which counts are kept after their events are deleted."""

_SCHEMAS = (
    """
    CREATE TABLE IF NOT EXISTS events (
        ms       INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        event    TEXT    NOT NULL,
        queue    TEXT,
        job      TEXT,
        rest     TEXT    NOT NULL,
        PRIMARY KEY (ms, sequence)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS events_of_job ON events (job) WHERE job IS NOT NULL",
    """
    CREATE TABLE IF NOT EXISTS hours (
        hour  INTEGER NOT NULL,
        queue TEXT    NOT NULL,
        event TEXT    NOT NULL,
        count INTEGER NOT NULL,
        timed INTEGER NOT NULL,
        ms    INTEGER NOT NULL,
        PRIMARY KEY (hour, queue, event)
    ) WITHOUT ROWID
    """,
)

_LAST_TABLE = "hours"
"""The table that is created last: the file is complete once it exists."""

_INSERT_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"

_INCREMENT_COUNT = """
INSERT INTO hours VALUES (?, ?, ?, 1, ?, ?)
ON CONFLICT DO UPDATE SET count = count + 1, timed = timed + excluded.timed, ms = ms + excluded.ms
"""

_STEPS = """
SELECT hour * {hour} / {span} AS step, event, sum(count), sum(timed), sum(ms) FROM hours
WHERE hour >= ? AND hour < ? {of_queues} GROUP BY step, event ORDER BY step
"""

_DELETE_EVENTS = """
DELETE FROM events WHERE (ms, sequence) IN
(SELECT ms, sequence FROM events WHERE ms < ? ORDER BY ms, sequence LIMIT ?)
"""

_SPAN_MS = {"hour": HOUR_MS, "day": 24 * HOUR_MS}


class SqliteHistory:
    """The file `path`. If `read_only`, it is neither created nor changed."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only
        self._open: sqlite3.Connection | None = None

    def write(self, events: Sequence[Event]) -> int:
        """Store events, and count new ones."""
        new = 0
        with self._connection() as db:
            if db is None:
                return 0
            with sqlite.transaction(db, self._path):
                for event in events:
                    if db.execute(_INSERT_EVENT, _event_row(event)).rowcount:
                        db.execute(_INCREMENT_COUNT, _count_row(event))
                        new += 1
        return new

    def events_of_job(self, job_id: str) -> list[Event]:
        """The events of a job, oldest first."""
        rows = self._read(
            "SELECT ms, sequence, event, queue, job, rest FROM events WHERE job = ? ORDER BY ms, sequence LIMIT ?",
            clean_text(job_id),
            MAX_EVENTS_OF_JOB,
        )
        return [_parse_event(*row) for row in rows]

    def steps(
        self, span: Span, since: datetime, until: datetime, queues: Collection[str] | None = None
    ) -> list[HistoryStep]:
        """Counts of events by hour or day. Both times are extended to full hours."""
        names = [clean_text(name) for name in queues or ()]
        of_queues = "" if queues is None else f"AND queue IN ({', '.join('?' * len(names))})"
        query = _STEPS.format(hour=HOUR_MS, span=_SPAN_MS[span], of_queues=of_queues)
        first, end = int(since.timestamp() * 1000) // HOUR_MS, -(-int(until.timestamp() * 1000) // HOUR_MS)
        steps: dict[int, HistoryStep] = {}
        for number, event, count, timed, ms in self._read(query, first, end, *names):
            at = datetime.fromtimestamp(number * _SPAN_MS[span] / 1000, timezone.utc)
            step = steps.setdefault(number, HistoryStep(at, {}))
            step.counts[event] = count
            if event == "finished" and timed:
                steps[number] = HistoryStep(at, step.counts, ms / timed / 1000)
        return list(steps.values())

    def delete_before(self, before: datetime, limit: int) -> int:
        """Delete old events. Their hourly counts are kept for another two years."""
        before_ms = int(before.timestamp() * 1000)
        with self._connection() as db:
            if db is None:
                return 0
            deleted = db.execute(_DELETE_EVENTS, (before_ms, limit)).rowcount
            db.execute("DELETE FROM hours WHERE hour < ?", (before_ms // HOUR_MS - COUNT_RETENTION_HOURS,))
            db.execute("PRAGMA incremental_vacuum(1000)").fetchall()
        return deleted

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _read(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._connection() as db:
            return [] if db is None else db.execute(query, parameters).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection | None]:
        """The open file, None if there is none to read. It is closed after an error; the next call opens it again."""
        try:
            with sqlite.translate_errors(self._path):
                if self._open is None:
                    self._open = self._connect()
                yield self._open
        except (SinkError, RejectedError, sqlite3.Error) as error:
            self.close()
            raise UnreachableError(f"the history cannot be used: {error}") from error
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection | None:
        if not self._read_only:
            return sqlite.connect(self._path, _SCHEMAS, pragmas=["auto_vacuum = INCREMENTAL"])
        if not self._path.exists():
            return None
        db = sqlite.connect_read_only(self._path)
        if sqlite.has_table(db, _LAST_TABLE):
            return db
        db.close()
        return None


def _event_row(event: Event) -> tuple[object, ...]:
    fields = {clean_text(name): clean_text(value) for name, value in event.fields.items()}
    queue, job = fields.pop("queue", None), fields.pop("job", None)
    return (*id_parts(event), clean_text(event.event), queue, job, json.dumps(fields, separators=(",", ":")))


def _count_row(event: Event) -> tuple[object, ...]:
    ms = duration_ms(event)
    queue = clean_text(event.fields.get("queue", ""))
    return id_parts(event)[0] // HOUR_MS, queue, clean_text(event.event), int(ms is not None), ms or 0


def _parse_event(ms: int, sequence: int, event: str, queue: str | None, job: str | None, rest: str) -> Event:
    fields = {name: value for name, value in (("queue", queue), ("job", job)) if value is not None}
    return Event(f"{ms}-{sequence}", event, {**fields, **json.loads(rest)})
