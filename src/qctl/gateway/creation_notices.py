"""Order of live events and responses: the owner's pages hear of a new job before its creator gets the response.

A page that lists a job when it hears of it, and reads the list again after the response, would else list it twice. This
holds for clients that are connected to the gateway that creates the job.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

MAX_WAIT_SECONDS = 1.0
"""Time (s) that a response waits for its event; without the event stream, responses must not wait for ever."""


class CreationNotices:
    """Jobs whose creation has to be announced, and the owners that have clients here. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: Counter[str] = Counter()
        self._awaited: dict[str, threading.Event] = {}

    def connected(self, owner: str) -> None:
        """Count a client of this owner."""
        with self._lock:
            self._clients[owner] += 1

    def disconnected(self, owner: str) -> None:
        """Stop counting a client of this owner."""
        with self._lock:
            self._clients[owner] -= 1
            if self._clients[owner] <= 0:
                del self._clients[owner]

    def announced(self, job_id: str) -> None:
        """Note that the creation of a job has been sent to its owner's clients."""
        if awaited := self._awaited.get(job_id):
            awaited.set()

    @contextmanager
    def before_response(self, owner: str, job_id: str) -> Iterator[None]:
        """Create the job within the block; at its end, wait until its owner's clients have been told."""
        if not self._clients.get(owner):
            yield
            return
        awaited = self._awaited[job_id] = threading.Event()
        try:
            yield
            awaited.wait(MAX_WAIT_SECONDS)
        finally:
            self._awaited.pop(job_id, None)
