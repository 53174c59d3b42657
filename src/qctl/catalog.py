"""What exists: the queues, jobs, pipelines and daemons that qctl itself brings.

Handlers are named, not imported, so that reading the catalog costs nothing and the layers above stay above.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Isolation = Literal["inline", "fork"]

LANES = ("high", "", "low")
"""Lanes of a queue in the order a worker takes them: `email.high`, `email`, `email.low`."""


@dataclass(frozen=True)
class QueueSpec:
    """A queue that qctl brings. `isolation`: `inline` runs short jobs in the worker, `fork` one child a job."""

    name: str
    purpose: str
    isolation: Isolation = "inline"


@dataclass(frozen=True)
class JobSpec:
    """A job that qctl's workers may run. `handler` is the dotted path of its function; `timeout` in seconds."""

    name: str
    handler: str
    queue: str
    timeout: int = 180


@dataclass(frozen=True)
class PipelineSpec:
    """One way from a source through a buffer to a sink.

    `batch_job` writes a batch; `raw_job` takes one message that was refused, so that a dead letter can be
    retried after the cause is mended.
    """

    name: str
    queue: str
    batch_job: str
    raw_job: str


@dataclass(frozen=True)
class DaemonSpec:
    """A process that runs for ever. `command` is its program with arguments."""

    name: str
    command: tuple[str, ...]
    purpose: str


QUEUES = {
    spec.name: spec
    for spec in (QueueSpec("sensor-data", "batches of device readings on their way to the time-series sink"),)
}

JOBS = {
    spec.name: spec
    for spec in (
        JobSpec("write-readings", "qctl.jobs.readings.write_readings", "sensor-data"),
        JobSpec("ingest-reading", "qctl.jobs.readings.ingest_reading", "sensor-data"),
    )
}

PIPELINES = {
    spec.name: spec for spec in (PipelineSpec("readings", "sensor-data", "write-readings", "ingest-reading"),)
}

DAEMONS = {
    spec.name: spec
    for spec in (
        DaemonSpec("mqtt-bridge", ("qctl-mqtt-bridge",), "MQTT devices -> Redis buffer -> batch jobs"),
        DaemonSpec("worker-sensor-data", ("qctl-worker", "sensor-data"), "batch jobs -> InfluxDB or SQLite"),
        DaemonSpec("scheduler", ("qctl-scheduler",), "delayed jobs, retries, housekeeping"),
    )
}

HANDLERS = frozenset(spec.handler for spec in JOBS.values())
"""Dotted paths that a worker may run without QCTL_ALLOWED_JOBS."""


def family(queue: str) -> str:
    """The queue whose lane this is: `email` for `email.high`, `email` and `email.low`."""
    for lane in LANES:
        if lane and queue.endswith(f".{lane}"):
            return queue[: -len(lane) - 1]
    return queue


def lanes(queue: str) -> tuple[str, ...]:
    """The queue and its lanes, in the order a worker takes them."""
    return tuple(f"{queue}.{lane}" if lane else queue for lane in LANES)


def takes(queue: str) -> tuple[str, ...]:
    """The queues a worker of `queue` takes from: with its lanes where it is one of the catalog's."""
    return lanes(queue) if queue in QUEUES else (queue,)
