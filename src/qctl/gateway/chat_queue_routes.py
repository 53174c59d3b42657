"""Chat queues for operators: `/api/messages/queue/...` and `/admin/queues/info`. See docs/compatibility.md."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Annotated

from fastapi import APIRouter, Body, Path, Response

from qctl import catalog
from qctl.errors import NotFoundError, UnreachableError
from qctl.gateway.admin_auth import CurrentOperator
from qctl.gateway.dependencies import Backend, Gateway
from qctl.gateway.error_responses import documented
from qctl.gateway.json_requests import JsonRoute
from qctl.gateway.queue_schemas import (
    AdminInfo,
    BulkOutcome,
    QueueCounts,
    QueueHealth,
    QueueMetrics,
    QueueMetricsByName,
    QueueStatistics,
    RetryRequest,
)
from qctl.models import STATUS_ORDER, Finding, Health, HealthStatus, QueueStats, Selector, Stats
from qctl.ops.stats import fold_lanes
from qctl.quantities import quantity
from qctl.safe import escape_line

QUEUES = ("message", "notification", "email")
"""Queues of the chat; each is reported together with its lanes."""

router = APIRouter(route_class=JsonRoute, prefix="/api/messages/queue", tags=["messages"])
admin = APIRouter(route_class=JsonRoute, prefix="/admin/queues", tags=["queues"])

Name = Annotated[str, Path(max_length=200, description="name of the queue", examples=["message"])]


@router.get("/stats", responses=documented(503))
def stats(gateway: Gateway) -> QueueStatistics:
    """Number of jobs in each chat queue by status."""
    snapshot = gateway.ops.stats.read()
    return QueueStatistics.of(snapshot.at, _chat_queues(snapshot))


@router.get("/metrics", responses=documented(503))
def metrics(gateway: Gateway) -> QueueMetricsByName:
    """Throughput, wait times, run times and failures of each chat queue."""
    snapshot = gateway.ops.stats.read()
    return QueueMetricsByName(
        timestamp=snapshot.at, metrics={queue.name: QueueMetrics.of(queue) for queue in _chat_queues(snapshot)}
    )


@router.get("/health", responses={503: {"model": QueueHealth, "description": "The system is down"}})
def health(gateway: Gateway, response: Response) -> QueueHealth:
    """Check whether the chat's jobs are flowing: its queues, Redis and what all queues need. Status 503 if the system
    is down."""
    report = Health.of([finding for finding in gateway.ops.health.check().findings if _concerns_the_chat(finding)])
    queues: list[QueueStats] = []
    if report.status != "down":
        try:
            queues = _chat_queues(gateway.ops.stats.read())
        except UnreachableError:
            report = Health.of([Finding("redis", "down", "")])
    response.status_code = 503 if report.status == "down" else 200
    return QueueHealth(
        success=report.status != "down",
        status=report.status,
        overall="healthy" if report.status == "ok" else "unhealthy",
        timestamp=datetime.now(timezone.utc),
        checks=_worst_by_check(report.findings),
        reasons=[_public_reason(finding) for finding in report.findings if finding.status != "ok"],
        queues={queue.name: QueueCounts.of(queue) for queue in queues},
    )


@router.delete("/{queueName}/failed", responses=documented(400, 401, 403, 404, 503))
def clear_failed(queueName: Name, operator: CurrentOperator, gateway: Gateway) -> BulkOutcome:
    """Move the dead letters of a queue to the trash. They can be restored for one day."""

    def discard() -> BulkOutcome:
        result = gateway.ops.jobs.delete(
            gateway.ops.jobs.choose("discard", _all_jobs_of(gateway, queueName)), verb="discard"
        )
        outcome = BulkOutcome.of(result, f"{quantity(result.done, 'failed job')} of {escape_line(queueName)} removed")
        return outcome.model_copy(update={"clearedCount": result.done})

    return operator.run(discard, "dlq discard", "--queue", queueName, "--all")


@router.post("/{queueName}/retry", responses=documented(400, 401, 403, 404, 503))
def retry_failed(
    queueName: Name,
    operator: CurrentOperator,
    gateway: Gateway,
    order: Annotated[RetryRequest | None, Body()] = None,
) -> BulkOutcome:
    """Retry the dead letters of a queue, or one of them."""
    job_id = order.jobId if order else None
    selector = _all_jobs_of(gateway, queueName)
    if job_id:
        if catalog.base_queue(gateway.service.status(job_id).queue) != catalog.base_queue(queueName):
            raise NotFoundError(f"job {job_id!r} not found in queue {queueName!r}")
        selector = Selector(ids=(job_id,))

    def retry() -> BulkOutcome:
        result = gateway.ops.jobs.retry(gateway.ops.jobs.choose("retry", selector))
        outcome = BulkOutcome.of(result, f"{quantity(result.done, 'failed job')} of {escape_line(queueName)} retried")
        return outcome.model_copy(update={"retriedCount": result.done})

    if job_id:
        return operator.run(retry, "dlq retry", job_id, "--queue", queueName)
    return operator.run(retry, "dlq retry", "--queue", queueName, "--all")


@admin.get("/info", responses=documented(503))
def info(gateway: Gateway) -> AdminInfo:
    """Path of the panel, how operators authenticate, and the names of all queues."""
    return AdminInfo(
        panel=None if gateway.settings.gateway_panel == "off" else "/admin/queues",
        authentication="the header X-Admin-Key, or an admin's token",
        queues=[escape_line(name) for name in gateway.ops.queues.names()],
    )


def _chat_queues(snapshot: Stats) -> list[QueueStats]:
    """The chat queues, each folded with its lanes."""
    return [queue for queue in fold_lanes(snapshot).queues if queue.name in QUEUES]


def _concerns_the_chat(finding: Finding) -> bool:
    """Check whether a finding is about the whole site or a queue of the chat."""
    return not finding.subject or catalog.base_queue(finding.subject) in QUEUES


def _all_jobs_of(gateway: Backend, name: str) -> Selector:
    """All jobs of a queue and its lanes. Raises NotFoundError."""
    gateway.ops.queues.require(name)
    return Selector(queue=",".join(catalog.lanes(name)))


def _worst_by_check(findings: Iterable[Finding]) -> dict[str, HealthStatus]:
    """The worst status of each check."""
    worst: dict[str, HealthStatus] = {}
    for finding in findings:
        worst[finding.check] = max(worst.get(finding.check, "ok"), finding.status, key=STATUS_ORDER.index)
    return worst


def _public_reason(finding: Finding) -> str:
    """The reason of a finding without the address of Redis."""
    return "Redis does not answer" if finding.check == "redis" else escape_line(finding.reason)
