"""The parent process of a pool: starts processes, restarts those that end, and passes signals on.

It has imported everything that its processes need, which share that memory. It runs no thread, so that a fork copies
no lock that somebody holds.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Collection
from typing import Protocol

from qctl import daemon
from qctl.broker.redis.connection import Backoff
from qctl.errors import UnusableError
from qctl.models.pools import Place
from qctl.notify_listener import Readiness
from qctl.pool.member import Member
from qctl.quantities import quantity

log = logging.getLogger(__name__)

TICK_SECONDS = 0.2
"""Maximum pause between two looks at the processes."""

STEADY_SECONDS = 60.0
"""Time that a process must have run for its end to count as the first."""

SIGNAL_NAMES = {number.value: number.name for number in signal.Signals}


class Scaling(Protocol):
    """Decides how many processes a pool has. Its methods return soon, and raise nothing if a server is away."""

    def size(self, pids: Collection[int]) -> int:
        """Return the number of processes to have, for a pool of these. Called several times a second."""

    def report(self, running: int, ends: int) -> None:
        """Publish how many processes run, and how many ended unexpectedly. Called several times a second."""

    def close(self) -> None:
        """The pool has ended."""

    def leave_to_child(self) -> None:
        """Close connections, in a new child."""


class Slot:
    """A place of a pool: the process in it, or the time at which the next one starts."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.member: Member | None = None
        self.due = 0.0
        self.backoff = Backoff(1.0, max_seconds=30.0)


class ProcessPool:
    """Runs `serve` in as many processes as `scaling` says, each a daemon `name` of its own, until the parent stops.

    To the pool's supervisor they are one daemon, which is ready once each of them is. With `until_done`, processes that
    end without an error are not replaced, and the pool ends after the last.
    """

    def __init__(
        self,
        context: daemon.Context,
        name: str,
        serve: Callable[[daemon.Context], None],
        scaling: Scaling,
        *,
        until_done: bool = False,
    ) -> None:
        self._context = context
        self._name = name
        self._serve = serve
        self._scaling = scaling
        self._until_done = until_done
        self._listener = Readiness("qctl-pool")
        self._slots: list[Slot] = []
        self._leaving: list[Member] = []
        self._size = 0
        self._ends = 0
        self._abort_requested = False

    def run(self) -> None:
        """Run until the context stops, then wait until each process has finished its work.

        Raises UnusableError if a process refuses its settings.
        """
        self._context.on_abort(self._request_abort)
        self._context.on_reload((), lambda _: self._send_all(signal.SIGHUP))
        try:
            while not self._context.stop.is_set():
                self._resize(self._scaling.size([slot.member.pid for slot in self._slots if slot.member]))
                self._start_due()
                self._step()
                self._report()
                if self._until_done and not self._slots:
                    break
        finally:
            self._stop()
            self._scaling.close()
            self._listener.close()

    def _stop(self) -> None:
        self._resize(0)
        while self._leaving:
            self._step()
            self._context.beat(ready=False)
            self._scaling.report(0, self._ends)

    def _resize(self, size: int) -> None:
        """Add places, or drop the newest ones, whose processes finish their work first."""
        if size != self._size and self._size:
            log.info("pool resized: processes=%d before=%d", size, self._size)
        if self._until_done and self._size:
            size = min(size, len(self._slots))
        self._size = size
        self._slots += [Slot(Place(number, size)) for number in range(len(self._slots) + 1, size + 1)]
        surplus, self._slots = self._slots[size:], self._slots[:size]
        for slot in surplus:
            if slot.member:
                slot.member.leave()
                self._leaving.append(slot.member)

    def _start_due(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.member is None and now >= slot.due and not self._context.stop.is_set():
                slot.member = self._new_member(slot.place)

    def _new_member(self, place: Place) -> Member:
        return Member(self._name, self._serve_in_child, place, self._listener.address, self._context.watchdog_seconds)

    def _serve_in_child(self, context: daemon.Context) -> None:
        self._listener.close()
        self._scaling.leave_to_child()
        self._serve(context)

    def _step(self) -> None:
        """Wait for messages for a moment, then look at every process."""
        self._listener.wait(TICK_SECONDS)
        if self._abort_requested:
            self._abort_requested = False
            self._resize(0)
            self._send_all(signal.SIGTERM)
        members = {slot.member.pid: slot.member for slot in self._slots if slot.member}
        members |= {member.pid: member for member in self._leaving}
        for pid, lines in self._listener.messages():
            if pid in members:
                members[pid].take_report(lines)
        for member in members.values():
            if member.end_if_hanging():
                log.error("process hangs: pid=%d", member.pid)
        self._leaving = [member for member in self._leaving if member.exit_code() is None]
        for slot in list(self._slots):
            if slot.member and (code := slot.member.exit_code()) is not None:
                self._ended(slot, slot.member, code)

    def _report(self) -> None:
        ready = sum(slot.member is not None and slot.member.ready for slot in self._slots)
        self._context.beat(f"{ready} of {quantity(self._size, 'process')} ready", ready=ready == len(self._slots))
        self._scaling.report(ready, self._ends)

    def _ended(self, slot: Slot, member: Member, code: int) -> None:
        slot.member = None
        if self._until_done and code == daemon.DRAINED:
            self._slots.remove(slot)
            return
        if code == daemon.INVALID_SETTINGS:
            raise UnusableError("the settings", "cannot be used by the processes of this pool", "see the line above")
        self._ends += code != daemon.DRAINED
        if time.monotonic() - member.started > STEADY_SECONDS:
            slot.backoff.reset()
        wait = slot.backoff.next_delay()
        slot.due = time.monotonic() + wait
        how = f"exit={code}" if code >= 0 else f"signal={SIGNAL_NAMES.get(-code, -code)}"
        log.warning("process ended: pid=%d %s restart_in=%.1f", member.pid, how, wait)

    def _send_all(self, number: signal.Signals) -> None:
        for member in [*(slot.member for slot in self._slots if slot.member), *self._leaving]:
            member.send(number)

    def _request_abort(self) -> None:
        """Handle the second signal, at any moment: the next step tells every process to stop at once."""
        self._abort_requested = True
