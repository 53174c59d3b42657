"""Entries of the catalog: queues, jobs, pipelines and daemons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qctl.catalog.arguments import Argument

Isolation = Literal["inline", "fork"]

Priority = Literal[1, 5, 10]
"""Priority levels: 1 high (alerts), 5 normal, 10 low (cleanup, maintenance). See docs/compatibility.md."""


Access = Literal["user", "member", "operator", "internal"]
"""Lowest role that may request a job over HTTP: any user, members of the business that the job names, operators, or
nobody (qctl creates it)."""


@dataclass(frozen=True)
class QueueSpec:
    """A queue of qctl. `isolation`: `inline` runs short jobs in the worker, `fork` runs each job in a child process."""

    name: str
    purpose: str
    isolation: Isolation = "inline"


@dataclass(frozen=True)
class JobSpec:
    """A job that qctl's workers may run. `handler`: the dotted path of its function, called with keyword arguments.

    `timeout`: seconds. `retries`: automatic retries after the first run, by default QUEUE_DEFAULT_ATTEMPTS. `backoff`:
    seconds before the first retry, by default QUEUE_DEFAULT_BACKOFF. `isolation`: by default that of its queue.
    `batch`: a job that a pipeline creates; its only argument, the items, is deleted when it succeeds, and it cannot be
    enqueued by name. `access`: who may request it over HTTP. None, for declared jobs only: operators, and users if
    QCTL_GATEWAY_JOBS names it.
    """

    name: str
    handler: str
    queue: str
    arguments: tuple[Argument, ...] = ()
    priority: Priority = 5
    retries: int | None = None
    backoff: float | None = None
    timeout: int = 180
    isolation: Isolation | None = None
    batch: bool = False
    doc: str = ""
    access: Access | None = None


@dataclass(frozen=True)
class PipelineSpec:
    """A path from a source through a buffer to a sink.

    `batch_job` writes a batch. `raw_job` processes one message that was rejected, so that its dead letter can be
    retried once the cause is fixed.
    """

    name: str
    queue: str
    batch_job: str
    raw_job: str


@dataclass(frozen=True)
class DaemonSpec:
    """A process that runs until it is stopped. `command`: the program and its arguments. `extra`: the extra of qctl
    that it needs, if any."""

    name: str
    command: tuple[str, ...]
    purpose: str
    extra: str = ""
