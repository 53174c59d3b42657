"""Stopping a running job: RQ's command to its worker, and how a worker stops a job that runs in its own process."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import AbstractContextManager, nullcontext
from types import FrameType

from redis import Redis

from qctl.broker.redis import keys

STOP_SIGNAL = signal.SIGUSR2
"""Signal that the thread which listens for commands sends to the main thread. Neither RQ nor the daemons use it."""


class StoppedError(BaseException):
    """Raised in a job that an operator stops. No `except Exception` of the job's own catches it."""


class AbortedError(BaseException):
    """Raised in the main thread if the worker must end at once; its running job goes back to the queue."""


class JobStopper:
    """Lets another thread end only the job that the main thread runs."""

    def __init__(self) -> None:
        self._next = ""
        self._running: str | None = None
        self._wanted: str | None = None
        self._has_handler = False

    def running(self, job_id: str) -> AbstractContextManager[None]:
        """A context in which `stop` raises StoppedError. Only the main thread can be stopped."""
        if threading.current_thread() is not threading.main_thread():
            return nullcontext()
        if not self._has_handler:
            # It stays: without it, a signal that comes late would end the process.
            signal.signal(STOP_SIGNAL, self._raise)
            self._has_handler = True
        self._next = job_id
        return self

    def __enter__(self) -> None:
        self._running = self._next

    def __exit__(self, *_: object) -> None:
        self._running = self._wanted = None

    def stop(self, job_id: str) -> bool:
        """End this job, from another thread. False if it does not run."""
        if self._running != job_id:
            return False
        self._wanted = job_id
        signal.pthread_kill(threading.main_thread().ident or 0, STOP_SIGNAL)
        return True

    def _raise(self, _number: int, _frame: FrameType | None) -> None:
        # The job may have ended since, and another begun.
        if self._running is not None and self._wanted == self._running:
            self._wanted = None
            raise StoppedError


def send_stop(connection: Redis, worker: str, job_id: str) -> bool:
    """Send a worker RQ's command to stop a job. False if no worker listens for it."""
    return bool(connection.publish(keys.commands(worker), json.dumps({"command": "stop-job", "job_id": job_id})))
