"""A child process that runs one job after another for a worker, and the messages between the two.

A fork for each job costs several milliseconds, most of them for memory that the child only reads. So a child is kept
for a number of jobs, or until it has grown too large. A job that kills it costs no other job anything.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from multiprocessing import Pipe
from typing import Any

from qctl.broker.worker import process_memory

MAX_JOBS = 1000
"""Jobs after which a child is replaced, which frees memory that they leaked."""

MAX_GROWTH_BYTES = 100 << 20
"""Memory (bytes) by which a child may grow after its start before it is replaced."""

MEMORY_CHECK_JOBS = 20
"""Jobs between checks of a child's memory."""


class ChildProcess:
    """A forked process. `serve` is called in it with each task that is sent, and returns the answer."""

    def __init__(self, prepare: Callable[[], None], serve: Callable[[Any], Any]) -> None:
        self._pipe, theirs = Pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._pipe.close()
            _serve_until_closed(theirs, prepare, serve)
        theirs.close()
        with contextlib.suppress(OSError):  # the child may have done so already, or have ended
            os.setpgid(self.pid, self.pid)
        self._jobs = 0
        self._first_bytes = process_memory.resident_bytes(self.pid) or 0

    @property
    def is_worn(self) -> bool:
        """True if it should be replaced before the next job."""
        if self._jobs >= MAX_JOBS:
            return True
        if self._jobs % MEMORY_CHECK_JOBS != MEMORY_CHECK_JOBS - 1:
            return False
        return (process_memory.resident_bytes(self.pid) or 0) > self._first_bytes + MAX_GROWTH_BYTES

    def send(self, task: Any) -> None:
        """Send a task. If the child is gone, `wait` notices."""
        self._jobs += 1
        with contextlib.suppress(OSError):
            self._pipe.send(task)

    def wait(self) -> tuple[Any, int]:
        """Wait for the answer. Returns it and 0, or None and the status with which the child died, as `os.wait4` does.

        An exception that an alarm raises meanwhile propagates, and the caller may wait again.
        """
        try:
            self._pipe.poll(None)
            signal.alarm(0)  # an answer that was read in part could not be read again
            return self._pipe.recv(), 0
        except (EOFError, OSError):
            return None, self.close() or 1 << 8

    def close(self) -> int:
        """Let the child end, and wait for it. Returns its status, 0 if other code has waited for it already."""
        self._pipe.close()
        with contextlib.suppress(ChildProcessError):
            return os.waitpid(self.pid, 0)[1]
        return 0


def _serve_until_closed(pipe: Any, prepare: Callable[[], None], serve: Callable[[Any], Any]) -> None:
    """Run the child until its pipe is closed. Never returns: the child must not go on with the worker's own code."""
    try:
        os.setpgrp()
        prepare()
        while True:
            pipe.send(serve(pipe.recv()))
    except EOFError:
        os._exit(0)
    except BaseException:  # noqa: BLE001 - whatever it was, the worker sees that the child is gone
        os._exit(1)
