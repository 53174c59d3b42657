"""Pace of running jobs: slow past the 99th percentile of their name, stuck past their time-out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from shlex import quote

from qctl import catalog
from qctl.broker.query import habits
from qctl.broker.redis.connection import Connection
from qctl.models import Finding, Pace, WorkerInfo
from qctl.ops import health_rules as rules

ORDER: tuple[Pace, ...] = ("stuck", "slow", "")
"""Paces from worst to best."""


def with_pace(connection: Connection, workers: Sequence[WorkerInfo], now: float) -> list[WorkerInfo]:
    """Return workers with the pace of their jobs at `now` (s since 1970), in at most two round trips. They are made
    only if a job runs for longer than a moment."""
    long = [worker for worker in workers if _seconds(worker, now) > rules.SLOW_SECONDS]
    times = habits.run_times(
        connection, [worker.job_queue for worker in long if worker.job_queue], now, rules.SLOW_HOURS
    )
    usual = {
        key: histogram.percentile(99) for key, histogram in times.items() if histogram.count >= rules.MIN_RUNS_OF_NAME
    }
    return [
        _judge(worker, usual.get((worker.job_queue, catalog.name_of(worker.job_function))), now) for worker in workers
    ]


def _seconds(worker: WorkerInfo, now: float) -> float:
    """Return for how long a worker's job has run; 0 without one."""
    return now - worker.job_since.timestamp() if worker.current_job and worker.job_since else 0.0


def _judge(worker: WorkerInfo, usual: float | None, now: float) -> WorkerInfo:
    ran = _seconds(worker, now)
    if worker.job_timeout is not None and ran > worker.job_timeout + rules.STUCK_GRACE_SECONDS:
        return replace(worker, job_usual=usual, pace="stuck")
    if usual is not None and ran > max(usual, rules.SLOW_SECONDS):
        return replace(worker, job_usual=usual, pace="slow")
    return replace(worker, job_usual=usual) if usual is not None else worker


def check(workers: Sequence[WorkerInfo]) -> Iterator[Finding]:
    """Report workers whose job is stuck or slow."""
    for worker in workers:
        if worker.pace:
            job = f"{worker.job_function or 'a job'} {worker.current_job}"
            if worker.pace == "stuck":
                said = f"past its time-out of {worker.job_timeout or 0:.0f} s"
            else:
                said = f"99% of its runs take at most {worker.job_usual or 0:.1f} s"
            yield Finding(
                f"{worker.pace} job",
                "degraded" if worker.pace == "stuck" else "ok",
                f"worker {worker.name} runs {job}: {said}",
                f"qctl job stop {quote(worker.current_job or '')}",
                worker.name,
                worker.job_since,
                "error" if worker.pace == "stuck" else "notice",
            )
    if not any(worker.pace == "stuck" for worker in workers):
        yield Finding("stuck job", "ok", "no job runs past its time-out")
