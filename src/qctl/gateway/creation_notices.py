"""Order of live events and responses: the owner's pages hear of a new job before its creator gets the response.

A page that lists a job when it hears of it, and reads the list again after the response, would else list it twice. This
holds for clients that are connected to the gateway that creates the job.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress

MAX_WAIT_SECONDS = 1.0
"""Time (s) that a response waits for its event; without the event stream, responses must not wait for ever."""


class CreationNotices:
    """Jobs whose creation has to be announced, and the owners that have clients here. For one event loop."""

    def __init__(self) -> None:
        self._clients: Counter[str] = Counter()
        self._awaited: dict[str, asyncio.Future[None]] = {}

    def connected(self, owner: str) -> None:
        """Count a client of this owner."""
        self._clients[owner] += 1

    def disconnected(self, owner: str) -> None:
        """Stop counting a client of this owner."""
        self._clients[owner] -= 1
        if self._clients[owner] <= 0:
            del self._clients[owner]

    def has_clients(self, owner: str) -> bool:
        """Check whether a client of this owner is connected."""
        return owner in self._clients

    def announced(self, job_id: str) -> None:
        """Note that the creation of a job has been sent to its owner's clients."""
        awaited = self._awaited.get(job_id)
        if awaited is not None and not awaited.done():
            awaited.set_result(None)

    async def before_response(self, owner: str, job_id: str, creation: Awaitable[object]) -> None:
        """Wait for the creation of a job, and then until its owner's clients have been told."""
        if not self.has_clients(owner):
            await creation
            return
        awaited = self._awaited[job_id] = asyncio.get_running_loop().create_future()
        try:
            await creation
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(awaited, MAX_WAIT_SECONDS)
        finally:
            self._awaited.pop(job_id, None)
