"""A daemon as several processes on one host, so that it uses several processors.

The first process does no work: it forks the others, starts one again that ended, and passes signals on. To a supervisor
(systemd, or `qctl up`) all of them are one daemon: it is ready when each is, and its watchdog is theirs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType

from qctl.broker.redis.connection import Backoff
from qctl.notify_listener import Readiness
from qctl.quantities import quantity
from qctl.supervisor import Supervisor

log = logging.getLogger(__name__)

TICK_SECONDS = 0.1
"""Interval between two looks at the processes."""

BEAT_SECONDS = 1.0
"""Interval between two heartbeats to the supervisor."""

STEADY_SECONDS = 60.0
"""Age from which on the end of a process counts as a first failure."""

START_EXTENSION_SECONDS = 60
"""Additional time to start that is requested with each heartbeat until all processes are ready."""

DONE, INVALID_SETTINGS = 0, 2
"""Exit codes of a process that need not, or cannot, be started again."""

PR_SET_PDEATHSIG = 1

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Copy:
    """One of the processes of a daemon: its number from 1, and how many there are."""

    number: int = 1
    count: int = 1


ONLY = Copy()
"""The process of a daemon that is one process."""


@dataclass
class _Slot:
    """The state of one process over all its runs. `code` is set once it is not started again."""

    copy: Copy
    pid: int = 0
    since: float = 0.0
    due: float = 0.0
    ready: bool = False
    code: int | None = None
    backoff: Backoff = field(default_factory=lambda: Backoff(1.0, max_seconds=30.0))


class Copies:
    """Runs `work` in `number` processes until signals stop them. `work` returns the exit code of its process."""

    def __init__(self, name: str, number: int, work: Callable[[Copy], int]) -> None:
        self._name = name
        self._work = work
        self._slots = [_Slot(Copy(index, number)) for index in range(1, number + 1)]
        self._readiness = Readiness(name)
        self._last_heard: dict[int, float] = {}
        self._supervisor = Supervisor()
        self._stops: list[int] = []
        self._passed_on = 0
        self._reloads = 0
        self._next_beat = 0.0
        self._failed = DONE

    def run(self) -> int:
        """Run all. Returns the exit code: that of a process that cannot run, 128 + the second signal, or 0."""
        heeded = [*STOP_SIGNALS, *([signal.SIGHUP] if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL else [])]
        before = {number: signal.signal(number, self._record) for number in heeded}
        log.info("starting %s: processes=%d", self._name, len(self._slots))
        try:
            while any(slot.code is None for slot in self._slots):
                self._step()
                time.sleep(TICK_SECONDS)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._readiness.close()
            self._supervisor.close()
        if self._failed:
            return self._failed
        return 128 + self._stops[1] if len(self._stops) > 1 else DONE

    def _record(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reloads += 1
        else:
            self._stops.append(number)

    def _step(self) -> None:
        self._pass_signals_on()
        for slot in self._slots:
            if slot.pid:
                self._reap(slot)
            elif slot.code is None and self._is_stopping:
                slot.code = DONE
            elif slot.code is None and time.monotonic() >= slot.due:
                self._fork(slot)
        self._beat()

    @property
    def _is_stopping(self) -> bool:
        return bool(self._stops or self._failed)

    def _pass_signals_on(self) -> None:
        reloads, self._reloads = self._reloads, 0
        numbers = [signal.SIGHUP] * min(reloads, 1) + [signal.SIGTERM] * (len(self._stops) - self._passed_on)
        if signal.SIGTERM in numbers and not self._passed_on:
            self._supervisor.notify("STOPPING=1", "STATUS=draining")
        self._passed_on = len(self._stops)
        for number in numbers:
            self._kill(number)

    def _kill(self, number: int) -> None:
        for slot in self._slots:
            if slot.pid:
                os.kill(slot.pid, number)

    def _fork(self, slot: _Slot) -> None:
        slot.since, slot.ready = time.monotonic(), False
        parent = os.getpid()
        with _signals_blocked():  # the process must not handle one with the handlers of this one
            slot.pid = os.fork()
            if not slot.pid:
                os.setpgid(0, 0)  # Ctrl-C in a terminal reaches this process once, through the first one
                for number in (*STOP_SIGNALS, signal.SIGHUP):
                    if signal.getsignal(number) is not signal.SIG_IGN:
                        signal.signal(number, signal.SIG_DFL)
        if not slot.pid:
            self._become(slot.copy, parent)

    def _become(self, copy: Copy, parent: int) -> None:
        """Do the work of a process, and end it."""
        code = 70
        try:
            _die_with(parent)
            self._supervisor.close()
            os.environ.pop("WATCHDOG_PID", None)
            os.environ["NOTIFY_SOCKET"] = self._readiness.address
            code = self._work(copy)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def _reap(self, slot: _Slot) -> None:
        pid, status = os.waitpid(slot.pid, os.WNOHANG)
        if not pid:
            self._check_watchdog(slot)
            return
        slot.pid, code = 0, os.waitstatus_to_exitcode(status)
        self._last_heard.pop(pid, None)
        if code == INVALID_SETTINGS and not self._is_stopping:
            self._failed = code
            self._kill(signal.SIGTERM)
        if self._is_stopping or code == DONE:
            slot.code = code
            return
        if time.monotonic() - slot.since > STEADY_SECONDS:
            slot.backoff.reset()
        delay = slot.backoff.next_delay()
        slot.due = time.monotonic() + delay
        log.error("process ended, starts again: number=%d exit_code=%d seconds=%.1f", slot.copy.number, code, delay)

    def _check_watchdog(self, slot: _Slot) -> None:
        """Kill a process that hangs, as the supervisor would do if it were the only one."""
        limit = self._supervisor.watchdog_seconds
        heard = max(self._last_heard.get(slot.pid, 0.0), slot.since)
        if limit and slot.ready and not self._is_stopping and time.monotonic() - heard > limit:
            log.error("process hangs, killed: number=%d seconds=%.0f", slot.copy.number, limit)
            os.kill(slot.pid, signal.SIGABRT)
            slot.ready = False

    def _beat(self) -> None:
        ready: set[int] = set()
        for pid, lines in self._readiness.messages():
            self._last_heard[pid] = time.monotonic()
            if "READY=1" in lines:
                ready.add(pid)
        for slot in self._slots:
            slot.ready = slot.ready or slot.code == DONE or slot.pid in ready or not self._readiness.address
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + BEAT_SECONDS
        working = sum(slot.ready and bool(slot.pid) for slot in self._slots)
        status = f"STATUS={working} of {quantity(len(self._slots), 'process')} ready"
        if all(slot.ready for slot in self._slots):
            self._supervisor.notify("WATCHDOG=1", "READY=1", status)
        else:
            self._supervisor.notify("WATCHDOG=1", f"EXTEND_TIMEOUT_USEC={START_EXTENSION_SECONDS * 1_000_000}", status)


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (*STOP_SIGNALS, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent ends, on Linux."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
