"""Buffer of posted readings: group commits to the same Redis buffer as readings that arrive by MQTT."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from qctl.broker.ingest.topics import TopicCounters
from qctl.broker.redis.connection import translate_errors
from qctl.catalog import PIPELINES
from qctl.errors import BackpressureError, QctlError
from qctl.jobs import batches, reading_batches
from qctl.settings import Settings
from qctl.sources.destination import Destination
from qctl.sources.direct_writer import DirectWriter
from qctl.sources.group_commit import Entry, GroupCommit
from qctl.sources.http_readings import Posted
from qctl.sources.reading_rules import Parsed

DONE = {"ok": True}

MAX_UNSTORED = 10_000
"""Readings with values left out that are remembered between two writes of the counts; more are not counted."""

TOPICS_SECONDS = 1.0
"""Pause between two writes of the counts per topic."""

log = logging.getLogger(__name__)


class ReadingsBuffer:
    """Commits readings in groups, for all requests of one event loop. Refuses readings until `serve` runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._commit: GroupCommit | None = None
        self._unstored: list[Parsed] = []

    async def serve(self) -> None:
        """Commit readings until cancelled. Raises only on a defect."""
        destination = batches.direct_destination(self._settings, "readings", reading_batches.sink)
        destination = destination or Destination.buffered(self._settings, PIPELINES["readings"], "qctl-gateway")
        with destination.connection, destination.cutter as cutter:
            self._commit = GroupCommit(self._settings, destination.buffer, cutter.wake)
            try:
                await asyncio.gather(self._commit.serve(), _watch(cutter), self._flush_topics(destination.topics))
            finally:
                self._commit.close()

    async def add(self, posted: Posted) -> None:
        """Return when all items of a request are committed.

        Raises BackpressureError if the buffer is full or Redis is unreachable. Items may be committed nevertheless:
        sent again, a reading with a timestamp is stored once.
        """
        items = posted.items
        if not items:
            return
        if self._commit is None or self._commit.busy is not None or not self._commit.has_room:
            raise BackpressureError(
                f"readings are refused: {(self._commit and self._commit.busy) or 'the buffer is full'}"
            )
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        remaining = len(items)

        def on_commit(answer: dict[str, Any]) -> None:
            nonlocal remaining
            remaining -= 1
            if committed.done():
                return
            if not answer["ok"]:
                committed.set_exception(BackpressureError("readings are not committed yet"))
            elif not remaining:
                committed.set_result(None)

        for item in items:
            self._commit.put(Entry(item, len(item), DONE, on_commit))
        await committed
        self._count(posted)

    def _count(self, posted: Posted) -> None:
        """Remember what was left out of the readings, for `qctl ingest topics`."""
        if len(self._unstored) < MAX_UNSTORED:
            self._unstored += [parsed for parsed in posted.parsed if parsed.left_out or parsed.clocks]

    async def _flush_topics(self, topics: TopicCounters | DirectWriter) -> None:
        """Write the counts once a second. An error delays nothing: they are written later."""
        while True:
            await asyncio.sleep(TOPICS_SECONDS)
            unstored, self._unstored = self._unstored, []
            for parsed in unstored:
                topics.add_left_out(parsed.readings[0]["topic"], parsed.left_out, parsed.clocks)
            try:
                with translate_errors(self._settings):
                    await asyncio.to_thread(topics.flush)
            except QctlError as error:
                log.info("counts per topic not written, trying again later: %s", error.message)


async def _watch(cutter: Any) -> None:
    """Raise the error that ended the thread that cuts batches, if it has ended."""
    while True:
        cutter.check()
        await asyncio.sleep(1)
