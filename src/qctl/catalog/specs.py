"""The shape of what exists: queues, jobs, pipelines and daemons, as the catalog lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qctl.catalog.arguments import Argument

Isolation = Literal["inline", "fork"]

Priority = Literal[1, 5, 10]
"""The seed documents' levels: 1 high (alerts), 5 normal, 10 low (cleanup, maintenance)."""


@dataclass(frozen=True)
class QueueSpec:
    """A queue that qctl brings. `isolation`: `inline` runs short jobs in the worker, `fork` one child a job."""

    name: str
    purpose: str
    isolation: Isolation = "inline"


@dataclass(frozen=True)
class JobSpec:
    """A job that qctl's workers may run. `handler` is the dotted path of its function, called with the arguments by
    name; `timeout` in seconds.

    `retries` after the first run and `backoff`, the seconds before the first of them, are QUEUE_DEFAULT_ATTEMPTS and
    QUEUE_DEFAULT_BACKOFF where they are None. `isolation` is its queue's where it is None. `batch` marks a job that a
    pipeline makes: its one argument, the items, is dropped with the success, and it is not enqueued by name.
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
