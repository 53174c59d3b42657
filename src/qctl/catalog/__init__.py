"""The catalog: the queues, jobs, pipelines and daemons that come with qctl, and the jobs that applications declare.

Handlers are named by dotted path, not imported, so that reading the catalog is cheap and imports no higher layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qctl.catalog import builtin, declared
from qctl.catalog.specs import DaemonSpec, Isolation, JobSpec, PipelineSpec, Priority, QueueSpec
from qctl.errors import NotFoundError, SettingsError, UsageError

LANES = ("high", "", "low")
"""Lanes of a queue in claim order: `email.high`, `email`, `email.low`."""

_LANE_OF: dict[Priority, str] = {1: "high", 5: "", 10: "low"}

QUEUES = {
    spec.name: spec
    for spec in (
        QueueSpec("sensor-data", "batches of device readings for the time-series sink"),
        QueueSpec("socket-data", "batches of Socket.IO messages for the database"),
        QueueSpec("email", "emails to users"),
        QueueSpec("inventory", "stock synchronisation, updates and checks"),
        QueueSpec("report", "report generation and cleanup", "fork"),
        QueueSpec("file", "file imports and exports", "fork"),
        QueueSpec("message", "chat message storage and delivery"),
        QueueSpec("notification", "notifications in the app, by webhook, ntfy, push or email"),
    )
}

JOBS = {spec.name: spec for spec in builtin.JOBS}

PIPELINES = {
    spec.name: spec
    for spec in (
        PipelineSpec("readings", "sensor-data", "write-readings", "ingest-reading"),
        PipelineSpec("messages", "socket-data", "write-messages", "ingest-message"),
    )
}

DAEMONS = {
    spec.name: spec
    for spec in (
        DaemonSpec("mqtt-bridge", ("qctl-mqtt-bridge",), "MQTT devices -> Redis buffer -> batch jobs", "mqtt"),
        DaemonSpec(
            "socket-batcher", ("qctl-socket-batcher",), "Socket.IO clients -> Redis buffer -> batch jobs", "socketio"
        ),
        DaemonSpec("gateway", ("qctl-gateway",), "HTTP API: jobs for users, queues for operators", "gateway"),
        DaemonSpec("worker-sensor-data", ("qctl-worker", "sensor-data"), "batch jobs -> InfluxDB or SQLite"),
        DaemonSpec("worker-socket-data", ("qctl-worker", "socket-data"), "batch jobs -> MySQL, MongoDB or SQLite"),
        DaemonSpec("worker-prompt", ("qctl-worker", "message", "notification", "email"), "short jobs"),
        DaemonSpec("worker-heavy", ("qctl-worker", "inventory", "report", "file"), "long jobs"),
        DaemonSpec("scheduler", ("qctl-scheduler",), "delayed jobs, retries, cron entries, history, housekeeping"),
    )
}

HANDLERS = frozenset(spec.handler for spec in JOBS.values())
"""Dotted paths that a worker may run without an entry in QCTL_ALLOWED_JOBS."""

FORMER_HANDLERS = {
    "qctl.jobs.message.process_message": "qctl.jobs.chat.process_message",
    "qctl.jobs.messages.ingest_message": "qctl.jobs.message_batches.ingest_message",
    "qctl.jobs.messages.write_messages": "qctl.jobs.message_batches.write_messages",
    "qctl.jobs.readings.ingest_reading": "qctl.jobs.reading_batches.ingest_reading",
    "qctl.jobs.readings.write_readings": "qctl.jobs.reading_batches.write_readings",
}
"""Aliases of handlers: dotted paths that earlier versions stored in Redis, and the current paths."""


REPLACEABLE_JOBS = frozenset({"simulate"})
"""Jobs whose names applications may use for jobs of their own, which then take their place."""


def jobs(modules: Sequence[str] = ()) -> dict[str, JobSpec]:
    """All jobs by name: qctl's own and those that applications declare with `@job`. Imports `modules` first.

    Raises SettingsError if a module cannot be imported, or if a job has the name of one of qctl's.
    """
    others = declared.load(modules)
    for name in others.keys() & JOBS.keys() - REPLACEABLE_JOBS:
        raise SettingsError("QCTL_JOBS_MODULES", f"{others[name].handler}: the job name {name!r} is reserved by qctl")
    return {**JOBS, **others}


def declared_queues(jobs: Mapping[str, JobSpec], default_job: str | None) -> list[str]:
    """The queues of the jobs that applications declare, and of the default job, that no worker of qctl's own serves."""
    wanted = [spec.queue for name, spec in jobs.items() if name == default_job or JOBS.get(name) is not spec]
    return [queue for queue in dict.fromkeys(wanted) if base_queue(queue) not in QUEUES]


