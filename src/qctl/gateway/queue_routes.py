"""Queues for operators: `GET /api/queues/stats`, `POST /api/queues/clear|pause|resume/{queueName}`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path

from qctl.gateway import dependencies
from qctl.gateway.admin_auth import Admitted, Operator
from qctl.gateway.dependencies import Backend
from qctl.gateway.error_responses import documented
from qctl.gateway.queue_schemas import Cleared, Held, Paused, PauseOrder, QueueStatistics, Resumed
from qctl.models import PauseResult, ResumeResult
from qctl.safe import escape_line

router = APIRouter(prefix="/api/queues", tags=["queues"])

Gateway = Annotated[Backend, Depends(dependencies.of)]
Name = Annotated[str, Path(max_length=200, description="of the queue", examples=["email"])]


@router.get("/stats", responses=documented(503))
def stats(gateway: Gateway) -> QueueStatistics:
    """How many jobs of each queue are how. Anybody may ask, as of `/prometheus/metrics`."""
    found = gateway.ops.stats.read()
    return QueueStatistics.of(found.at, found.queues)


@router.post("/clear/{queueName}", responses=documented(400, 401, 403, 404, 503))
def clear(queueName: Name, operator: Admitted, gateway: Gateway) -> Cleared:
    """Move what waits in a queue to the trash, from where it can be restored for a day. What runs goes on."""
    done = operator.do(lambda: gateway.ops.queues.clear(queueName), "clear", queueName)
    return Cleared(message=f"Queue {escape_line(queueName)} cleared", removed=done.removed, batch=done.batch)


@router.post("/pause/{queueName}", responses=documented(400, 401, 403, 404, 503))
def pause(
    queueName: Name, operator: Admitted, gateway: Gateway, order: Annotated[PauseOrder | None, Body()] = None
) -> Paused:
    """Hold a queue and its lanes, until it is resumed or for some seconds. When this answers, nothing of it starts."""
    done = hold(gateway, operator, queueName, order or PauseOrder())
    return Paused(
        message=f"Queue {escape_line(queueName)} paused",
        changed=done.changed,
        pause=Held.of(done.pause),
        running=[escape_line(job.id) for job in done.running],
    )


@router.post("/resume/{queueName}", responses=documented(400, 401, 403, 404, 503))
def resume(queueName: Name, operator: Admitted, gateway: Gateway) -> Resumed:
    """Let a queue go on."""
    done = release(gateway, operator, queueName)
    return Resumed(message=f"Queue {escape_line(queueName)} resumed", changed=done.changed)


def hold(gateway: Backend, operator: Operator, name: str, how: PauseOrder) -> PauseResult:
    """Pause a queue for an operator, and note it. Raises QctlError."""
    options = ["--reason", how.reason] if how.reason else []
    options += ["--for", f"{how.seconds:g}s"] if how.seconds else []
    options += ["--force"] if how.force else []
    return operator.do(
        lambda: gateway.ops.queues.pause(name, reason=how.reason or "", seconds=how.seconds, force=how.force),
        "pause",
        name,
        *options,
    )


def release(gateway: Backend, operator: Operator, name: str) -> ResumeResult:
    """Resume a queue for an operator, and note it. Raises QctlError."""
    return operator.do(lambda: gateway.ops.queues.resume(name), "resume", name)
