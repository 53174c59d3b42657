"""One process of a pool, as its parent sees it, and its first steps as a child."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from qctl import daemon
from qctl.models.pools import Place

PR_SET_PDEATHSIG = 1

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

MAX_SILENT_SECONDS = 60.0
"""Silence after which a process hangs, if its parent's own supervisor does not say: as in the systemd units."""

ORPHAN_SECONDS = 30.0
"""Time that a process has to drain once its parent was killed. The job that it still runs then runs again elsewhere."""

ABORT_SECONDS = 10.0
"""Time that a process that hangs has to write the stack of each thread."""


class Member:
    """A process that runs `serve` as a daemon of its own, at `place`.

    It reports to `notify_address`, if that is not empty, and hangs after `watchdog_seconds` without a report.
    """

    def __init__(
        self,
        name: str,
        serve: Callable[[daemon.Context], None],
        place: Place,
        notify_address: str,
        watchdog_seconds: float | None,
    ) -> None:
        self.started = self._heard = time.monotonic()
        self.ready = not notify_address
        self.is_leaving = False
        """True once it was asked to end: its end needs no successor."""
        self._watched = bool(notify_address)
        self._allowed = watchdog_seconds or MAX_SILENT_SECONDS
        self._aborted: float | None = None
        self.pid = _fork(lambda: self._run(name, serve, place, notify_address))

    def _run(self, name: str, serve: Callable[[daemon.Context], None], place: Place, notify_address: str) -> int:
        """Run the daemon, in the child. Returns its exit code."""
        _set_supervisor(notify_address, self._allowed)
        return daemon.run(name, serve, interruptible=False, place=place)

    def take_report(self, lines: list[str]) -> None:
        """Take a message of this process to its supervisor."""
        self._heard = time.monotonic()
        self.ready = self.ready or "READY=1" in lines
        for line in lines:
            usec = line.removeprefix("WATCHDOG_USEC=")
            if usec != line and usec.isdecimal():
                self._allowed = int(usec) / 1e6

    def end_if_hanging(self) -> bool:
        """Abort a process that has been silent too long, and kill it if that does not help. True when it aborts."""
        now = time.monotonic()
        if self._aborted is not None and now - self._aborted > ABORT_SECONDS:
            self.send(signal.SIGKILL)
        if not self._watched or self._aborted is not None or now - self._heard <= self._allowed:
            return False
        self._aborted = now
        self.send(signal.SIGABRT)
        return True

    def leave(self) -> None:
        """Ask it to end after its current work, once."""
        if not self.is_leaving:
            self.is_leaving = True
            self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Send a signal. A process that has ended, and is not reaped yet, ignores it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def exit_code(self) -> int | None:
        """Return its exit code, or the negative number of the signal that killed it; None while it runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None


def _fork(run: Callable[[], int]) -> int:
    """Start a child that ends with the exit code of `run`. Returns its PID.

    Signals wait, so that none of the child's reaches handlers of the parent.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    gc.freeze()  # what is loaded stays shared: the collector of a child would touch, and so copy, every page
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            _run_child(parent, run)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def _run_child(parent: int, run: Callable[[], int]) -> NoReturn:
    code = daemon.UNEXPECTED
    try:
        _die_with(parent)
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as of nohup
                signal.signal(number, signal.SIG_DFL)
        # Ctrl-C reaches every process of the terminal; the parent passes it on as SIGTERM.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        random.seed()
        code = run()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _die_with(parent: int) -> None:
    """Let the kernel send this process SIGTERM when its parent is killed, so that it drains. Linux only."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel watched it
        os._exit(daemon.DRAINED)
    threading.Thread(target=_end_after, args=(parent,), name="parent", daemon=True).start()


def _end_after(parent: int) -> None:
    """Kill this process if it outlives its parent by ORPHAN_SECONDS: without Redis it might drain for ever."""
    while os.getppid() == parent:
        time.sleep(1.0)
    time.sleep(ORPHAN_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _set_supervisor(notify_address: str, watchdog_seconds: float) -> None:
    for variable in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        os.environ.pop(variable, None)
    if notify_address:
        os.environ["NOTIFY_SOCKET"] = notify_address
        os.environ["WATCHDOG_USEC"] = str(round(watchdog_seconds * 1e6))
