"""Table of workers, and details of one worker."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.details import detail_line
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE, age, count, duration, elapsed, local_time, size

if TYPE_CHECKING:
    from qctl.models import Pace, WorkerInfo
    from qctl.view.table import Style


PACE_STYLES: dict[Pace, Style] = {"": "", "slow": "warn", "stuck": "bad"}


def worker_columns(now: datetime) -> list[Column[WorkerInfo]]:
    """Return the columns of workers."""
    return [
        Column("WORKER", lambda w: Cell(escape_line(w.name)), min_width=12, whole=True),
        Column("STATE", worker_state),
        Column("QUEUES", lambda w: Cell(escape_line(", ".join(w.queues))), min_width=8),
        Column("JOB", lambda w: Cell(escape_line(w.job_function or w.current_job or NO_VALUE)), min_width=8, drop=1),
        Column("JOB ID", lambda w: Cell(escape_line(w.current_job or NO_VALUE)), min_width=8, drop=3),
        Column("FOR", lambda w: Cell(age(w.job_since, now), PACE_STYLES.get(w.pace, "")), right=True, drop=2),
        Column("TIME-OUT", lambda w: Cell(duration(w.job_timeout)), right=True, drop=2),
        Column("DONE", lambda w: Cell(count(w.finished)), right=True, drop=4),
        Column("FAILED", lambda w: Cell(count(w.failed), "warn" if w.failed else ""), right=True, drop=4),
        Column("CPU", lambda w: Cell(_processors(w)), right=True, drop=5),
        Column("MEM", lambda w: Cell(NO_VALUE if w.memory is None else size(w.memory)), right=True, drop=5),
        Column("UP", lambda w: Cell(age(w.started_at, now)), right=True, drop=6),
        Column("SEEN", lambda w: Cell(age(w.last_heartbeat, now)), right=True),
        Column("HOST", lambda w: Cell(escape_line(w.host or NO_VALUE)), min_width=8, drop=7),
        Column("PID", lambda w: Cell(NO_VALUE if w.pid is None else str(w.pid)), right=True, drop=8),
        Column("PAUSE", _pause, drop=5),
    ]


def _processors(worker: WorkerInfo) -> str:
    return NO_VALUE if worker.cpu is None else f"{worker.cpu:.0%}"


def _pause(worker: WorkerInfo) -> Cell:
    """Format whether a worker obeys pauses. A silent one starts nothing."""
    if worker.silent:
        return Cell("silent", "warn")
    return Cell("obeys") if worker.honours_pause else Cell("ignores", "warn")


def worker_state(worker: WorkerInfo) -> Cell:
    """Format RQ's state of a worker, whether its job is stuck or slow, whether it is quiet, taking no new jobs, and
    whether it is silent, or dead."""
    if worker.silent:
        return Cell("silent", "bad")
    if worker.pace:
        return Cell(escape_line(worker.pace), PACE_STYLES.get(worker.pace, ""))
    if worker.quiet is None:
        return Cell(escape_line(worker.state))
    return Cell("quiet" if worker.state == "idle" else f"{escape_line(worker.state)}, quiet", "warn")


def worker_details(worker: WorkerInfo, now: datetime) -> list[Cell]:
    """Format all details of one worker, one per line."""
    job = worker.current_job or NO_VALUE
    if worker.current_job and worker.job_since:
        job = f"{worker.current_job} {worker.job_function}, for {age(worker.job_since, now)}"
        job += f", time-out {duration(worker.job_timeout)}" if worker.job_timeout else ", no time-out"
        job += f", 99% take at most {elapsed(worker.job_usual)}" if worker.job_usual else ""
    pause = _pause(worker)
    explanation = {"ignores": ": takes jobs of paused queues", "silent": ": it died, or cannot write to Redis"}
    lines = [
        detail_line("worker", worker.name),
        detail_line("state", worker_state(worker).text, worker_state(worker).style),
        detail_line("queues", ", ".join(worker.queues)),
        detail_line("job", job, PACE_STYLES.get(worker.pace, "")),
        detail_line("host", f"{worker.host or NO_VALUE}, pid {worker.pid if worker.pid is not None else NO_VALUE}"),
        detail_line("up", f"{age(worker.started_at, now)}, since {local_time(worker.started_at, now)}"),
        detail_line("seen", f"{age(worker.last_heartbeat, now)} ago"),
        detail_line("cpu", _processors(worker)),
        detail_line("memory", NO_VALUE if worker.memory is None else size(worker.memory)),
        detail_line("done", f"{worker.finished}, {worker.failed} failed, in {duration(worker.worked)} of work"),
        detail_line("pause", pause.text + explanation.get(pause.text, ""), pause.style),
    ]
    if worker.quiet:
        lines.append(detail_line("quiet", f"{age(worker.quiet.at, now)} by {worker.quiet.by}", "warn"))
    return lines
