"""A child process that runs one job after another for a worker, and what goes between the two.

A fork for each job costs several milliseconds, most of them for memory that the child only looks at. So a child is
kept, for so many jobs or until it has grown too large. A job that kills it costs no other job anything.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from multiprocessing import Pipe
from typing import Any

from qctl.broker.worker import process_memory

JOBS = 1000
"""Jobs after which a child is replaced: what they leak goes with it."""

GROWTH = 100 << 20
"""Bytes that a child may hold more than at its first job, before it is replaced."""

LOOK = 20
"""Jobs between looks at its memory."""


class Child:
    """A forked process. `serve` runs in it: it is given what was sent, and what it returns is the answer."""

    def __init__(self, prepare: Callable[[], None], serve: Callable[[Any], Any]) -> None:
        self._pipe, theirs = Pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._pipe.close()
            _live(theirs, prepare, serve)
        theirs.close()
        with contextlib.suppress(OSError):  # it may have done so itself, or be gone
            os.setpgid(self.pid, self.pid)
        self._served = 0
        self._first = process_memory.resident(self.pid) or 0

    @property
    def is_worn(self) -> bool:
        """Whether it should be replaced before the next job."""
        if self._served >= JOBS:
            return True
        return self._served % LOOK == LOOK - 1 and (process_memory.resident(self.pid) or 0) > self._first + GROWTH

    def send(self, task: Any) -> None:
        """Have it begin. A child that is gone is noticed by `answer`."""
        self._served += 1
        with contextlib.suppress(OSError):
            self._pipe.send(task)

    def answer(self) -> tuple[Any, int]:
        """Wait for its answer. Returns that and 0, or None and the status with which it died, as `os.wait4` tells.

        What an alarm raises meanwhile passes, and the wait may be taken up again.
        """
        try:
            self._pipe.poll(None)
            signal.alarm(0)  # an answer that is read in part could not be read again
            return self._pipe.recv(), 0
        except (EOFError, OSError):
            return None, self.end() or 1 << 8

    def end(self) -> int:
        """Let it go, and wait until it has gone. Returns its status, 0 where somebody else waited for it."""
        self._pipe.close()
        with contextlib.suppress(ChildProcessError):
            return os.waitpid(self.pid, 0)[1]
        return 0


def _live(pipe: Any, prepare: Callable[[], None], serve: Callable[[Any], Any]) -> None:
    """The life of a child. It never returns: what the worker would do next is not its own."""
    try:
        os.setpgrp()
        prepare()
        while True:
            pipe.send(serve(pipe.recv()))
    except EOFError:
        os._exit(0)
    except BaseException:  # noqa: BLE001 - whatever it was, the worker sees that the child is gone
        os._exit(1)
