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
from qctl.errors import QctlError
from qctl.history.open_store import open_store
from qctl.history.store import Store
from qctl.models import Event
from qctl.settings import Settings

log = logging.getLogger(__name__)

GROUP = "qctl-history"
"""The consumer group."""

STEP = 500
"""Events that are taken and stored at once."""

GATHER = 0.5
"""Seconds that fewer are waited for, so that a trickle costs the disk two writes a second."""

RETENTION = 3600.0
"""Seconds between two looks at what is too old."""

FORGOTTEN_AT_ONCE = 5_000
"""Events that are deleted in one step."""


class Recorder:
    """Records until told to stop. Nothing is sent before `run`."""

    def __init__(self, settings: Settings, connection: Connection | None = None) -> None:
        self._settings = settings
        self._redis = connection or connect(settings, name="qctl-history")
        self._group = EventConsumer(self._redis, GROUP)
        self._store: Store = open_store(settings)
        self._next_look = 0.0

    def run(self, stop: Flag) -> None:
        """Record. Whatever fails is tried again, in waits up to 30 s."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                with translate_errors(self._settings):
                    self._resume()
                    while not stop.is_set():
                        self._record(self._group.read(STEP, block_ms=1000), stop)
                        self._forget_old()
                        backoff.reset()
            except QctlError as error:
                delay = backoff.next_delay()
                log.warning("history: %s; trying again in %.0f s", error.message, delay)
                stop.wait(delay)
            except Exception:
                log.exception("history: nobody expected this")
                stop.wait(backoff.next_delay())
        self._store.close()

    def _resume(self) -> None:
        """Store what was taken and not acknowledged, and tell of what the stream had to drop."""
        self._group.create_group()
        while left := self._group.pending(STEP):
            self._keep(left)
        gap = self._group.gap()
        if gap is None:
            return
        last, first = gap
        ms, _, sequence = last.partition("-")
        reason = f"the stream dropped what happened between {last} and {first}: nobody recorded it in time"
        log.warning("history: %s", reason)
        self._store.write([Event(f"{ms}-{int(sequence) + 1}", "lost", {"reason": reason})])

    def _record(self, taken: list[Event], stop: Flag) -> None:
        if taken:
            self._keep(taken)
        if len(taken) < STEP:
            stop.wait(GATHER)

    def _keep(self, taken: list[Event]) -> None:
        self._store.write(taken)
        self._group.acknowledge(taken)
        log.debug("%d events are kept, up to %s", len(taken), taken[-1].id)

    def _forget_old(self) -> None:
        """Delete what is older than the settings keep, some of it each time."""
        if time.monotonic() < self._next_look:
            return
        before = datetime.now(timezone.utc) - timedelta(days=self._settings.keep_history)
        gone = self._store.forget(before, FORGOTTEN_AT_ONCE)
        self._next_look = time.monotonic() + (0.0 if gone == FORGOTTEN_AT_ONCE else RETENTION)
