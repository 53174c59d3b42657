"""Gateways and bridges as several processes, so that they use several processors: a pool whose size never changes."""

from __future__ import annotations

from collections.abc import Callable, Collection

from qctl import daemon
from qctl.pool.parent import ProcessPool


class FixedScaling:
    """A number of processes that never changes, and that nobody is told."""

    def __init__(self, size: int) -> None:
        self._size = size

    def size(self, pids: Collection[int]) -> int:  # noqa: ARG002 - the protocol's
        """Return the number."""
        return self._size

    def report(self, running: int, ends: int) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def leave_to_child(self) -> None:
        """Do nothing."""


def serve(context: daemon.Context, name: str, work: Callable[[daemon.Context], None]) -> None:
    """Run `work` in as many processes as QCTL_WORKERS says, or in this one if that is one, until the context stops.

    Raises UnusableError if a process refuses its settings.
    """
    processes = context.settings.processes
    if processes == 1:
        work(context)
    else:
        ProcessPool(context, name, work, FixedScaling(processes), until_done=True).run()
