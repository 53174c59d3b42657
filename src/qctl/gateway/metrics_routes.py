"""Health and metrics of the system: `GET /sync`, `/healthz`, `/metrics`, `/prometheus/metrics`."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Annotated

from fastapi import APIRouter, Query, Response

from qctl.errors import QctlError, UnreachableError
from qctl.gateway.admin_auth import CurrentOperator
from qctl.gateway.authentication import CurrentUser
from qctl.gateway.dependencies import Gateway
from qctl.gateway.error_responses import documented
from qctl.gateway.json_requests import JsonRoute
from qctl.gateway.schemas import LINE, Healthy, MetricsReset, ScrapeHealth, SystemMetrics
from qctl.models import Metrics
from qctl.view.prometheus import JOBS, RATES, exposition, job_totals

router = APIRouter(route_class=JsonRoute, tags=["system"])


_Label = Annotated[str | None, Query(max_length=100, pattern=LINE, description="label of the totals of jobs")]

PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/sync", responses={200: {"content": {"application/json": {"example": 1732456789000}}}})
async def sync() -> int:
    """The time of the gateway in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@router.get("/healthz", responses={503: {"model": Healthy, "description": "The gateway takes no requests now"}})
def health(gateway: Gateway, response: Response) -> Healthy:
    """Readiness for a load balancer: status 503 while the gateway shuts down or Redis does not answer."""
    reason = "the gateway is shutting down" if gateway.draining() else None
    if reason is None:
        try:
            gateway.ops.health.ping()
        except QctlError:
            reason = "Redis does not answer"
    response.status_code = 200 if reason is None else 503
    return Healthy(ok=reason is None, reason=reason, denials=gateway.denials.counts)


@router.get("/metrics", responses=documented(401, 503))
def metrics(_user: CurrentUser, gateway: Gateway) -> SystemMetrics:
    """Numbers of the jobs of all users."""
    totals = {**dict.fromkeys(JOBS, 0.0), **job_totals(gateway.metrics())}
    return SystemMetrics(
        timestamp=datetime.now(timezone.utc),
        metrics={name: round(n, 2) if name in RATES else round(n) for name, n in totals.items()},
    )


@router.post("/metrics/reset", responses=documented(401, 403, 503))
def reset(operator: CurrentOperator, gateway: Gateway) -> MetricsReset:
    """Set the counters of ended, retried and refused jobs to zero. Jobs, and what is measured by the minute, stay."""
    operator.run(gateway.ops.metrics.reset, "metrics reset")
    gateway.discard_metrics()
    return MetricsReset(message="Metrics reset")


@router.get(
    "/prometheus/metrics",
    response_class=Response,
    responses={
        200: {
            "content": {PROMETHEUS_CONTENT_TYPE: {"example": "queuecraft_jobs_pending 2.0\n"}},
            "description": "Metrics",
        },
        **documented(400),
    },
)
def prometheus(gateway: Gateway, environment: _Label = None, instance: _Label = None) -> Response:
    """The metrics of `qctl metrics export`, for Prometheus to scrape. Metrics of jobs also have the names
    `queuecraft_jobs_...`, with the labels `environment` and `instance` if these are given. Needs no authentication."""
    measured: Metrics | None
    try:
        measured = gateway.metrics()
    except UnreachableError:
        measured = None
    labels = {name: value for name, value in (("environment", environment), ("instance", instance)) if value}
    text = exposition(measured, second_prefix="queuecraft_", second_labels=labels)
    return Response(text, media_type=PROMETHEUS_CONTENT_TYPE)


@router.get("/prometheus/health", responses={503: {"model": ScrapeHealth, "description": "As `/healthz`"}})
def prometheus_health(gateway: Gateway, response: Response) -> ScrapeHealth:
    """The answer of `/healthz` in the shape of QueueCraft. Needs no authentication."""
    is_healthy = health(gateway, response).ok
    return ScrapeHealth(
        status="healthy" if is_healthy else "unhealthy", timestamp=datetime.now(timezone.utc), service="queuecraft"
    )
