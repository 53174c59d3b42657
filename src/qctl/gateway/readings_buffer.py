"""Buffer of posted readings: group commits to the same Redis buffer as readings that arrive by MQTT."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from qctl.catalog import PIPELINES
from qctl.errors import BackpressureError
from qctl.jobs import batches, reading_batches
from qctl.settings import Settings
from qctl.sources.destination import Destination
from qctl.sources.group_commit import Entry, GroupCommit

DONE = {"ok": True}


class ReadingsBuffer:
    """Commits readings in groups, for all requests of one event loop. Refuses readings until `serve` runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._commit: GroupCommit | None = None

    async def serve(self) -> None:
        """Commit readings until cancelled. Raises only on a defect."""
        destination = batches.direct_destination(self._settings, "readings", reading_batches.sink)
        destination = destination or Destination.buffered(self._settings, PIPELINES["readings"], "qctl-gateway")
        with destination.connection, destination.cutter as cutter:
            self._commit = GroupCommit(self._settings, destination.buffer, cutter.wake)
            try:
                await asyncio.gather(self._commit.serve(), _watch(cutter))
            finally:
                self._commit.close()

    async def add(self, items: Sequence[bytes]) -> None:
        """Return when all items are committed.

        Raises BackpressureError if the buffer is full or Redis is unreachable. Items may be committed nevertheless:
        sent again, a reading with a timestamp is stored once.
        """
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


async def _watch(cutter: Any) -> None:
    """Raise the error that ended the thread that cuts batches, if it has ended."""
    while True:
        cutter.check()
        await asyncio.sleep(1)
