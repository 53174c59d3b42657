"""What exists: the queues, jobs, pipelines and daemons that qctl itself brings.

Handlers are named, not imported, so that reading the catalog costs nothing and the layers above stay above.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qctl.catalog import builtin, declared
from qctl.catalog.specs import DaemonSpec, Isolation, JobSpec, PipelineSpec, Priority, QueueSpec
from qctl.errors import NotFoundError, SettingsError, UsageError

LANES = ("high", "", "low")
"""Lanes of a queue in the order a worker takes them: `email.high`, `email`, `email.low`."""

_LANE_OF: dict[Priority, str] = {1: "high", 5: "", 10: "low"}

QUEUES = {
    spec.name: spec
    for spec in (
        QueueSpec("sensor-data", "batches of device readings on their way to the time-series sink"),
        QueueSpec("socket-data", "batches of Socket.IO clients' messages on their way to the database"),
        QueueSpec("email", "mails to people"),
        QueueSpec("inventory", "stock: synchronised, updated and checked"),
        QueueSpec("report", "reports made and cleaned up", "fork"),
        QueueSpec("file", "imports and exports of files", "fork"),
        QueueSpec("message", "chat messages: stored and delivered"),
        QueueSpec("notification", "notes to receivers: in the app, by webhook, by mail"),
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
        DaemonSpec("mqtt-bridge", ("qctl-mqtt-bridge",), "MQTT devices -> Redis buffer -> batch jobs"),
        DaemonSpec("socket-batcher", ("qctl-socket-batcher",), "Socket.IO clients -> Redis buffer -> batch jobs"),
        DaemonSpec("gateway", ("qctl-gateway",), "HTTP: users and their jobs, queues for operators"),
        DaemonSpec("worker-sensor-data", ("qctl-worker", "sensor-data"), "batch jobs -> InfluxDB or SQLite"),
        DaemonSpec("worker-socket-data", ("qctl-worker", "socket-data"), "batch jobs -> MySQL, MongoDB or SQLite"),
        DaemonSpec("worker-prompt", ("qctl-worker", "message", "notification", "email"), "short jobs"),
        DaemonSpec("worker-heavy", ("qctl-worker", "inventory", "report", "file"), "long jobs"),
        DaemonSpec("scheduler", ("qctl-scheduler",), "delayed jobs, retries, cron entries, history, housekeeping"),
    )
}

HANDLERS = frozenset(spec.handler for spec in JOBS.values())
"""Dotted paths that a worker may run without QCTL_ALLOWED_JOBS."""

FORMER_HANDLERS = {
    "qctl.jobs.message.process_message": "qctl.jobs.chat.process_message",
    "qctl.jobs.messages.ingest_message": "qctl.jobs.message_batches.ingest_message",
    "qctl.jobs.messages.write_messages": "qctl.jobs.message_batches.write_messages",
    "qctl.jobs.readings.ingest_reading": "qctl.jobs.reading_batches.ingest_reading",
    "qctl.jobs.readings.write_readings": "qctl.jobs.reading_batches.write_readings",
}
"""Dotted paths that jobs of earlier versions carry in Redis, with the paths of those functions today."""


def jobs(modules: Sequence[str] = ()) -> dict[str, JobSpec]:
    """Every job there is: qctl's own, and those that were declared here or are in these modules, which are imported.

    Raises SettingsError where a module cannot be imported, or a job takes the name of one of qctl's.
    """
    others = declared.load(modules)
    for name in others.keys() & JOBS.keys():
        raise SettingsError("QCTL_JOBS_MODULES", f"{others[name].handler} takes {name}, the name of a job of qctl")
    return {**JOBS, **others}


def pipelines(names: Sequence[str] = ()) -> list[PipelineSpec]:
    """The pipelines of these names, or of the queues behind them, each once; all where none is named. Raises
    NotFoundError."""
    by_queue = {spec.queue: spec for spec in PIPELINES.values()}
    chosen: dict[str, PipelineSpec] = {}
    for name in names:
        spec = PIPELINES.get(name) or by_queue.get(name)
        if spec is None:
            known = f"there are {' and '.join(PIPELINES)}"
            raise NotFoundError.guessing(f"there is no pipeline {name}", name, PIPELINES, known)
        chosen[spec.name] = spec
    return list(chosen.values() or PIPELINES.values())


def current_handler(handler: str) -> str:
    """The dotted path of a job's function today, for a path that an earlier version may have written."""
    return FORMER_HANDLERS.get(handler, handler)


def name_of(handler: str) -> str:
    """The name of the job that runs this function; the function's own if none does."""
    handler = current_handler(handler)
    return next((spec.name for spec in (*JOBS.values(), *declared.JOBS.values()) if spec.handler == handler), handler)


def family(queue: str) -> str:
    """The queue whose lane this is: `email` for `email.high`, `email` and `email.low`."""
    for lane in LANES:
        if lane and queue.endswith(f".{lane}"):
            return queue[: -len(lane) - 1]
    return queue


def lanes(queue: str) -> tuple[str, ...]:
    """The queue and its lanes, in the order a worker takes them."""
    return tuple(f"{queue}.{lane}" if lane else queue for lane in LANES)


def lane(queue: str, priority: int) -> str:
    """The lane of a queue for a priority: 1 high, 5 normal, 10 low. Raises UsageError for any other."""
    for level, name in _LANE_OF.items():
        if level == priority:
            return f"{queue}.{name}" if name else queue
    raise UsageError(f"priority {priority!r} is not 1 (high), 5 (normal) or 10 (low)")


def takes(queues: Iterable[str], jobs: Mapping[str, JobSpec] = JOBS) -> tuple[str, ...]:
    """The queues a worker of `queues` takes from: of those that `jobs` go to the lanes too.

    The high lanes of all come before what is normal of any, so that an alert waits for no bulk of another queue.
    """
    known = QUEUES.keys() | {spec.queue for spec in jobs.values()}
    listed = [lanes(queue) if queue in known else ("", queue, "") for queue in dict.fromkeys(queues)]
    return tuple(dict.fromkeys(name for rank in range(len(LANES)) for each in listed if (name := each[rank])))


def isolation(queues: Iterable[str], jobs: Mapping[str, JobSpec] = JOBS) -> Isolation:
    """How a worker of these queues runs jobs: in a child each, unless every job it may get is known as a short one."""
    for queue in map(family, queues):
        wanted = {spec.isolation for spec in jobs.values() if spec.queue == queue}
        default = QUEUES[queue].isolation if queue in QUEUES else "fork"
        if "fork" in wanted or (default == "fork" and (None in wanted or not wanted)):
            return "fork"
    return "inline"
