"""Queues for operators: `GET /api/queues/stats`, `POST /api/queues/clear|pause|resume/{queueName}`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path

from qctl.gateway.admin_auth import CurrentOperator, Operator
from qctl.gateway.dependencies import Backend, Gateway
from qctl.gateway.error_responses import documented
from qctl.gateway.json_requests import JsonRoute
from qctl.gateway.queue_schemas import AllQueueStatistics, Cleared, Paused, PauseRequest, QueuePause, Resumed
from qctl.models import PauseResult, ResumeResult
from qctl.safe import escape_line

router = APIRouter(route_class=JsonRoute, prefix="/api/queues", tags=["queues"])

Name = Annotated[str, Path(max_length=200, description="name of the queue", examples=["email"])]


@router.get("/stats", responses=documented(503))
def stats(gateway: Gateway) -> AllQueueStatistics:
    """Number of jobs in each queue by status. Needs no authentication, as `/prometheus/metrics`."""
    snapshot = gateway.ops.stats.read()
    return AllQueueStatistics.of(snapshot.at, snapshot.queues)


@router.post("/clear/{queueName}", responses=documented(400, 401, 403, 404, 503))
def clear(queueName: Name, operator: CurrentOperator, gateway: Gateway) -> Cleared:
    """Move the waiting jobs of a queue to the trash. They can be restored for one day. Running jobs continue."""
    result = operator.run(lambda: gateway.ops.queues.clear(queueName), "clear", queueName)
    return Cleared(message=f"Queue {escape_line(queueName)} cleared", removed=result.removed, batch=result.batch)


@router.post("/pause/{queueName}", responses=documented(400, 401, 403, 404, 503))
def pause(
    queueName: Name, operator: CurrentOperator, gateway: Gateway, order: Annotated[PauseRequest | None, Body()] = None
) -> Paused:
    """Pause a queue and its lanes, until it is resumed or for a number of seconds. No new job starts once this
    returns; running jobs finish."""
    result = pause_queue(gateway, operator, queueName, order or PauseRequest())
    return Paused(
        message=f"Queue {escape_line(queueName)} paused",
        changed=result.changed,
        pause=QueuePause.of(result.pause),
        running=[escape_line(job.id) for job in result.running],
    )


@router.post("/resume/{queueName}", responses=documented(400, 401, 403, 404, 503))
def resume(queueName: Name, operator: CurrentOperator, gateway: Gateway) -> Resumed:
    """Resume a queue."""
    result = resume_queue(gateway, operator, queueName)
    return Resumed(message=f"Queue {escape_line(queueName)} resumed", changed=result.changed)


def pause_queue(gateway: Backend, operator: Operator, name: str, request: PauseRequest) -> PauseResult:
    """Pause a queue for an operator, recorded in the audit log. Raises QctlError."""
    options = ["--reason", request.reason] if request.reason else []
    options += ["--for", f"{request.seconds:g}s"] if request.seconds else []
    options += ["--force"] if request.force else []
    return operator.run(
        lambda: gateway.ops.queues.pause(
            name, reason=request.reason or "", seconds=request.seconds, force=request.force
        ),
        "pause",
        name,
        *options,
    )


def resume_queue(gateway: Backend, operator: Operator, name: str) -> ResumeResult:
    """Resume a queue for an operator, recorded in the audit log. Raises QctlError."""
    return operator.run(lambda: gateway.ops.queues.resume(name), "resume", name)
