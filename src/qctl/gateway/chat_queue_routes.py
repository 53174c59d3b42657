"""The queues of the chat, as the third seed document has them: `/api/messages/queue/...`, and `/admin/queues/info`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from qctl import catalog
from qctl.errors import UnreachableError
from qctl.gateway import dependencies
from qctl.gateway.admin_auth import Admitted
from qctl.gateway.dependencies import Backend
from qctl.gateway.error_responses import documented
from qctl.gateway.queue_schemas import (
    AdminInfo,
    BulkDone,
    MeasuredQueues,
    QueueCounts,
    QueueHealth,
    QueueMetrics,
    QueueStatistics,
)
from qctl.models import STATUS_ORDER, Finding, HealthStatus, QueueStats, Selector, Stats
from qctl.ops.stats import folded
from qctl.safe import escape_line

QUEUES = ("message", "notification", "email")
"""The queues that the chat has; each with its lanes."""

router = APIRouter(prefix="/api/messages/queue", tags=["messages"])
admin = APIRouter(prefix="/admin/queues", tags=["queues"])

Gateway = Annotated[Backend, Depends(dependencies.of)]
Name = Annotated[str, Path(max_length=200, description="of the queue", examples=["message"])]


@router.get("/stats", responses=documented(503))
def stats(gateway: Gateway) -> QueueStatistics:
    """How many jobs of the chat's queues are how."""
    found = gateway.ops.stats.read()
    return QueueStatistics.of(found.at, _of_the_chat(found))


@router.get("/metrics", responses=documented(503))
def metrics(gateway: Gateway) -> MeasuredQueues:
    """How busy the chat's queues are, how long their jobs wait and take, and how many fail."""
    found = gateway.ops.stats.read()
    return MeasuredQueues(
        timestamp=found.at, metrics={queue.name: QueueMetrics.of(queue) for queue in _of_the_chat(found)}
    )


@router.get("/health", responses={503: {"model": QueueHealth, "description": "It is down"}})
def health(gateway: Gateway, response: Response) -> QueueHealth:
    """Whether work flows. 503 where it does not at all."""
    found = gateway.ops.health.check()
    queues: list[QueueStats] = []
    if found.status != "down":
        try:
            queues = _of_the_chat(gateway.ops.stats.read())
        except UnreachableError:
            found = type(found)("down", [Finding("redis", "down", "")])
    response.status_code = 503 if found.status == "down" else 200
    return QueueHealth(
        success=found.status != "down",
        status=found.status,
        timestamp=datetime.now(timezone.utc),
        checks=_worst(found.findings),
        reasons=[_in_public(finding) for finding in found.findings if finding.status != "ok"],
        queues={queue.name: QueueCounts.of(queue) for queue in queues},
    )


@router.delete("/{queueName}/failed", responses=documented(400, 401, 403, 404, 503))
def clear_failed(queueName: Name, operator: Admitted, gateway: Gateway) -> BulkDone:
    """Move the dead letters of a queue to the trash, from where they can be restored for a day."""

    def discard() -> BulkDone:
        result = gateway.ops.jobs.delete(
            gateway.ops.jobs.choose("discard", _all_of(gateway, queueName)), verb="discard"
        )
        return BulkDone.of(result, f"{result.done} failed jobs of {escape_line(queueName)} removed")

    return operator.do(discard, "dlq discard", "--queue", queueName, "--all")


@router.post("/{queueName}/retry", responses=documented(400, 401, 403, 404, 503))
def retry_failed(queueName: Name, operator: Admitted, gateway: Gateway) -> BulkDone:
    """Run the dead letters of a queue again."""

    def retry() -> BulkDone:
        result = gateway.ops.jobs.retry(gateway.ops.jobs.choose("retry", _all_of(gateway, queueName)))
        return BulkDone.of(result, f"{result.done} failed jobs of {escape_line(queueName)} retried")

    return operator.do(retry, "dlq retry", "--queue", queueName, "--all")


@admin.get("/info", responses=documented(503))
def info(gateway: Gateway) -> AdminInfo:
    """Where the panel of queues is, and who may change them here."""
    return AdminInfo(
        panel=None if gateway.settings.gateway_panel == "off" else "/admin/queues",
        authentication="the header X-Admin-Key, or an admin's token",
        queues=[escape_line(name) for name in gateway.ops.queues.names()],
    )


def _of_the_chat(found: Stats) -> list[QueueStats]:
    """The chat's queues, each with its lanes."""
    return [queue for queue in folded(found).queues if queue.name in QUEUES]


def _all_of(gateway: Backend, name: str) -> Selector:
    """All jobs of a queue and its lanes. Raises NotFoundError."""
    gateway.ops.queues.require(name)
    return Selector(queue=",".join(catalog.lanes(name)))


def _worst(findings: Iterable[Finding]) -> dict[str, HealthStatus]:
    """The worst that was found by each check."""
    worst: dict[str, HealthStatus] = {}
    for finding in findings:
        worst[finding.check] = max(worst.get(finding.check, "ok"), finding.status, key=STATUS_ORDER.index)
    return worst


def _in_public(finding: Finding) -> str:
    """Why something is not well, without where Redis is."""
    return "Redis does not answer" if finding.check == "redis" else escape_line(finding.reason)
