"""Documents about metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from qctl.cli.documents.document import DURATION_FIELDS, Document, durations, share, single, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import DeliveryDay, Names, NameStats, Series, Step

_RUN_COLUMNS = tuple(f"run.{field}" for field in DURATION_FIELDS)


def stats_names(names: Names) -> Document:
    """`qctl stats --names`."""
    columns = ("queue", "name", "waiting", "finished", "failed", "error_rate", *_RUN_COLUMNS)
    head = {
        "at": time(names.at),
        "since_seconds": names.seconds,
        "sampled": names.sampled,
        "waiting": names.waiting,
    }
    return Document("qctl.stats.names/1", "name", columns, head, "jobs", [_name(job) for job in names.jobs])


def _name(job: NameStats) -> Record:
    return {
        "queue": job.queue,
        "name": job.name,
        "waiting": job.waiting,
        "finished": job.finished,
        "failed": job.failed,
        "error_rate": share(job.error_rate),
        "run": durations(job.runs),
    }


def metrics_reset() -> Document:
    """`qctl metrics reset`."""
    return single("qctl.metrics.reset/1", "reset", {"reset": True})


def metrics_chat(days: Sequence[DeliveryDay]) -> Document:
    """`qctl metrics chat`."""
    records = [asdict(day) for day in days]
    return Document("qctl.metrics.chat/1", "day", ("day", "sent", "delivered", "read"), {}, "days", records)


def metrics_show(series: Series) -> Document:
    """`qctl metrics show`."""
    columns = (
        *("at", "depth", "arrived", "taken", "finished", "failed", "retried", "dead", "error_rate"),
        *(f"wait.{field}" for field in DURATION_FIELDS),
        *_RUN_COLUMNS,
    )
    head = {"queues": list(series.queues), "step_seconds": series.step}
    return Document("qctl.metrics.show/1", "at", columns, head, "steps", [_step(step) for step in series.steps])


def _step(step: Step) -> Record:
    return {
        "at": time(step.at),
        "depth": step.depth,
        "arrived": step.arrived,
        "taken": step.taken,
        "finished": step.finished,
        "failed": step.failed,
        "retried": step.retried,
        "dead": step.dead,
        "error_rate": share(step.error_rate),
        "wait": durations(step.waits),
        "run": durations(step.runs),
    }
