"""Request and response bodies about queues, with examples for the API documentation.

docs/compatibility.md explains the field names.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from qctl.gateway.schemas import EXAMPLE_TIME, LINE, Moment, Text
from qctl.histogram import Histogram
from qctl.models import BulkResult, HealthStatus, Pause, QueueStats, Totals
from qctl.safe import escape_line


class PauseRequest(BaseModel):
    """Options of a pause."""

    reason: Annotated[Text | None, Field(max_length=200, pattern=LINE, examples=["the mail server moves"])] = None
    seconds: Annotated[
        float | None, Field(gt=0, le=31_536_000, description="seconds until the queue resumes automatically")
    ] = None
    force: Annotated[bool, Field(description="pause even if a worker does not obey pauses")] = False


class RetryRequest(BaseModel):
    """The dead letter to retry; without it, all of the queue."""

    jobId: Annotated[Text | None, Field(max_length=200, pattern=LINE, examples=[None])] = None


class QueuePause(BaseModel):
    """The pause of a queue."""

    by: str = Field(examples=["admin-key@gateway"])
    at: Moment = Field(examples=[EXAMPLE_TIME])
    reason: str = Field(examples=["the mail server moves"])
    until: Moment | None = None

    @classmethod
    def of(cls, pause: Pause) -> QueuePause:
        """Convert a pause."""
        return cls(by=escape_line(pause.by), at=pause.at, reason=escape_line(pause.reason), until=pause.until)


class QueueCounts(BaseModel):
    """Number of jobs in one queue by status."""

    waiting: int = Field(examples=[3])
    active: int = Field(examples=[1])
    completed: int = Field(description="finished jobs that have not expired", examples=[120])
    failed: int = Field(description="dead letters", examples=[2])
    delayed: int = Field(description="jobs that wait for a time or for other jobs", examples=[0])
    paused: bool
    pause: QueuePause | None = None
    workers: int = Field(description="workers that claim from this queue", examples=[2])
    error: str | None = Field(None, description="why the queue cannot be read; all counts are 0 then")

    @classmethod
    def of(cls, queue: QueueStats) -> QueueCounts:
        """Convert the statistics of a queue."""
        return cls(
            waiting=queue.waiting,
            active=queue.running,
            completed=queue.finished,
            failed=queue.dead,
            delayed=queue.scheduled + queue.deferred,
            paused=queue.paused is not None,
            pause=QueuePause.of(queue.paused) if queue.paused else None,
            workers=queue.workers,
            error=escape_line(queue.error) if queue.error else None,
        )


class QueueTotals(BaseModel):
    """Number of jobs in all queues by status."""

    pending: int = Field(examples=[3])
    running: int = Field(examples=[1])
    completed: int = Field(examples=[120])
    failed: int = Field(examples=[2])
    total: int = Field(examples=[126])

    @classmethod
    def of(cls, totals: Totals) -> QueueTotals:
        """Convert totals."""
        return cls(**vars(totals))


class QueueStatistics(BaseModel):
    """Statistics of queues by name."""

    success: bool = True
    timestamp: Moment = Field(examples=[EXAMPLE_TIME])
    stats: dict[str, QueueCounts]
    totals: QueueTotals

    @classmethod
    def of(cls, at: datetime, queues: list[QueueStats]) -> QueueStatistics:
        """Convert the statistics of queues at one moment."""
        return cls(
            timestamp=at,
            stats={escape_line(queue.name): QueueCounts.of(queue) for queue in queues},
            totals=QueueTotals.of(Totals.of(queues)),
        )


class ListedCounts(BaseModel):
    """Number of jobs in a queue of the list, by status."""

    waiting: int = Field(examples=[3])
    active: int = Field(examples=[1])
    completed: int = Field(examples=[120])
    failed: int = Field(examples=[2])
    delayed: int = Field(examples=[0])
    paused: bool


class ListedQueue(BaseModel):
    """A queue of the list, as the replaced dashboard for sensors has it."""

    name: str = Field(examples=["sensor-data"])
    counts: ListedCounts
    mode: Literal["redis"] = "redis"


class QueueSystem(BaseModel):
    """State of the queue system. If Redis does not answer, the response is 503."""

    available: bool = True
    redisAvailable: bool = True
    timestamp: Moment = Field(examples=[EXAMPLE_TIME])


class AllQueueStatistics(QueueStatistics):
    """Statistics of all queues: by name, and as a list."""

    queues: list[ListedQueue]
    queueSystem: QueueSystem

    @classmethod
    def of(cls, at: datetime, queues: list[QueueStats]) -> AllQueueStatistics:
        """Convert the statistics of queues at one moment."""
        base = QueueStatistics.of(at, queues)
        listed = [
            ListedQueue(name=name, counts=ListedCounts(**counts.model_dump(include=set(ListedCounts.model_fields))))
            for name, counts in base.stats.items()
        ]
        return cls(**dict(base), queues=listed, queueSystem=QueueSystem(timestamp=at))


class Percentiles(BaseModel):
    """Percentiles (s) over the jobs of the last five minutes; null if there are none."""

    p50: float | None = Field(examples=[0.02])
    p95: float | None = Field(examples=[0.4])
    p99: float | None = Field(examples=[1.1])

    @classmethod
    def of(cls, histogram: Histogram) -> Percentiles:
        """Compute the percentiles of a histogram."""
        return cls(p50=histogram.percentile(50), p95=histogram.percentile(95), p99=histogram.percentile(99))


class QueueMetrics(QueueCounts):
    """Metrics of one queue."""

    depth: int = Field(description="the same as `waiting`", examples=[3])
    oldestAge: float | None = Field(description="age (s) of the oldest waiting job", examples=[1.5])
    arrivalRate: float | None = Field(description="jobs enqueued per second", examples=[2.0])
    throughput: float | None = Field(description="jobs finished per second", examples=[2.0])
    errorRate: float | None = Field(description="share of recent runs that failed", examples=[0.01])
    emptyIn: float | None = Field(description="seconds until the queue is empty at the current rates", examples=[10.0])
    waitTime: Percentiles
    processingTime: Percentiles
    memoryBytes: int | None = Field(description="approximate memory of the waiting jobs", examples=[2048])

    @classmethod
    def of(cls, queue: QueueStats) -> QueueMetrics:
        """Convert the statistics of a queue."""
        return cls(
            **dict(QueueCounts.of(queue)),
            depth=queue.waiting,
            oldestAge=queue.oldest_age,
            arrivalRate=queue.in_rate,
            throughput=queue.out_rate,
            errorRate=queue.error_rate,
            emptyIn=None if queue.eta is None or math.isinf(queue.eta) else queue.eta,
            waitTime=Percentiles.of(queue.waits),
            processingTime=Percentiles.of(queue.runs),
            memoryBytes=queue.memory,
        )


class QueueMetricsByName(BaseModel):
    """Metrics of queues by name."""

    success: bool = True
    timestamp: Moment = Field(examples=[EXAMPLE_TIME])
    metrics: dict[str, QueueMetrics]


class QueueHealth(BaseModel):
    """Health of the system. `reasons` lists what is wrong."""

    success: bool = Field(description="false if the system is down")
    status: HealthStatus
    overall: Literal["healthy", "unhealthy"] = Field(description="healthy if `status` is ok")
    timestamp: Moment = Field(examples=[EXAMPLE_TIME])
    checks: dict[str, HealthStatus] = Field(examples=[{"redis": "ok", "workers": "degraded"}])
    reasons: list[str] = Field(examples=[["3 jobs wait in queue message, and no worker listens to it"]])
    queues: dict[str, QueueCounts]


class Cleared(BaseModel):
    """Result of a clear: waiting jobs moved to the trash."""

    success: bool = True
    message: str = Field(examples=["Queue email cleared"])
    removed: int = Field(examples=[3])
    batch: str | None = Field(
        description="argument of `qctl trash restore`, which restores the jobs", examples=["7f3a"]
    )


class Paused(BaseModel):
    """Result of a pause. No new job starts; running jobs finish."""

    success: bool = True
    message: str = Field(examples=["Queue email paused"])
    changed: bool = Field(description="false if the queue was paused already")
    pause: QueuePause
    running: list[str] = Field(description="ids of running jobs", examples=[["0b0f4a4e-2f0c-4f0e-9e55-7d0b2c1f6a11"]])


class Resumed(BaseModel):
    """Result of a resume."""

    success: bool = True
    message: str = Field(examples=["Queue email resumed"])
    changed: bool = Field(description="false if the queue was not paused")


class BulkOutcome(BaseModel):
    """Result of a bulk operation on the dead letters of a queue."""

    success: bool = Field(description="false if any job failed")
    message: str = Field(examples=["2 failed jobs of message retried"])
    done: int = Field(examples=[2])
    failed: int = Field(examples=[0])
    retriedCount: int | None = Field(default=None, description="the same as `done` of a retry", examples=[2])
    clearedCount: int | None = Field(default=None, description="the same as `done` of a removal", examples=[2])
    batch: str | None = Field(
        None, description="argument of `qctl trash restore`, which restores the jobs", examples=["7f3a"]
    )

    @classmethod
    def of(cls, result: BulkResult, message: str) -> BulkOutcome:
        """Convert the result of a bulk operation."""
        return cls(
            success=not result.failed, message=message, done=result.done, failed=result.failed, batch=result.batch
        )


class AdminInfo(BaseModel):
    """Information for operators."""

    success: bool = True
    panel: str | None = Field(description="path of the panel, null if it is switched off", examples=["/admin/queues"])
    authentication: str = Field(examples=["the header X-Admin-Key, or an admin's token"])
    queues: list[str] = Field(examples=[["email", "message", "notification"]])
