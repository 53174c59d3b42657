"""One run of a program, from its start until it has ended."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from honcho.printer import Message
from honcho.process import Process

from qctl.stack.die_with_parent import shell_command
from qctl.stack.program import Program, Stage

LINGERING = 1.0
"""Time (s) that children of a dead program may hold its output open before the program counts as ended."""

Events = queue.Queue[tuple["Run", Message]]
"""Messages of runs: honcho's messages of type `start`, `line` and `stop`, each with its run."""


class Run:
    """A process that honcho starts and reads in a separate thread.

    The thread must live as long as the process: the kernel ties the process to the thread that started it.
    """

    def __init__(self, program: Program, colour: str, env: Mapping[str, str], events: Events) -> None:
        self.program = program
        self.pid: int | None = None
        self.since = time.monotonic()
        self.told_to_end = False
        self._events = events
        self._dead_since: float | None = None
        self._process = Process(_tethered(program), name=program.name, colour=colour, env=dict(env))
        threading.Thread(target=self._read, name=program.name, daemon=True).start()

    def put(self, message: Message) -> None:
        """Take a message from honcho, which uses this object as its queue."""
        self._events.put((self, message))

    def terminate(self) -> None:
        """Ask only the program to end; it ends its own children. Done once, as soon as it runs."""
        if self.pid is not None and not self.told_to_end:
            self.told_to_end = True
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill it and its children."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def ended(self) -> int | None:
        """The exit code of a program that has ended, but whose output a child of it still holds open.

        None in the ordinary case: it runs, or honcho is about to report that it stopped.
        """
        if self.pid is None:
            return None
        try:
            state = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return None
        if state is None:
            return None
        now = time.monotonic()
        self._dead_since = self._dead_since or now
        if now - self._dead_since < LINGERING:
            return None
        return state.si_status if state.si_code == os.CLD_EXITED else -state.si_status

    def _read(self) -> None:
        try:
            self._process.run(self)
        except OSError as error:  # no more processes, or no memory for one
            now = datetime.now()  # noqa: DTZ005 - wall clock, as honcho's
            self.put(Message("line", f"cannot be started: {error}", now, self.program.name, None))
            self.put(Message("stop", {"returncode": 1}, now, self.program.name, None))


def _tethered(program: Program) -> str:
    """The command for honcho's shell."""
    # Redis and the broker need time to write their data. Daemons do not: they can be killed at any moment.
    number = signal.SIGKILL if program.stage is Stage.DAEMON else signal.SIGTERM
    return shell_command(program.command, number)
