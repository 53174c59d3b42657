"""Workers: list, quiet, resume and stop them."""

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
from qctl.broker.redis import clock
from qctl.errors import NotFoundError, QctlError, RefusedError
from qctl.models import QuietResult, StopResult, WorkerInfo, ignore_progress
from qctl.ops import run_pace
from qctl.ops.base import Part
from qctl.ops.selection import WILDCARDS, select_queues

STOP_POLL_SECONDS = 0.1

REPEAT_STOP_SECONDS = 1.2
"""Delay before the second stop command of a stop without waiting: RQ ignores one within a second of the first."""


class WorkerOps(Part, name="workers"):
    """Running workers, for `qctl worker`."""

    def list(self, queue: str | None = None) -> builtins.list[WorkerInfo]:
        """List the workers with a current heartbeat, those with a stuck or slow job first, then by name.

        With `queue`, a name or a pattern, those that listen to it or to a lane of it. Raises NotFoundError for an
        unknown queue.
        """
        if queue is None:
            return self._with_pace(workers.living(self._redis))
        known = select_queues(queue, stats_snapshot.queue_names(self._redis))
        lanes = {lane for name in (*known, queue) for lane in catalog.lanes(name)}
        return self._with_pace(workers.listening(self._redis, lanes))

    def _with_pace(self, found: Sequence[WorkerInfo]) -> builtins.list[WorkerInfo]:
        judged = run_pace.with_pace(self._redis, found, clock.now_ms(self._redis) / 1000)
        return sorted(judged, key=lambda worker: run_pace.ORDER.index(worker.pace))

    def select(self, patterns: Sequence[str]) -> builtins.list[WorkerInfo]:
        """Return the workers of these names or patterns. Raises NotFoundError for a name without wildcards that no
        worker has."""
        living = workers.living(self._redis)
        selected: dict[str, WorkerInfo] = {}
        for pattern in patterns:
            matching = [worker for worker in living if worker.name == pattern] or [
                worker for worker in living if fnmatchcase(worker.name, pattern)
            ]
            if not matching and not WILDCARDS & set(pattern):
                raise _not_found(pattern, [worker.name for worker in living])
            selected |= {worker.name: worker for worker in matching}
        return list(selected.values())

    def show(self, name: str) -> WorkerInfo:
        """Return one worker. Raises NotFoundError."""
        living = {worker.name: worker for worker in workers.living(self._redis)}
        if name not in living:
            raise _not_found(name, list(living))
        return self._with_pace([living[name]])[0]

    def quiet(self, name: str, *, timeout: float = 20.0) -> QuietResult:
        """Make a worker claim no new jobs, until it ends or `resume`. Its running job continues, and no job starts on
        it after this has returned.

        Raises NotFoundError; RefusedError if the worker does not claim by qctl's script; WaitTimeoutError if a job that
        it claimed before has not started within `timeout` seconds.
        """
        worker = self._claiming_worker(name)
        result = worker_commands.quiet(self._redis, worker, actor=events.actor())
        worker_commands.wait_for_claims(self._redis, result, timeout)
        return QuietResult(self.show(name), quiet=True, changed=result.changed)

    def resume(self, name: str) -> QuietResult:
        """Let a quiet worker claim jobs again. Raises NotFoundError, and RefusedError as `quiet` does."""
        worker = self._claiming_worker(name)
        result = worker_commands.resume(self._redis, worker, actor=events.actor())
        return QuietResult(self.show(name), quiet=False, changed=result.changed)

    def _claiming_worker(self, name: str) -> WorkerInfo:
        worker = self.show(name)
        if worker.claimant is None:
            raise RefusedError(
                f"cannot quiet worker {name!r}: it does not claim by qctl's script",
                f"let it finish its job and end with: qctl worker stop {quote(name)}",
            )
        return worker

    def stop(
        self,
        names: Sequence[str],
        *,
        now: bool = False,
        timeout: float = 60.0,
        waiting: Callable[[int, int], None] = ignore_progress,
    ) -> builtins.list[StopResult | QctlError]:
        """Make workers finish their job and end; with `now`, end immediately: jobs of qctl's workers then return to the
        head of their queue, jobs of RQ's own workers fail. A supervisor starts the worker again.

        Waits up to `timeout` seconds until the workers are gone, and calls `waiting` with the number gone and the
        total. Returns the result of each worker, or the reason why it got no command, in the given order.
        """
        began = time.monotonic()
        results: dict[str, StopResult | QctlError] = {}
        stopping: dict[str, WorkerInfo] = {}
        for name in dict.fromkeys(names):
            try:
                stopping[name] = self._stop(name)
            except (NotFoundError, RefusedError) as error:
                results[name] = error
        repeat_at = began + REPEAT_STOP_SECONDS if now else None
        while stopping:
            living = {worker.name for worker in workers.living(self._redis)}
            waited = time.monotonic() - began
            for name in [name for name in stopping if name not in living]:
                results[name] = StopResult(stopping.pop(name), True, now, waited)
            waiting(len(results), len(results) + len(stopping))
            if not stopping or waited >= timeout:
                break
            if repeat_at and time.monotonic() > repeat_at:
                for worker in stopping.values():
                    worker_commands.stop(self._redis, worker, actor=events.actor())
                repeat_at = None
            time.sleep(STOP_POLL_SECONDS)
        remaining = {
            name: StopResult(worker, False, now, time.monotonic() - began) for name, worker in stopping.items()
        }
        return [{**results, **remaining}[name] for name in dict.fromkeys(names)]

    def _stop(self, name: str) -> WorkerInfo:
        worker = self.show(name)
        if not worker_commands.stop(self._redis, worker, actor=events.actor()):
            raise RefusedError(f"worker {name!r} does not listen for commands", "send SIGTERM to its process")
        return worker


def _not_found(name: str, known: Sequence[str]) -> NotFoundError:
    return NotFoundError.with_suggestions(
        f"worker {name!r} not found", name, known, "list workers with: qctl worker list"
    )
