"""Explains why a job does not run, and why jobs of a queue do not start, with the commands that change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from shlex import quote

from qctl import catalog
from qctl.broker.query import limits, rate_limits, server_vitals, stats_snapshot, wait_for_jobs, workers
from qctl.broker.query.job_summary import GONE
from qctl.broker.query.server_vitals import QueueVitals
from qctl.broker.redis import clock
from qctl.errors import NotFoundError
from qctl.models import Explanation, JobDetail, Limit, Pause, QueueStats, Reason, WorkerInfo
from qctl.models.limits import period_text
from qctl.ops.base import Part
from qctl.ops.one_job import OneJobOps
from qctl.quantities import clause, quantity

MAX_DEPENDENCIES = 20
"""Unfinished dependencies that are named one by one."""

OVERDUE_SECONDS = 10.0
"""Delay after which a due job counts as overdue: the scheduler moves due jobs every second."""


class ExplainOps(Part, name="explain"):
    """Reasons for the state of jobs and queues. Nothing is written."""

    def job(self, job_id: str) -> Explanation:
        """Explain the state of a job. Raises NotFoundError, with similar ids, if it does not exist."""
        detail = OneJobOps(self._redis, self._settings).show(job_id)
        state = "rate_limited" if detail.state is None and detail.status == "rate_limited" else detail.state
        return _BY_STATE.get(state or "", _ended)(self, detail)

    def queue(self, name: str) -> Explanation:
        """Explain why jobs of a queue do not start, or how fast they do. Raises NotFoundError."""
        stats = self._stats(name)
        reasons = [*self._blocks(stats), *self._limits(name)]
        if stats.abandoned:
            text = f"{clause(stats.abandoned, 'started job', 'was', 'were')} left by dead workers"
            reasons.append(Reason("abandoned", text, "qctl doctor --repair"))
        if not stats.waiting:
            return Explanation(name, None, "paused" if stats.paused else "idle", [*reasons, _nothing_waits(name)])
        if any(reason.blocks for reason in reasons):
            return Explanation(name, None, "paused" if stats.paused else "blocked", reasons)
        reasons += self._delays(stats)
        reasons.append(Reason("ahead", f"{clause(stats.waiting, 'job', 'waits', 'wait')} in queue {name}"))
        return Explanation(name, None, "running", reasons, _finite(stats.eta))

    # --- by state -----------------------------------------------------------------------------------------------

    def _queued(self, job: JobDetail) -> Explanation:
        stats = self._stats(job.queue)
        reasons = [*self._blocks(stats), *self._limits(job.queue, job)]
        is_blocked = any(reason.blocks for reason in reasons)
        if not is_blocked:
            reasons += self._delays(stats)
        ahead = job.position or 0
        text = (
            f"{clause(ahead, 'job', 'is', 'are')} ahead of it in queue {job.queue}"
            if ahead
            else "it is the next to start"
        )
        reasons.append(Reason("ahead", text))
        rate = stats.taken_rate
        starts_in = (ahead + 1) / rate if rate and not is_blocked else None
        return Explanation(job.queue, job.id, "queued", reasons, starts_in)

    def _scheduled(self, job: JobDetail) -> Explanation:
        vitals = server_vitals.read(self._redis, [job.queue]).queues[job.queue]
        now = clock.to_datetime(clock.now_ms(self._redis))
        late = (now - job.due).total_seconds() if job.due else 0.0
        reasons = []
        if late > OVERDUE_SECONDS:
            reasons.append(Reason("overdue", f"it has been due for {late:.0f} s", blocks=not vitals.scheduler))
        else:
            reasons.append(Reason("due", "it is delayed, or waits for its next retry"))
        if not vitals.scheduler:
            text = f"no scheduler serves queue {job.queue}: delayed jobs stay where they are"
            reasons.insert(0, Reason("no-scheduler", text, "qctl-scheduler", blocks=True))
        return Explanation(job.queue, job.id, "scheduled", reasons, None, job.due)

    def _deferred(self, job: JobDetail) -> Explanation:
        ids = job.dependencies[:MAX_DEPENDENCIES]
        statuses = wait_for_jobs.read_statuses(self._redis, ids)
        reasons = [_dependency(job, id_, statuses[id_].status) for id_ in ids if statuses[id_].status != "finished"]
        more = len(job.dependencies) - len(ids)
        if more:
            reasons.append(Reason("dependency", f"{clause(more, 'job', 'more is', 'more are')} needed first"))
        if not reasons:
            text = "all jobs that it runs after have finished, but nothing released it"
            reasons.append(Reason("dependency", text, "qctl doctor --repair", blocks=True))
        return Explanation(job.queue, job.id, "deferred", reasons)

    def _started(self, job: JobDetail) -> Explanation:
        living = {worker.name for worker in workers.living(self._redis)}
        if job.worker and job.worker not in living:
            text = f"worker {job.worker} ran it and has died; qctl-scheduler repairs it once its lease is over"
            fix = "qctl doctor --repair"
            return Explanation(job.queue, job.id, "started", [Reason("silent", text, fix, blocks=True)])
        fix = f"qctl job stop {quote(job.id)}"
        where = f" on worker {job.worker}" if job.worker else ""
        return Explanation(job.queue, job.id, "started", [Reason("running", f"it runs{where}", fix)])

    def _dead(self, job: JobDetail) -> Explanation:
        is_quarantined = job.state == "quarantined"
        if job.error == GONE:
            reason = Reason("gone", f"{GONE}; only its entry is left", "qctl doctor --repair", blocks=True)
            return Explanation(job.queue, job.id, str(job.state), [reason])
        why = job.note if is_quarantined else job.error
        text = f"it failed and waits for a decision: {why}" if why else "it failed and waits for a decision"
        reason = Reason("quarantined" if is_quarantined else "dead", text, f"qctl retry {quote(job.id)}", blocks=True)
        return Explanation(job.queue, job.id, str(job.state), [reason])

    def _rate_limited(self, job: JobDetail) -> Explanation:
        limit = rate_limits.of_job(self._redis, job.id)
        if limit is None:
            text = "it waits for a rate limit that its data no longer names"
            return Explanation(job.queue, job.id, "rate_limited", [Reason("rate-limit", text, blocks=True)])
        text = (
            f"its rate limit {limit.key!r} allows {limit.concurrency} at a time: "
            f"{clause(limit.running, 'job', 'holds', 'hold')} a place, "
            f"{clause(limit.waiting, 'job', 'waits', 'wait')} for one"
        )
        return Explanation(job.queue, job.id, "rate_limited", [Reason("rate-limit", text)])

    def _canceled(self, job: JobDetail) -> Explanation:
        reason = Reason("ended", "it was canceled: it runs only if it is retried", f"qctl retry {quote(job.id)}", True)
        return Explanation(job.queue, job.id, "canceled", [reason])

    # --- reasons of a queue -------------------------------------------------------------------------------------

    def _stats(self, name: str) -> QueueStats:
        found = stats_snapshot.stats(self._redis, [name]).queues
        if not found:
            known = stats_snapshot.queue_names(self._redis)
            raise NotFoundError.with_suggestions(
                f"queue {name!r} not found", name, known, "list queues with: qctl stats"
            )
        return found[0]

    def _blocks(self, stats: QueueStats) -> Iterator[Reason]:
        """Reasons for which no job of the queue starts, the most decisive first."""
        vitals = server_vitals.read(self._redis, [stats.name])
        if vitals.suspended:
            yield Reason("suspended", "all workers are suspended by `rq suspend`", "rq resume", blocks=True)
        if stats.paused:
            yield _paused(stats.paused)
        yield from _sink(stats.name, vitals.queues[stats.name])
        listeners = workers.listening(self._redis, [stats.name])
        if not listeners:
            text = f"no worker listens to queue {stats.name}"
            yield Reason("no-worker", text, f"qctl-worker {quote(stats.name)}", blocks=True)
        elif all(worker.quiet for worker in listeners):
            fix = f"qctl worker resume {quote(listeners[0].name)}"
            yield Reason("quiet", f"{_each(listeners)} is quiet: it takes no new job", fix, blocks=True)
        elif all(worker.silent or worker.quiet for worker in listeners):
            text = f"{_each(listeners)} has died, or cannot write to Redis"
            yield Reason("silent", text, "qctl worker list", blocks=True)

    def _limits(self, queue: str, job: JobDetail | None = None) -> Iterator[Reason]:
        """Limits of the queue, and of the job's name and owner, that are reached."""
        names = {("queue", catalog.base_queue(queue))}
        if job is not None:
            names |= {("job", catalog.name_of(job.function)), ("owner", job.owner or "")}
        for limit in limits.read(self._redis):
            if (limit.scope, limit.name) in names and limit.is_reached:
                yield _limit(limit)

    def _delays(self, stats: QueueStats) -> Iterator[Reason]:
        """Reasons for which jobs of the queue start late."""
        listeners = [worker for worker in workers.listening(self._redis, [stats.name]) if not worker.quiet]
        before = _queues_before(stats.name, listeners)
        depths = (
            {queue.name: queue.waiting for queue in stats_snapshot.stats(self._redis, before).queues} if before else {}
        )
        for name in before:
            if depths.get(name):
                text = f"every worker serves queue {name} first, where {clause(depths[name], 'job', 'waits', 'wait')}"
                yield Reason("other-queues", text, f"qctl-worker {quote(stats.name)}")
        busy = [worker for worker in listeners if worker.current_job]
        if len(busy) == len(listeners):
            number = "its worker is" if len(busy) == 1 else f"all {len(busy)} workers are"
            yield Reason("busy", f"{number} running other jobs", "qctl worker list")


