"""The history in a SQLite file: every event, and counts by the hour that are made with them.

A read of the counts is small however many events there are. They are written in the transaction of their events, so
an event that comes twice counts once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from qctl.errors import UnreachableError
from qctl.history.store import MOST, clean, milliseconds, parts
from qctl.models import Event, HistoryStep, Span

BUSY = 5.0
"""Seconds to wait while another process writes."""

HOUR = 3_600_000
"""Milliseconds."""

KEEP_COUNTS = 2 * 365 * 24
"""Hours for which counts outlive their events."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    ms       INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    event    TEXT    NOT NULL,
    queue    TEXT,
    job      TEXT,
    rest     TEXT    NOT NULL,
    PRIMARY KEY (ms, sequence)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_of_job ON events (job) WHERE job IS NOT NULL;
CREATE TABLE IF NOT EXISTS hours (
    hour  INTEGER NOT NULL,
    queue TEXT    NOT NULL,
    event TEXT    NOT NULL,
    count INTEGER NOT NULL,
    timed INTEGER NOT NULL,
    ms    INTEGER NOT NULL,
    PRIMARY KEY (hour, queue, event)
) WITHOUT ROWID;
"""

_COMPLETE = "SELECT 1 FROM sqlite_master WHERE name = 'hours'"

_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"

_COUNT = """
INSERT INTO hours VALUES (?, ?, ?, 1, ?, ?)
ON CONFLICT DO UPDATE SET count = count + 1, timed = timed + excluded.timed, ms = ms + excluded.ms
"""

_STEPS = """
SELECT hour * {hour} / {span} AS step, event, sum(count), sum(timed), sum(ms) FROM hours
WHERE hour >= ? AND hour < ? {of_queues} GROUP BY step, event ORDER BY step
"""

_SPANS = {"hour": HOUR, "day": 24 * HOUR}


class SqliteHistory:
    """The file `path`. With `reading` it is never created or changed."""

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        self._path = path
        self._reading = reading
        self._open: sqlite3.Connection | None = None

    def write(self, events: Sequence[Event]) -> int:
        """Keep events, and count those that are new."""
        new = 0
        with self._connection() as connection:
            if connection is None:
                return 0
            connection.execute("BEGIN IMMEDIATE")
            for event in events:
                if connection.execute(_EVENT, _row(event)).rowcount:
                    connection.execute(_COUNT, _counted(event))
                    new += 1
            connection.execute("COMMIT")
        return new

    def life_of(self, job_id: str) -> list[Event]:
        """What happened to a job, oldest first."""
        found = self._read(
            "SELECT ms, sequence, event, queue, job, rest FROM events WHERE job = ? ORDER BY ms, sequence LIMIT ?",
            clean(job_id),
            MOST,
        )
        return [_event(*row) for row in found]

    def steps(
        self, span: Span, since: datetime, until: datetime, queues: Collection[str] | None = None
    ) -> list[HistoryStep]:
        """What happened, by the hour or day. Both moments are taken to the hour."""
        names = [clean(name) for name in queues or ()]
        of_queues = "" if queues is None else f"AND queue IN ({', '.join('?' * len(names))})"
        query = _STEPS.format(hour=HOUR, span=_SPANS[span], of_queues=of_queues)
        begin, end = int(since.timestamp() * 1000) // HOUR, -(-int(until.timestamp() * 1000) // HOUR)
        steps: dict[int, HistoryStep] = {}
        for number, event, count, timed, ms in self._read(query, begin, end, *names):
            at = datetime.fromtimestamp(number * _SPANS[span] / 1000, timezone.utc)
            step = steps.setdefault(number, HistoryStep(at, {}))
            step.counts[event] = count
            if event == "finished" and timed:
                steps[number] = HistoryStep(at, step.counts, ms / timed / 1000)
        return list(steps.values())

    def forget(self, before: datetime, most: int) -> int:
        """Delete old events. Their counts by the hour stay for two years more."""
        with self._connection() as connection:
            if connection is None:
                return 0
            gone = connection.execute(
                "DELETE FROM events WHERE (ms, sequence) IN "
                "(SELECT ms, sequence FROM events WHERE ms < ? ORDER BY ms, sequence LIMIT ?)",
                (int(before.timestamp() * 1000), most),
            ).rowcount
            oldest = int(before.timestamp() * 1000) // HOUR - KEEP_COUNTS
            connection.execute("DELETE FROM hours WHERE hour < ?", (oldest,))
            connection.execute("PRAGMA incremental_vacuum(1000)").fetchall()
        return gone

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _read(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._connection() as connection:
            return [] if connection is None else connection.execute(query, parameters).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection | None]:
        """The open file, None where there is none to read. It is closed after an error, which takes back
        what was begun, and opened anew."""
        try:
            if self._open is None:
                if self._reading and not self._path.exists():
                    yield None
                    return
                self._open = self._opened()
                if self._reading and not self._open.execute(_COMPLETE).fetchone():
                    self.close()  # somebody is making it
                    yield None
                    return
            yield self._open
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise UnreachableError(f"the history in {str(self._path)!r} cannot be used: {error}") from error
        except BaseException:
            self.close()
            raise

    def _opened(self) -> sqlite3.Connection:
        if self._reading:
            where = f"{self._path.absolute().as_uri()}?mode=ro"
            return sqlite3.connect(where, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False)
        opened = sqlite3.connect(self._path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        # What is acknowledged in the stream is on the disk: a power cut costs nothing.
        for pragma in ("auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = FULL"):
            opened.execute(f"PRAGMA {pragma}").fetchall()
        opened.executescript(_SCHEMA)
        return opened


def _row(event: Event) -> tuple[object, ...]:
    fields = {clean(name): clean(value) for name, value in event.fields.items()}
    queue, job = fields.pop("queue", None), fields.pop("job", None)
    return (*parts(event), clean(event.event), queue, job, json.dumps(fields, separators=(",", ":")))


def _counted(event: Event) -> tuple[object, ...]:
    took = milliseconds(event)
    queue = clean(event.fields.get("queue", ""))
    return parts(event)[0] // HOUR, queue, clean(event.event), int(took is not None), took or 0


def _event(ms: int, sequence: int, event: str, queue: str | None, job: str | None, rest: str) -> Event:
    fields = {name: value for name, value in (("queue", queue), ("job", job)) if value is not None}
    return Event(f"{ms}-{sequence}", event, {**fields, **json.loads(rest)})