def pipelines(names: Sequence[str] = ()) -> list[PipelineSpec]:
    """Pipelines by name or by the name of their queue, without duplicates; all pipelines if `names` is empty.

    Raises NotFoundError.
    """
    by_queue = {spec.queue: spec for spec in PIPELINES.values()}
    chosen: dict[str, PipelineSpec] = {}
    for name in names:
        spec = PIPELINES.get(name) or by_queue.get(name)
        if spec is None:
            known = f"the pipelines are {' and '.join(PIPELINES)}"
            raise NotFoundError.with_suggestions(f"pipeline {name!r} not found", name, PIPELINES, known)
        chosen[spec.name] = spec
    return list(chosen.values() or PIPELINES.values())


def current_handler(handler: str) -> str:
    """Resolve a handler path that an earlier version may have written to the current path of that function."""
    return FORMER_HANDLERS.get(handler, handler)


def name_of(handler: str) -> str:
    """The name of the job with this handler, or the handler itself if no job has it."""
    handler = current_handler(handler)
    return next((spec.name for spec in (*JOBS.values(), *declared.JOBS.values()) if spec.handler == handler), handler)


def base_queue(queue: str) -> str:
    """The queue that a lane belongs to: `email` for `email.high`, `email` and `email.low`."""
    for lane in LANES:
        if lane and queue.endswith(f".{lane}"):
            return queue[: -len(lane) - 1]
    return queue


def lanes(queue: str) -> tuple[str, ...]:
    """The queue and its lanes in claim order."""
    return tuple(f"{queue}.{lane}" if lane else queue for lane in LANES)


def lane(queue: str, priority: int) -> str:
    """The lane of a queue for a priority: 1 to 3 high, 4 to 7 normal, 8 to 10 low. Raises UsageError for any other."""
    if isinstance(priority, bool) or priority not in range(1, 11):
        raise UsageError(f"priority {priority!r} is not between 1 (high) and 10 (low)")
    name = _LANE_OF[1 if priority < 4 else 5 if priority < 8 else 10]
    return f"{queue}.{name}" if name else queue


def claim_order(queues: Iterable[str], jobs: Mapping[str, JobSpec] = JOBS) -> tuple[str, ...]:
    """The queues that a worker of `queues` claims from, in order; queues of catalog jobs are expanded to their lanes.

    The high lanes of all queues come before every normal lane, so that an alert never waits for bulk work of another
    queue.
    """
    known = QUEUES.keys() | {spec.queue for spec in jobs.values()}
    listed = [lanes(queue) if queue in known else ("", queue, "") for queue in dict.fromkeys(queues)]
    return tuple(dict.fromkeys(name for rank in range(len(LANES)) for by_lane in listed if (name := by_lane[rank])))


def isolation(queues: Iterable[str], jobs: Mapping[str, JobSpec] = JOBS) -> Isolation:
    """Isolation for a worker of these queues: `inline` if all their jobs are known to be short, else `fork`."""
    for queue in map(base_queue, queues):
        wanted = {spec.isolation for spec in jobs.values() if spec.queue == queue}
        default = QUEUES[queue].isolation if queue in QUEUES else "fork"
        if "fork" in wanted or (default == "fork" and (None in wanted or not wanted)):
            return "fork"
    return "inline"