def _paused(pause: Pause) -> Reason:
    why = f": {pause.reason}" if pause.reason else ""
    until = f", until {pause.until:%Y-%m-%d %H:%M} UTC" if pause.until else ""
    text = f"queue {pause.queue} is paused by {pause.by} since {pause.at:%Y-%m-%d %H:%M} UTC{until}{why}"
    return Reason("paused", text, f"qctl resume {quote(pause.queue)}", blocks=True)


def _limit(limit: Limit) -> Reason:
    option = quote(limit.name) if limit.scope == "queue" else f"--{limit.scope} {quote(limit.name)}"
    if limit.dark_until:
        windows = f"{limit.blackout} ({limit.zone})"
        text = f"{limit.scope} {limit.name} has a blackout, {windows}, until {limit.dark_until:%Y-%m-%d %H:%M} UTC"
        return Reason("limit", text, f"qctl limit set {option} --blackout none", blocks=True)
    if limit.is_pause:
        why = f": {limit.reason}" if limit.reason else ""
        text = f"{limit.scope} {limit.name} is paused by a limit of 0 that {limit.by} set{why}"
        return Reason("limit", text, f"qctl limit clear {option}", blocks=True)
    uses = [f"{limit.started} of {limit.rate}/{period_text(limit.seconds)} started"] if limit.rate is not None else []
    uses += [f"{limit.running} of {limit.concurrency} run"] if limit.concurrency is not None else []
    text = f"the limit of {limit.scope} {limit.name} is reached: {', '.join(uses)}"
    return Reason("limit", text, f"qctl limit clear {option}")


