"""Numbers of the whole system: `GET /sync`, `/healthz`, `/metrics`, `/prometheus/metrics`."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from qctl.errors import QctlError, UnreachableError
from qctl.gateway import dependencies
from qctl.gateway.authentication import Authenticated
from qctl.gateway.dependencies import Backend
from qctl.gateway.error_responses import documented
from qctl.gateway.schemas import Healthy, SystemMetrics
from qctl.models import Metrics
from qctl.view.prometheus import JOBS, exposition, job_totals

router = APIRouter(tags=["system"])

Gateway = Annotated[Backend, Depends(dependencies.of)]

TEXT = "text/plain; version=0.0.4; charset=utf-8"
"""The format of Prometheus."""


@router.get("/sync", responses={200: {"content": {"application/json": {"example": 1732456789000}}}})
async def sync() -> int:
    """The time, in milliseconds since 1970: the gateway is there."""
    return time.time_ns() // 1_000_000


@router.get("/healthz", responses={503: {"model": Healthy, "description": "Do not send more"}})
def health(gateway: Gateway, response: Response) -> Healthy:
    """Whether requests can be taken, for a balancer: 503 while the gateway ends or Redis does not answer."""
    reason = "it is stopping" if gateway.draining() else None
    if reason is None:
        try:
            gateway.ops.health.ping()
        except QctlError:
            reason = "Redis does not answer"
    response.status_code = 200 if reason is None else 503
    return Healthy(ok=reason is None, reason=reason)


@router.get("/metrics", responses=documented(401, 503))
def metrics(_user: Authenticated, gateway: Gateway) -> SystemMetrics:
    """Numbers of all jobs, whoever created them."""
    found = {**dict.fromkeys(JOBS, 0.0), **job_totals(gateway.metrics())}
    return SystemMetrics(timestamp=datetime.now(timezone.utc), metrics={name: round(n, 2) for name, n in found.items()})


@router.get(
    "/prometheus/metrics",
    response_class=Response,
    responses={200: {"content": {TEXT: {"example": "queuecraft_jobs_pending 2.0\n"}}, "description": "Metrics"}},
)
def prometheus(gateway: Gateway) -> Response:
    """What `qctl metrics export` tells, for a Prometheus to scrape; what is of jobs also under the seed document's
    names, `queuecraft_jobs_...`. No token is needed."""
    found: Metrics | None
    try:
        found = gateway.metrics()
    except UnreachableError:
        found = None
    return Response(exposition(found, also="queuecraft_"), media_type=TEXT)
