"""Metrics in the text format of Prometheus.

The names of JOBS after `qctl_` are those of QueueCraft (`queuecraft_jobs_total`, ...), so that its dashboards keep
working; counters never expire. Names of queues and topics come from outside and are escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from qctl.safe import escape_line
from qctl.view.values import PERCENTILES

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from qctl.histogram import Histogram
    from qctl.models import Metrics, PipelineStatus, QueueStats, TopicStatus

PREFIX = "qctl_"

COUNTERS = {
    "submitted": "Jobs created by qctl's producers",
    "finished": "Runs that succeeded in qctl's workers",
    "failed": "Runs that failed in qctl's workers",
    "retried": "Retries by policy",
    "dead": "Jobs that became dead letters",
    "omitted": "Callbacks and webhooks that were not run because no setting allows them",
}

JOBS: dict[str, tuple[Literal["gauge", "counter"], str]] = {
    "jobs:total": ("gauge", "Jobs submitted: successful runs and unfinished jobs"),
    "jobs:pending": ("gauge", "Waiting, scheduled and deferred jobs"),
    "jobs:running": ("gauge", "Running jobs"),
    "jobs:active": ("gauge", "Jobs that wait or run"),
    "jobs:submitted": ("counter", COUNTERS["submitted"]),
    "jobs:completed": ("counter", COUNTERS["finished"]),
    "jobs:failed": ("counter", COUNTERS["failed"]),
    "jobs:retries": ("counter", COUNTERS["retried"]),
    "jobs:dlq": ("gauge", "Dead letters and quarantined jobs"),
    "jobs:success_rate": ("gauge", "Successful runs in percent"),
    "jobs:failure_rate": ("gauge", "Failed runs in percent"),
    "rate_limit:hits": ("counter", "Jobs refused by a rate limit of their owner"),
}
"""Totals of all queues, by the names of QueueCraft."""

SECOND_JOBS = {**JOBS, "jobs:total": ("counter", COUNTERS["submitted"])}
"""The same as QueueCraft defines them: its total is a counter."""

RATES = ("jobs:success_rate", "jobs:failure_rate")
"""Names of `JOBS` that are no whole numbers."""

GAUGES: dict[str, tuple[str, Callable[[QueueStats], float | None]]] = {
    "depth": ("Waiting jobs", lambda q: q.waiting),
    "latency_seconds": (
        "Age of the oldest waiting job; 0 if none waits",
        lambda q: q.oldest_age if q.waiting else 0,
    ),
    "arrivals_per_second": ("Jobs enqueued, over the last minute", lambda q: q.in_rate),
    "finished_per_second": ("Successful runs, over the last minute", lambda q: q.out_rate),
    "error_ratio": ("Share of the runs of the last 5 minutes that failed", lambda q: q.error_rate),
    "memory_bytes": ("Memory of the waiting jobs, estimated", lambda q: q.memory),
    "workers": ("Live workers of the queue", lambda q: q.workers),
}
"""Gauges of each readable queue; omitted if unknown."""

PIPELINE: dict[str, tuple[Literal["gauge", "counter"], str, Callable[[PipelineStatus], float | None]]] = {
    "buffer_items": ("gauge", "Items in the buffer, not yet in a batch", lambda p: p.depth),
    "buffer_age_seconds": (
        "gauge",
        "Age of the oldest item in the buffer; 0 if empty",
        lambda p: p.oldest_age or 0.0,
    ),
    "ingest_received": ("counter", "Items received into the buffer", lambda p: p.received),
    "ingest_batched": ("counter", "Items put into batches", lambda p: p.cut),
    "ingest_rejected": ("counter", "Rejected messages and rows", lambda p: p.rejected),
    "ingest_sessions_lost": ("counter", "Sessions lost by the broker", lambda p: p.sessions_lost),
    "ingest_broker_dropped": (
        "counter",
        "Messages that the broker said it dropped, for any client",
        lambda p: p.broker_dropped,
    ),
    "ingest_received_per_second": ("gauge", "Items received, over the last minute", lambda p: p.rate),
    "ingest_batches": ("gauge", "Batches waiting or being written", lambda p: p.batches),
    "ingest_lag_seconds": ("gauge", "Age of the oldest item not yet written", lambda p: p.lag),
}
"""Metrics of each pipeline; omitted if unknown."""

TOPIC: dict[str, tuple[str, Callable[[TopicStatus], float | None]]] = {
    "topic_received_per_second": ("Messages of the busiest topics, over the last minute", lambda t: t.rate),
    "topic_silence_seconds": ("Time since the last message", lambda t: t.silence),
    "topic_usual_pause_seconds": ("Longest usual time between two messages", lambda t: t.usual_pause),
    "topic_lag_seconds": ("Time from measurement to receipt of the last reading", lambda t: t.lag),
}

STATES = ("waiting", "running", "scheduled", "deferred", "finished", "dead")


def exposition(
    metrics: Metrics | None, *, second_prefix: str = "", second_labels: Mapping[str, str] | None = None
) -> str:
    """Format metrics for Prometheus to scrape, or for its node exporter to read from a file.

    None means that Redis does not answer. `second_prefix` repeats the totals of all queues under another prefix, with
    `second_labels`.
    """
    from prometheus_client import CollectorRegistry, generate_latest  # takes 40 ms; only one command needs it

    registry = CollectorRegistry()
    registry.register(_Collector(metrics, second_prefix, second_labels or {}))
    return generate_latest(registry).decode()


def job_totals(metrics: Metrics) -> dict[str, float]:
    """Return the totals of all queues by the names of `JOBS`. Rates are absent until a job has run."""
    totals = metrics.stats.totals
    counts = {name: sum(queue.get(name, 0) for queue in metrics.ever.values()) for name in COUNTERS}
    runs = counts["finished"] + counts["failed"]
    numbers: dict[str, float] = {
        "jobs:total": counts["finished"] + totals.pending + totals.running + totals.failed,
        "jobs:active": totals.pending + totals.running,
        "jobs:submitted": counts["submitted"],
        "jobs:pending": totals.pending,
        "jobs:running": totals.running,
        "jobs:completed": counts["finished"],
        "jobs:failed": counts["failed"],
        "jobs:retries": counts["retried"],
        "jobs:dlq": totals.failed,
        "rate_limit:hits": metrics.refused,
    }
    if not runs:
        return numbers
    return {
        **numbers,
        "jobs:success_rate": 100 * counts["finished"] / runs,
        "jobs:failure_rate": 100 * counts["failed"] / runs,
    }


class _Collector:
    """Collector of metric families for the client library."""

    def __init__(self, metrics: Metrics | None, second_prefix: str, second_labels: Mapping[str, str]) -> None:
        self._metrics = metrics
        self._second_prefix = second_prefix
        self._second_labels = second_labels
        self._labels: dict[str, str] = {}
        self._used_labels: set[str] = set()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family."""
        yield self._gauge("redis_up", "1 if Redis answers", int(self._metrics is not None))
        if self._metrics is not None:
            yield from self._redis(self._metrics)
            yield from self._jobs(self._metrics)
            yield from self._queues(self._metrics.stats.queues)
            yield from self._data(self._metrics)
            for name, help in COUNTERS.items():
                yield self._counter(name, help, self._metrics)

    # --- all queues together ---

    def _redis(self, metrics: Metrics) -> Iterator[Metric]:
        yield self._gauge("redis_rtt_seconds", "Round-trip time of a ping to Redis", metrics.rtt)
        yield self._gauge("redis_memory_bytes", "Memory used by Redis", metrics.memory)
        yield self._gauge("redis_memory_limit_bytes", "Memory limit of Redis; 0 without a limit", metrics.memory_limit)
        yield self._gauge("workers", "Live workers", len(metrics.workers))
        yield from self._workers(metrics)

    def _workers(self, metrics: Metrics) -> Iterator[Metric]:
        memory = (([self._label(one.name)], one.memory) for one in metrics.workers if one.memory is not None)
        yield self._family("gauge", "worker_memory_bytes", "Memory of the worker and its child", ["worker"], memory)
        busy = (([self._label(one.name)], one.cpu) for one in metrics.workers if one.cpu is not None)
        yield self._family("gauge", "worker_cpus", "Processors that the worker keeps busy", ["worker"], busy)
        slow = (([self._label(one.name)], int(bool(one.pace))) for one in metrics.workers)
        help = "1 if its job runs longer than 99% of its name, or than its time-out"
        yield self._family("gauge", "worker_slow", help, ["worker"], slow)
        sizes = (([self._label(pool.name), self._label(pool.host)], pool.running) for pool in metrics.pools)
        yield self._family("gauge", "pool_processes", "Processes of the pool that run", ["pool", "host"], sizes)

    def _jobs(self, metrics: Metrics) -> Iterator[Metric]:
        """Yield the totals of all queues."""
        numbers = job_totals(metrics)
        yield from self._totals(PREFIX, JOBS, numbers, {})
        if self._second_prefix:
            numbers["jobs:total"] = numbers["jobs:submitted"]
            yield from self._totals(self._second_prefix, SECOND_JOBS, numbers, self._second_labels)

    def _totals(
        self,
        prefix: str,
        names: Mapping[str, tuple[Literal["gauge", "counter"], str]],
        numbers: Mapping[str, float],
        labels: Mapping[str, str],
    ) -> Iterator[Metric]:
        values = [escape_line(value) for value in labels.values()]
        for name, (kind, help) in names.items():
            known = [(values, numbers[name])] if name in numbers else []
            yield self._family(kind, name.replace(":", "_"), help, list(labels), known, prefix)

    def _gauge(self, name: str, help: str, value: float | None) -> Metric:
        return self._family("gauge", name, help, [], [] if value is None else [([], value)])

    # --- each queue ---

    def _queues(self, queues: list[QueueStats]) -> Iterator[Metric]:
        good = [queue for queue in queues if not queue.error]
        up = (([self._label(queue.name)], int(not queue.error)) for queue in queues)
        yield self._family("gauge", "queue_up", "1 if the queue can be read", ["queue"], up)
        paused = (([self._label(queue.name)], int(queue.paused is not None)) for queue in queues)
        yield self._family("gauge", "queue_paused", "1 if the queue is paused", ["queue"], paused)
        jobs = (([self._label(queue.name), state], getattr(queue, state)) for queue in good for state in STATES)
        yield self._family("gauge", "queue_jobs", "Jobs by state", ["queue", "state"], jobs)
        for name, (help, read) in GAUGES.items():
            known = (([self._label(queue.name)], value) for queue in good if (value := read(queue)) is not None)
            yield self._family("gauge", f"queue_{name}", help, ["queue"], known)
        waits = ((queue.name, queue.waits) for queue in good)
        yield self._quantiles("queue_wait_seconds", "Wait time of the jobs that ended in the last 5 minutes", waits)
        runs = ((queue.name, queue.runs) for queue in good)
        yield self._quantiles("queue_run_seconds", "Run time of the jobs that ended in the last 5 minutes", runs)

    def _quantiles(self, name: str, help: str, histograms: Iterable[tuple[str, Histogram]]) -> Metric:
        known = (
            ([self._label(queue), f"{percent / 100:g}"], seconds)
            for queue, durations in histograms
            for percent in PERCENTILES
            if (seconds := durations.percentile(percent)) is not None
        )
        return self._family("gauge", name, help, ["queue", "quantile"], known)

    def _counter(self, name: str, help: str, metrics: Metrics) -> Metric:
        values = (([self._label(queue)], counts.get(name, 0)) for queue, counts in sorted(metrics.ever.items()))
        return self._family("counter", f"queue_{name}", help, ["queue"], values)

    # --- pipelines and topics ---

    def _data(self, metrics: Metrics) -> Iterator[Metric]:
        for name, (kind, help, read_pipeline) in PIPELINE.items():
            values = (
                ([pipeline.name], value)
                for pipeline in metrics.pipelines
                if (value := read_pipeline(pipeline)) is not None
            )
            yield self._family(kind, name, help, ["pipeline"], values)
        for name, (help, read_topic) in TOPIC.items():
            topics = ((topic, value) for topic in metrics.topics if (value := read_topic(topic)) is not None)
            labelled = (([topic.pipeline, self._label(topic.topic or "")], value) for topic, value in topics)
            yield self._family("gauge", name, help, ["pipeline", "topic"], labelled)

    # --- families ---

    def _label(self, name: str) -> str:
        """Escape a name from outside. Names that become equal get a suffix: Prometheus rejects duplicates."""
        if name not in self._labels:
            label = escape_line(name)
            while label in self._used_labels:
                label += "'"
            self._labels[name] = label
            self._used_labels.add(label)
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
