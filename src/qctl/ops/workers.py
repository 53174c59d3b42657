"""The workers that live: what they do, and what they are told."""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from shlex import quote

from qctl import catalog
from qctl.broker.admin import worker_commands
from qctl.broker.bookkeeping import events
from qctl.broker.query import stats_snapshot, workers
from qctl.errors import NotFoundError, QctlError, RefusedError
from qctl.models import QuietResult, StopResult, WorkerInfo
from qctl.ops.base import Part
from qctl.ops.selection import select

POLL = 0.1
"""Seconds between looks at whether a worker that was told to stop is gone."""

AGAIN = 1.2
"""Seconds after which a worker that shall stop at once is told a second time: RQ's takes a second command within one
second for the same one."""


class WorkerOps(Part, name="workers"):
    """What `qctl worker` shows and does."""

    def list(self, queue: str | None = None) -> builtins.list[WorkerInfo]:
        """Every worker whose heartbeat goes on, by name; with `queue`, a name or a pattern, those that take from it or
        from a lane of it. Raises NotFoundError for a queue that there is not."""
        if queue is None:
            return workers.living(self._redis)
        known = select(queue, stats_snapshot.queue_names(self._redis))
        named = {lane for name in (*known, queue) for lane in catalog.lanes(name)}
        return workers.listening(self._redis, named)

    def select(self, patterns: Sequence[str]) -> builtins.list[WorkerInfo]:
        """The workers of these names or patterns. Raises NotFoundError for a plain name that no worker has."""
        living = workers.living(self._redis)
        meant: dict[str, WorkerInfo] = {}
        for pattern in patterns:
            found = [one for one in living if one.name == pattern] or [
                one for one in living if fnmatchcase(one.name, pattern)
            ]
            if not found and not set(pattern) & set("*?["):
                raise _unknown(pattern, [one.name for one in living])
            meant |= {one.name: one for one in found}
        return list(meant.values())

    def show(self, name: str) -> WorkerInfo:
        """One of them. Raises NotFoundError."""
        living = {one.name: one for one in workers.living(self._redis)}
        if name not in living:
            raise _unknown(name, list(living))
        return living[name]

    def quiet(self, name: str, *, timeout: float = 20.0) -> QuietResult:
        """Have it take nothing new, until it ends or `resume`. Nothing that it runs is touched, and nothing starts on
        it after this has returned.

        Raises NotFoundError; RefusedError where it does not claim by qctl's script; WaitTimeoutError where what it
        claimed before has not started within `timeout` seconds.
        """
        worker = self._that_claims(name)
        told = worker_commands.quiet(self._redis, worker, actor=events.actor())
        worker_commands.wait_for_claims(self._redis, told, timeout)
        return QuietResult(self.show(name), quiet=True, changed=told.changed)

    def resume(self, name: str) -> QuietResult:
        """Have a quiet worker go on. Raises NotFoundError, and RefusedError as `quiet` does."""
        worker = self._that_claims(name)
        told = worker_commands.resume(self._redis, worker, actor=events.actor())
        return QuietResult(self.show(name), quiet=False, changed=told.changed)

    def _that_claims(self, name: str) -> WorkerInfo:
        worker = self.show(name)
        if worker.claimant is None:
            raise RefusedError(
                f"{name} does not claim by qctl's script: it cannot be quiet",
                f"qctl worker stop {quote(name)} lets it finish its job and end",
            )
        return worker

    def stop(
        self,
        names: Sequence[str],
        *,
        now: bool = False,
        timeout: float = 60.0,
        waiting: Callable[[int, int], None] = lambda _gone, _all: None,
    ) -> builtins.list[StopResult | QctlError]:
        """Have workers finish the job they run and end; with `now` end at once: what qctl's workers run then goes back
        to the head of its queue, what RQ's own run fails. Whoever keeps a worker running starts a new one.

        Waits up to `timeout` seconds until they are gone, and tells `waiting` how many are. Returns what became of
        each, or why it was not told, in their order.
        """
        began = time.monotonic()
        ended: dict[str, StopResult | QctlError] = {}
        told: dict[str, WorkerInfo] = {}
        for name in dict.fromkeys(names):
            try:
                told[name] = self._stop(name)
            except (NotFoundError, RefusedError) as error:
                ended[name] = error
        again = began + AGAIN if now else None
        while told:
            here = {one.name for one in workers.living(self._redis)}
            waited = time.monotonic() - began
            for name in [name for name in told if name not in here]:
                ended[name] = StopResult(told.pop(name), True, now, waited)
            waiting(len(ended), len(ended) + len(told))
            if not told or waited >= timeout:
                break
            if again and time.monotonic() > again:
                for worker in told.values():
                    worker_commands.stop(self._redis, worker, actor=events.actor())
                again = None
            time.sleep(POLL)
        late = {name: StopResult(worker, False, now, time.monotonic() - began) for name, worker in told.items()}
        return [{**ended, **late}[name] for name in dict.fromkeys(names)]

    def _stop(self, name: str) -> WorkerInfo:
        worker = self.show(name)
        if not worker_commands.stop(self._redis, worker, actor=events.actor()):
            raise RefusedError(f"{name} does not listen for commands", "send its process a SIGTERM")
        return worker


def _unknown(name: str, known: Sequence[str]) -> NotFoundError:
    return NotFoundError.with_suggestions(f"there is no worker {name}", name, known, "qctl worker list shows them")
