"""Stopping a job that runs: RQ's command to its worker, and how a worker obeys that runs jobs in its own process."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import AbstractContextManager, nullcontext
from types import FrameType

from redis import Redis

from qctl.broker.redis import keys

SIGNAL = signal.SIGUSR2
"""What the thread that listens for commands sends to the main thread. Neither RQ nor the daemons use it."""


class StoppedError(BaseException):
    """Raised in a job that shall stop. No `except Exception` of the job's own catches it."""


class Stoppable:
    """Lets another thread end the job that the main thread runs, and nothing beside it."""

    def __init__(self) -> None:
        self._next = ""
        self._running: str | None = None
        self._wanted: str | None = None
        self._listens = False

    def running(self, job_id: str) -> AbstractContextManager[None]:
        """While this lasts, `stop` raises StoppedError in it. Only the main thread can be stopped."""
        if threading.current_thread() is not threading.main_thread():
            return nullcontext()
        if not self._listens:
            # It stays: a signal that comes late would end the process otherwise.
            signal.signal(SIGNAL, self._raise)
            self._listens = True
        self._next = job_id
        return self

    def __enter__(self) -> None:
        self._running = self._next

    def __exit__(self, *_: object) -> None:
        self._running = self._wanted = None

    def stop(self, job_id: str) -> bool:
        """End this job, from another thread. False where it does not run."""
        if self._running != job_id:
            return False
        self._wanted = job_id
        signal.pthread_kill(threading.main_thread().ident or 0, SIGNAL)
        return True

    def _raise(self, _number: int, _frame: FrameType | None) -> None:
        # The job may have ended since, and another begun.
        if self._running is not None and self._wanted == self._running:
            self._wanted = None
            raise StoppedError


def tell(connection: Redis, worker: str, job_id: str) -> bool:
    """Send a worker RQ's command to stop a job. False where nobody listens for it."""
    return bool(connection.publish(keys.commands(worker), json.dumps({"command": "stop-job", "job_id": job_id})))
