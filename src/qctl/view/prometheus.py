"""What was measured, in the text format of Prometheus.

The names after `qctl_` are those of the fourth seed document (`queuecraft_jobs_total`, ...); what it counts by a key
that expires after a day is counted for ever here. Names of queues and topics come from outside: they are made inert.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from qctl.safe import escape_line
from qctl.view.values import PERCENTILES

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from qctl.histogram import Histogram
    from qctl.models import Metrics, PipelineStatus, QueueStats, TopicStatus

PREFIX = "qctl_"

EVER = {
    "finished": "Runs that succeeded in qctl's workers",
    "failed": "Runs that failed in qctl's workers",
    "retried": "Retries by policy",
    "dead": "Jobs that became dead letters",
}

JOBS: dict[str, tuple[Literal["gauge", "counter"], str]] = {
    "jobs:total": ("gauge", "Jobs submitted: runs that succeeded, and jobs that are not done"),
    "jobs:pending": ("gauge", "Jobs that wait, are scheduled or deferred"),
    "jobs:running": ("gauge", "Jobs that run"),
    "jobs:completed": ("counter", EVER["finished"]),
    "jobs:failed": ("counter", EVER["failed"]),
    "jobs:retries": ("counter", EVER["retried"]),
    "jobs:dlq": ("gauge", "Dead letters, and jobs in quarantine"),
    "jobs:success_rate": ("gauge", "Percent of all runs that succeeded"),
    "jobs:failure_rate": ("gauge", "Percent of all runs that failed"),
    "rate_limit:hits": ("counter", "Jobs that an owner's limit refused"),
}
"""The seed document's numbers of all jobs, by its names."""

GAUGES: dict[str, tuple[str, Callable[[QueueStats], float | None]]] = {
    "depth": ("Jobs that wait", lambda q: q.waiting),
    "latency_seconds": (
        "Age of the oldest waiting job; 0 where none waits",
        lambda q: q.oldest_age if q.waiting else 0,
    ),
    "arrivals_per_second": ("Jobs that come, over the last minute", lambda q: q.in_rate),
    "finished_per_second": ("Runs that succeed, over the last minute", lambda q: q.out_rate),
    "error_ratio": ("Share of the runs of the last 5 minutes that failed", lambda q: q.error_rate),
    "memory_bytes": ("What the waiting jobs take, estimated", lambda q: q.memory),
    "workers": ("Living workers that take from it", lambda q: q.workers),
}
"""Of each queue that can be read; left out where it is not known."""

PIPELINE: dict[str, tuple[Literal["gauge", "counter"], str, Callable[[PipelineStatus], float | None]]] = {
    "buffer_items": ("gauge", "Items that no batch has taken yet", lambda p: p.depth),
    "buffer_age_seconds": ("gauge", "Age of the oldest of them; 0 where there is none", lambda p: p.oldest_age or 0.0),
    "ingest_received": ("counter", "Items taken into the buffer", lambda p: p.received),
    "ingest_batched": ("counter", "Items that became part of a batch", lambda p: p.cut),
    "ingest_rejected": ("counter", "Messages and rows that were refused", lambda p: p.rejected),
    "ingest_sessions_lost": ("counter", "Sessions that a broker forgot", lambda p: p.sessions_lost),
    "ingest_received_per_second": ("gauge", "Items taken in, over the last minute", lambda p: p.rate),
    "ingest_batches": ("gauge", "Batches that wait or are being written", lambda p: p.batches),
    "ingest_lag_seconds": ("gauge", "Age of the oldest item that is not written yet", lambda p: p.lag),
}
"""Of each pipeline; left out where it is not known."""

TOPIC: dict[str, tuple[str, Callable[[TopicStatus], float | None]]] = {
    "topic_received_per_second": ("Messages of the busiest topics, over the last minute", lambda t: t.rate),
    "topic_lag_seconds": ("From the measurement to the receipt of the last reading", lambda t: t.lag),
}

STATES = ("waiting", "running", "scheduled", "deferred", "finished", "dead")


def exposition(found: Metrics | None, *, also: str = "") -> str:
    """The text that Prometheus scrapes, or that its node exporter picks up as a file. None: Redis does not answer.

    `also` is a second prefix, under which the numbers of all jobs are told too.
    """
    from prometheus_client import CollectorRegistry, generate_latest  # 40 ms, for one command

    registry = CollectorRegistry()
    registry.register(_Collector(found, also))
    return generate_latest(registry).decode()


def job_totals(found: Metrics) -> dict[str, float]:
    """The numbers of all jobs, by the names of `JOBS`. Without any run there are no rates."""
    totals = found.stats.totals
    ever = {what: sum(counts.get(what, 0) for counts in found.ever.values()) for what in EVER}
    runs = ever["finished"] + ever["failed"]
    numbers: dict[str, float] = {
        "jobs:total": ever["finished"] + totals.pending + totals.running + totals.failed,
        "jobs:pending": totals.pending,
        "jobs:running": totals.running,
        "jobs:completed": ever["finished"],
        "jobs:failed": ever["failed"],
        "jobs:retries": ever["retried"],
        "jobs:dlq": totals.failed,
        "rate_limit:hits": found.refused,
    }
    if not runs:
        return numbers
    return {
        **numbers,
        "jobs:success_rate": 100 * ever["finished"] / runs,
        "jobs:failure_rate": 100 * ever["failed"] / runs,
    }