def _sink(queue: str, vitals: QueueVitals) -> Iterator[Reason]:
    if vitals.sink_down:
        text = f"the database that queue {queue} writes to did not take the last {quantity(vitals.sink_down, 'batch')}"
        yield Reason("sink-down", text, "qctl ingest status")


def _queues_before(queue: str, listeners: Sequence[WorkerInfo]) -> list[str]:
    """Queues that every listening worker serves before this one."""
    family = {queue, catalog.base_queue(queue)}
    before = [
        {name for name in worker.queues[: worker.queues.index(queue)] if name not in family}
        for worker in listeners
        if queue in worker.queues
    ]
    return sorted(set.intersection(*before)) if before else []


def _dependency(job: JobDetail, id_: str, status: str) -> Reason:
    if status == "gone":
        text = f"it runs after job {id_}, which no longer exists: nothing will release it"
        return Reason("dependency", text, f"qctl job cancel {quote(job.id)}", blocks=True)
    if status in ("failed", "stopped", "canceled"):
        text = (
            f"it runs after job {id_}, which was {status}"
            if status != "failed"
            else f"it runs after job {id_}, which failed"
        )
        return Reason("dependency", text, f"qctl retry {quote(id_)}", blocks=True)
    return Reason("dependency", f"it runs after job {id_}, which is {status}", f"qctl job explain {quote(id_)}")


def _ended(_: ExplainOps, job: JobDetail) -> Explanation:
    if job.trash:
        text = f"it is in trash batch {job.trash}"
        reason = Reason("trash", text, f"qctl trash restore {quote(job.trash)}", blocks=True)
        return Explanation(job.queue, job.id, "trash", [reason])
    if job.status in ("finished", "stopped"):
        return Explanation(job.queue, job.id, job.status, [Reason("ended", f"it has {job.status}")])
    text = job.note or f"its status is {job.status or 'missing'}, and no queue lists it: nothing will run it"
    fix = "qctl doctor --repair"
    return Explanation(job.queue, job.id, job.status, [Reason("unlisted", text, fix, blocks=True)])


def _nothing_waits(queue: str) -> Reason:
    return Reason("empty", f"no job waits in queue {queue}")


def _each(listeners: Sequence[WorkerInfo]) -> str:
    return "its worker" if len(listeners) == 1 else f"each of its {len(listeners)} workers"


def _finite(seconds: float | None) -> float | None:
    return seconds if seconds is not None and seconds != float("inf") else None


_BY_STATE: dict[str, Callable[[ExplainOps, JobDetail], Explanation]] = {
    "queued": ExplainOps._queued,
    "scheduled": ExplainOps._scheduled,
    "deferred": ExplainOps._deferred,
    "started": ExplainOps._started,
    "failed": ExplainOps._dead,
    "quarantined": ExplainOps._dead,
    "canceled": ExplainOps._canceled,
    "rate_limited": ExplainOps._rate_limited,
}
