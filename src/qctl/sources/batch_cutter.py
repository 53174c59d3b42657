"""A thread that cuts batches from a buffer beside the source that fills it, so that no acknowledgement waits for it."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from qctl.broker.bookkeeping.data_identity import DataWatch
from qctl.broker.ingest import durability
from qctl.broker.ingest.buffer import Buffer
from qctl.broker.ingest.durability import Durability
from qctl.broker.redis.connection import Backoff, connect, translate_errors
from qctl.broker.redis.outage import Outage
from qctl.catalog.specs import PipelineSpec
from qctl.errors import QctlError
from qctl.settings import Settings

log = logging.getLogger(__name__)

POLL_SECONDS = 0.05
"""Pause after a check that could cut nothing from a buffer, regardless of calls of `wake`."""


class BatchCutter:
    """A thread with its own connection. Used as a context manager it runs as long as the block.

    `interval` is the age in seconds at which the oldest item is due. Items that are left at the end are cut by the next
    process that checks the buffer.
    """

    def __init__(self, settings: Settings, pipeline: PipelineSpec, interval: float) -> None:
        self._settings = settings
        self._interval = interval
        self._connection = connect(settings, name=f"qctl-cut-{pipeline.name}")
        self._buffer = Buffer(self._connection, pipeline, settings)
        self._watch = DataWatch(self._connection, f"source of {pipeline.name}")
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"cut-{pipeline.name}", daemon=True)
        self._error: BaseException | None = None
        self._durability: Durability | None = None

    def wake(self) -> None:
        """Cut now: a whole batch waits."""
        self._wake.set()

    def check(self) -> None:
        """Raise the error that ended the thread, if one did."""
        if self._error is not None:
            raise self._error

    def __enter__(self) -> BatchCutter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join()
        self._connection.close()

    def _log_durability(self) -> None:
        """Log the durability of acknowledged data on this server, at the start and after each change."""
        found = durability.read(self._connection)
        if found is not self._durability:
            level = logging.INFO if found in (Durability.SYNCED, Durability.UNKNOWN) else logging.WARNING
            log.log(level, "durability: %s", found.value)
        self._durability = found

    def _run(self) -> None:
        try:
            self._cut_until_stopped()
        except BaseException as error:  # noqa: BLE001 - `check` raises it in the main thread
            self._error = error

    def _cut_until_stopped(self) -> None:
        backoff, outage = Backoff(), Outage(log, "no batches are cut")
        was_away = True
        while not self._stop.is_set():
            self._wake.clear()
            try:
                with translate_errors(self._settings):
                    if was_away:
                        self._log_durability()
                    self._watch.check_if_due()
                    cut = self._buffer.cut_batches(max_age=self._interval)
            except QctlError as error:
                delay = backoff.next_delay()
                outage.add(error.message)
                was_away = True
                self._stop.wait(delay)
                continue
            backoff.reset()
            outage.end()
            was_away = False
            if cut:
                log.debug("batches cut, %d items", cut)
            else:
                self._stop.wait(min(POLL_SECONDS, self._interval / 4))
            self._wake.wait(self._interval / 4)