class _Collector:
    """What the library asks for families of metrics."""

    def __init__(self, found: Metrics | None, also: str) -> None:
        self._found = found
        self._prefixes = (PREFIX, also) if also else (PREFIX,)
        self._labels: dict[str, str] = {}
        self._taken: set[str] = set()

    def collect(self) -> Iterator[Metric]:
        """Every family."""
        yield self._gauge("redis_up", "1 where Redis answers", int(self._found is not None))
        if self._found is not None:
            yield from self._redis(self._found)
            yield from self._jobs(self._found)
            yield from self._queues(self._found.stats.queues)
            yield from self._data(self._found)
            for what, help in EVER.items():
                yield self._ever(what, help, self._found)

    # --- all queues together ---

    def _redis(self, found: Metrics) -> Iterator[Metric]:
        yield self._gauge("redis_rtt_seconds", "How long Redis takes to answer a ping", found.rtt)
        yield self._gauge("redis_memory_bytes", "Memory that Redis uses", found.memory)
        yield self._gauge(
            "redis_memory_limit_bytes", "Memory that Redis may use; 0 without a limit", found.memory_limit
        )
        yield self._gauge("workers", "Living workers", len(found.workers))

    def _jobs(self, found: Metrics) -> Iterator[Metric]:
        """The seed document's."""
        numbers = job_totals(found)
        for prefix in self._prefixes:
            for name, (kind, help) in JOBS.items():
                known: list[tuple[list[str], float]] = [([], numbers[name])] if name in numbers else []
                yield self._family(kind, name.replace(":", "_"), help, [], known, prefix)

    def _gauge(self, name: str, help: str, value: float | None) -> Metric:
        return self._family("gauge", name, help, [], [] if value is None else [([], value)])

    # --- each queue ---

    def _queues(self, queues: list[QueueStats]) -> Iterator[Metric]:
        good = [queue for queue in queues if not queue.error]
        up = (([self._label(queue.name)], int(not queue.error)) for queue in queues)
        yield self._family("gauge", "queue_up", "1 where the queue can be read", ["queue"], up)
        paused = (([self._label(queue.name)], int(queue.paused is not None)) for queue in queues)
        yield self._family("gauge", "queue_paused", "1 while the queue is paused", ["queue"], paused)
        jobs = (([self._label(queue.name), state], getattr(queue, state)) for queue in good for state in STATES)
        yield self._family("gauge", "queue_jobs", "Jobs by state", ["queue", "state"], jobs)
        for name, (help, of) in GAUGES.items():
            known = (([self._label(queue.name)], value) for queue in good if (value := of(queue)) is not None)
            yield self._family("gauge", f"queue_{name}", help, ["queue"], known)
        waits = ((queue.name, queue.waits) for queue in good)
        yield self._quantiles("queue_wait_seconds", "How long jobs that ended in the last 5 minutes had waited", waits)
        runs = ((queue.name, queue.runs) for queue in good)
        yield self._quantiles("queue_run_seconds", "How long runs that ended in the last 5 minutes took", runs)

    def _quantiles(self, name: str, help: str, of: Iterable[tuple[str, Histogram]]) -> Metric:
        known = (
            ([self._label(queue), f"{percent / 100:g}"], seconds)
            for queue, durations in of
            for percent in PERCENTILES
            if (seconds := durations.percentile(percent)) is not None
        )
        return self._family("gauge", name, help, ["queue", "quantile"], known)

    def _ever(self, what: str, help: str, found: Metrics) -> Metric:
        counts = (([self._label(queue)], counted.get(what, 0)) for queue, counted in sorted(found.ever.items()))
        return self._family("counter", f"queue_{what}", help, ["queue"], counts)

    # --- data ---

    def _data(self, found: Metrics) -> Iterator[Metric]:
        for name, (kind, help, measure) in PIPELINE.items():
            known = (([each.name], value) for each in found.pipelines if (value := measure(each)) is not None)
            yield self._family(kind, name, help, ["pipeline"], known)
        for name, (help, of) in TOPIC.items():
            topics = ((each, value) for each in found.topics if (value := of(each)) is not None)
            labelled = (([each.pipeline, self._label(each.topic or "")], value) for each, value in topics)
            yield self._family("gauge", name, help, ["pipeline", "topic"], labelled)

    # --- all ---

    def _label(self, name: str) -> str:
        """A name from outside, inert. Two that look alike then are told apart: Prometheus would refuse all of it."""
        if name not in self._labels:
            label = escape_line(name)
            while label in self._taken:
                label += "'"
            self._labels[name] = label
            self._taken.add(label)
        return self._labels[name]

    def _family(
        self,
        kind: Literal["gauge", "counter"],
        name: str,
        help: str,
        labels: list[str],
        values: Iterable[tuple[list[str], float]],
        prefix: str = PREFIX,
    ) -> Metric:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        family: GaugeMetricFamily | CounterMetricFamily
        family = (CounterMetricFamily if kind == "counter" else GaugeMetricFamily)(prefix + name, help, labels=labels)
        for names, value in values:
            family.add_metric(names, value)
        return family
