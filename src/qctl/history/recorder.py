"""Writes the history: reads events from the stream, stores them, and only then acknowledges them.

No job waits for it. If the database is down, the stream keeps the last `events.MAX_ENTRIES` events; if it drops some,
the history gets an event that marks the gap. Any number of recorders may run, be killed and restart: events that were
not acknowledged are read again, and an event that is stored twice counts once.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta, timezone
from threading import Event as Flag

from qctl.broker.bookkeeping.event_consumer import EventConsumer
from qctl.broker.redis.connection import Backoff, Connection, connect, translate_errors
from qctl.broker.redis.outage import Outage
from qctl.errors import QctlError
from qctl.history import open_store
from qctl.history.store import HistoryStore
from qctl.models import Event
from qctl.settings import Settings

log = logging.getLogger(__name__)

CONSUMER_GROUP = "qctl-history"
"""Consumer group of the event stream."""

BATCH_EVENTS = 500
"""Maximum events that are read and stored at once."""

GATHER_SECONDS = 0.5
"""Wait (s) after a batch that is not full, so that few events cause at most two writes per second."""

RETENTION_INTERVAL_SECONDS = 3600.0
"""Time (s) between two deletions of old events."""

MAX_DELETED_EVENTS = 5_000
"""Maximum events that are deleted at once; the rest follow at the next batch."""


class Recorder:
    """Stores the events of the stream until it is stopped. Nothing is sent before `run`."""

    def __init__(self, settings: Settings, connection: Connection | None = None) -> None:
        self._settings = settings
        self._redis = connection or connect(settings, name="qctl-history")
        self._consumer = EventConsumer(self._redis, CONSUMER_GROUP)
        self._store: HistoryStore = open_store(settings)
        self._next_deletion = 0.0

    def run(self, stop: Flag) -> None:
        """Record until `stop` is set. After any error, retry."""
        backoff, outage = Backoff(), Outage(log, "no history is recorded")
        while not stop.is_set():
            try:
                with translate_errors(self._settings):
                    self._resume()
                    while not stop.is_set():
                        self._record(self._consumer.read(BATCH_EVENTS, block_ms=1000), stop)
                        self._delete_old()
                        backoff.reset()
                        outage.end()
            except QctlError as error:
                delay = backoff.next_delay()
                outage.add(error.message)
                stop.wait(delay)
            except Exception:
                log.exception("history: unexpected error")
                stop.wait(backoff.next_delay())
        self._store.close()

    def _resume(self) -> None:
        """Store events that were read and not acknowledged, and an event for those that the stream has dropped."""
        self._consumer.create_group()
        while events := self._consumer.pending(BATCH_EVENTS):
            self._store_events(events)
        gap = self._consumer.gap()
        if gap is None:
            return
        last, first = gap
        ms, _, sequence = last.partition("-")
        reason = f"the stream dropped events between {last} and {first} before they were recorded"
        log.warning("history: %s", reason)
        self._store.write([Event(f"{ms}-{int(sequence) + 1}", "lost", {"reason": reason})])

    def _record(self, events: list[Event], stop: Flag) -> None:
        if events:
            self._store_events(events)
        if len(events) < BATCH_EVENTS:
            stop.wait(GATHER_SECONDS)

    def _store_events(self, events: list[Event]) -> None:
        self._store.write(events)
        self._consumer.acknowledge(events)
        log.debug("stored %d events up to %s", len(events), events[-1].id)

    def _delete_old(self) -> None:
        """Delete events that are older than QCTL_KEEP_HISTORY, a limited number at once."""
        if time.monotonic() < self._next_deletion:
            return
        before = datetime.now(timezone.utc) - timedelta(days=self._settings.keep_history)
        deleted = self._store.delete_before(before, MAX_DELETED_EVENTS)
        delay = 0.0 if deleted == MAX_DELETED_EVENTS else RETENTION_INTERVAL_SECONDS
        self._next_deletion = time.monotonic() + delay
