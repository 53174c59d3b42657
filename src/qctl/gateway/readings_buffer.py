"""Where posted readings go: the buffer of MQTT's, in groups, by the rules of all sources."""

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


class Intake:
    """The way in for readings, for all requests of one event loop. Nothing is taken before `serve` runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._commit: GroupCommit | None = None

    async def serve(self) -> None:
        """Commit what comes, until cancelled. Raises what is a defect."""
        destination = batches.direct_destination(self._settings, "readings", reading_batches.sink)
        destination = destination or Destination.buffered(self._settings, PIPELINES["readings"], "qctl-gateway")
        with destination.connection, destination.cutter as cutter:
            self._commit = GroupCommit(self._settings, destination.buffer, cutter.wake)
            try:
                await asyncio.gather(self._commit.serve(), _watch(cutter))
            finally:
                self._commit.close()

    async def take(self, items: Sequence[bytes]) -> None:
        """Return when all these items of the pipeline are committed.

        Raises BackpressureError where there is no room or Redis is away. What was on its way just then may be
        committed all the same: sent again, what has a time of its own shows once.
        """
        if self._commit is None or self._commit.busy is not None or not self._commit.has_room:
            raise BackpressureError(f"no readings are taken: {(self._commit and self._commit.busy) or 'no room'}")
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = len(items)

        def answered(answer: dict[str, Any]) -> None:
            nonlocal left
            left -= 1
            if committed.done():
                return
            if not answer["ok"]:
                committed.set_exception(BackpressureError("readings wait to be kept"))
            elif not left:
                committed.set_result(None)

        for item in items:
            self._commit.put(Entry(item, len(item), DONE, answered))
        await committed


async def _watch(cutter: Any) -> None:
    """Raise what ended the thread that cuts batches, where something did."""
    while True:
        cutter.check()
        await asyncio.sleep(1)
