"""The table of workers, and the facts about one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import NOTHING, age, count, duration, fact, moment, size

if TYPE_CHECKING:
    from qctl.models import WorkerInfo
    from qctl.view.table import Style


def worker_columns(now: datetime) -> list[Column[WorkerInfo]]:
    """Columns of the table of workers."""
    return [
        Column("WORKER", lambda w: Cell(escape_line(w.name)), least=12),
        Column("STATE", worker_state),
        Column("QUEUES", lambda w: Cell(escape_line(", ".join(w.queues))), least=8),
        Column("JOB", lambda w: Cell(escape_line(w.job_function or w.current_job or NOTHING)), least=8, drop=1),
        Column("FOR", lambda w: Cell(age(w.job_since, now)), right=True, drop=2),
        Column("DONE", lambda w: Cell(count(w.finished)), right=True, drop=3),
        Column("FAILED", lambda w: Cell(count(w.failed), "warn" if w.failed else ""), right=True, drop=3),
        Column("MEM", lambda w: Cell(NOTHING if w.memory is None else size(w.memory)), right=True, drop=4),
        Column("UP", lambda w: Cell(age(w.started_at, now)), right=True, drop=5),
        Column("SEEN", lambda w: Cell(age(w.last_heartbeat, now)), right=True),
        Column("HOST", lambda w: Cell(escape_line(w.host or NOTHING)), least=8, drop=7),
        Column("PID", lambda w: Cell(NOTHING if w.pid is None else str(w.pid)), right=True, drop=8),
        Column("PAUSE", lambda w: Cell("obeys") if w.honours_pause else Cell("ignores", "warn"), drop=6),
    ]


def worker_state(worker: WorkerInfo) -> Cell:
    """What a worker is doing: RQ's word, and whether it takes nothing new."""
    if worker.quiet is None:
        return Cell(escape_line(worker.state))
    return Cell("quiet" if worker.state == "idle" else f"{escape_line(worker.state)}, quiet", "warn")


def worker_facts(worker: WorkerInfo, now: datetime) -> list[Cell]:
    """All that is known of one worker, a line each."""
    job = worker.current_job or NOTHING
    if worker.current_job and worker.job_since:
        job = f"{worker.current_job} {worker.job_function}, for {age(worker.job_since, now)}"
    obeys: tuple[str, Style] = (
        ("obeys", "") if worker.honours_pause else ("ignores: it may take jobs all the same", "warn")
    )
    facts = [
        fact("worker", worker.name),
        fact("state", worker_state(worker).text, worker_state(worker).style),
        fact("queues", ", ".join(worker.queues)),
        fact("job", job),
        fact("host", f"{worker.host or NOTHING}, pid {worker.pid if worker.pid is not None else NOTHING}"),
        fact("up", f"{age(worker.started_at, now)}, since {moment(worker.started_at, now)}"),
        fact("seen", f"{age(worker.last_heartbeat, now)} ago"),
        fact("memory", NOTHING if worker.memory is None else size(worker.memory)),
        fact("done", f"{worker.finished}, and {worker.failed} failed, in {duration(worker.worked)} of work"),
        fact("pause", *obeys),
    ]
    if worker.quiet:
        facts.append(fact("quiet", f"{age(worker.quiet.at, now)} by {worker.quiet.by}", "warn"))
    return facts
