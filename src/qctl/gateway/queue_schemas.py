"""Answers about queues, with the words of the first and third seed documents, and examples for the documentation."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from qctl.gateway.schemas import EXAMPLE_TIME, LINE, Moment, Text
from qctl.histogram import Histogram
from qctl.models import BulkResult, HealthStatus, Pause, QueueStats, Totals
from qctl.safe import escape_line


class PauseOrder(BaseModel):
    """How a queue is to be held."""

    reason: Annotated[Text | None, Field(max_length=200, pattern=LINE, examples=["the mail server moves"])] = None
    seconds: Annotated[float | None, Field(gt=0, le=31_536_000, description="after which it goes on by itself")] = None
    force: Annotated[bool, Field(description="also where a worker would go on all the same")] = False


class Held(BaseModel):
    """Why a queue stands still."""

    by: str = Field(examples=["admin-key@gateway"])
    at: Moment = Field(examples=[EXAMPLE_TIME])
    reason: str = Field(examples=["the mail server moves"])
    until: Moment | None = None

    @classmethod
    def of(cls, pause: Pause) -> Held:
        """What is told of a pause."""
        return cls(by=escape_line(pause.by), at=pause.at, reason=escape_line(pause.reason), until=pause.until)


class QueueCounts(BaseModel):
    """Jobs of one queue."""

    waiting: int = Field(examples=[3])
    active: int = Field(examples=[1])
    completed: int = Field(description="that are remembered", examples=[120])
    failed: int = Field(description="dead letters", examples=[2])
    delayed: int = Field(description="that wait for a time, or for other jobs", examples=[0])
    paused: bool
    pause: Held | None = None
    workers: int = Field(description="that take from it", examples=[2])
    error: str | None = Field(None, description="why it cannot be read; then nothing was counted")

    @classmethod
    def of(cls, queue: QueueStats) -> QueueCounts:
        """The numbers of a queue."""
        return cls(
            waiting=queue.waiting,
            active=queue.running,
            completed=queue.finished,
            failed=queue.dead,
            delayed=queue.scheduled + queue.deferred,
            paused=queue.paused is not None,
            pause=Held.of(queue.paused) if queue.paused else None,
            workers=queue.workers,
            error=escape_line(queue.error) if queue.error else None,
        )


class Sums(BaseModel):
    """Jobs of all queues."""

    pending: int = Field(examples=[3])
    running: int = Field(examples=[1])
    completed: int = Field(examples=[120])
    failed: int = Field(examples=[2])
    total: int = Field(examples=[126])

    @classmethod
    def of(cls, totals: Totals) -> Sums:
        """The five totals."""
        return cls(**vars(totals))


class QueueStatistics(BaseModel):
    """Queues by their names."""

    success: bool = True
    timestamp: Moment = Field(examples=[EXAMPLE_TIME])
    stats: dict[str, QueueCounts]
    totals: Sums

    @classmethod
    def of(cls, at: datetime, queues: list[QueueStats]) -> QueueStatistics:
        """Queues at one moment."""
        return cls(
            timestamp=at,
            stats={escape_line(q.name): QueueCounts.of(q) for q in queues},
            totals=Sums.of(Totals.of(queues)),
        )


class Times(BaseModel):
    """Seconds that so many percent of the jobs of the last five minutes took at most; null where none ended."""

    p50: float | None = Field(examples=[0.02])
    p95: float | None = Field(examples=[0.4])
    p99: float | None = Field(examples=[1.1])

    @classmethod
    def of(cls, found: Histogram) -> Times:
        """Three percentiles."""
        return cls(p50=found.percentile(50), p95=found.percentile(95), p99=found.percentile(99))


class QueueMetrics(QueueCounts):
    """What was measured of one queue."""

    depth: int = Field(description="the same as `waiting`", examples=[3])
    oldestAge: float | None = Field(description="seconds that the oldest has waited", examples=[1.5])
    arrivalRate: float | None = Field(description="jobs a second that come", examples=[2.0])
    throughput: float | None = Field(description="jobs a second that finish", examples=[2.0])
    errorRate: float | None = Field(description="share of recent runs that failed", examples=[0.01])
    emptyIn: float | None = Field(description="seconds until nothing waits, if all goes on so", examples=[10.0])
    waitTime: Times
    processingTime: Times
    memoryBytes: int | None = Field(description="that waiting jobs take, about", examples=[2048])

    @classmethod
    def of(cls, queue: QueueStats) -> QueueMetrics:
        """The measurements of a queue."""
        return cls(
            **dict(QueueCounts.of(queue)),
            depth=queue.waiting,
            oldestAge=queue.oldest_age,
            arrivalRate=queue.in_rate,
            throughput=queue.out_rate,
            errorRate=queue.error_rate,
            emptyIn=None if queue.eta is None or math.isinf(queue.eta) else queue.eta,
            waitTime=Times.of(queue.waits),
            processingTime=Times.of(queue.runs),
            memoryBytes=queue.memory,
        )


class MeasuredQueues(BaseModel):
    """What was measured of queues, by their names."""

    success: bool = True
    timestamp: Moment = Field(examples=[EXAMPLE_TIME])
    metrics: dict[str, QueueMetrics]


class QueueHealth(BaseModel):
    """How the system is. `reasons` says what is not well."""

    success: bool = Field(description="false where it is down")
    status: HealthStatus
    timestamp: Moment = Field(examples=[EXAMPLE_TIME])
    checks: dict[str, HealthStatus] = Field(examples=[{"redis": "ok", "workers": "degraded"}])
    reasons: list[str] = Field(examples=[["3 wait in message and no worker takes them"]])
    queues: dict[str, QueueCounts]


class Cleared(BaseModel):
    """What waited and was moved to the trash."""

    success: bool = True
    message: str = Field(examples=["Queue email cleared"])
    removed: int = Field(examples=[3])
    batch: str | None = Field(description="`qctl trash restore` brings it back", examples=["7f3a"])


class Paused(BaseModel):
    """A queue that is held. Nothing of it starts any more; what runs may end."""

    success: bool = True
    message: str = Field(examples=["Queue email paused"])
    changed: bool = Field(description="false where it was paused already")
    pause: Held
    running: list[str] = Field(
        description="ids of the jobs that still run", examples=[["0b0f4a4e-2f0c-4f0e-9e55-7d0b2c1f6a11"]]
    )


class Resumed(BaseModel):
    """A queue that goes on."""

    success: bool = True
    message: str = Field(examples=["Queue email resumed"])
    changed: bool = Field(description="false where it was not paused")


class BulkDone(BaseModel):
    """What was done to the dead letters of a queue."""

    success: bool = Field(description="false where some failed")
    message: str = Field(examples=["2 failed jobs of message retried"])
    done: int = Field(examples=[2])
    failed: int = Field(examples=[0])
    batch: str | None = Field(None, description="`qctl trash restore` brings it back", examples=["7f3a"])

    @classmethod
    def of(cls, result: BulkResult, message: str) -> BulkDone:
        """What a bulk act did."""
        return cls(
            success=not result.failed, message=message, done=result.done, failed=result.failed, batch=result.batch
        )


class AdminInfo(BaseModel):
    """Where operators go."""

    success: bool = True
    panel: str | None = Field(description="nothing where it is switched off", examples=["/admin/queues"])
    authentication: str = Field(examples=["the header X-Admin-Key, or an admin's token"])
    queues: list[str] = Field(examples=[["email", "message", "notification"]])
