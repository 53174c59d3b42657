"""Jobs for users: `POST /job/create`, `GET /job`, `GET /job/stats`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from qctl import catalog
from qctl.errors import NotFoundError, RefusedError
from qctl.gateway import dependencies
from qctl.gateway.authentication import Authenticated
from qctl.gateway.dependencies import Backend
from qctl.gateway.error_responses import documented
from qctl.gateway.schemas import Counts, CreatedJob, Job, Jobs, NewJob, Stats
from qctl.models import OwnedJob, OwnedStatus
from qctl.settings import Settings

MOST = 1000
"""Jobs of one answer."""

router = APIRouter(prefix="/job", tags=["jobs"])

Gateway = Annotated[Backend, Depends(dependencies.of)]


@router.post("/create", status_code=201, responses=documented(400, 401, 403, 404, 413, 429, 503))
def create(job: NewJob, request: Request, user: Authenticated, gateway: Gateway) -> CreatedJob:
    """Create a job: one of the catalog with its `data`, or where the site has a default job, any.

    A user may create 10 in a minute, and have 5 that wait or run; every attempt counts.
    """
    name, data = asked(gateway.settings, job.name, job.data)
    now = datetime.now(timezone.utc)
    job_id = gateway.service.enqueue(name, data, owner=user.id, trace_id=request.state.trace, title=job.name)
    return CreatedJob(
        job=Job(id=job_id, name=job.name, ownerId=user.id, status="pending", retryCount=0, con=now, mon=now)
    )


@router.get("", responses=documented(400, 401, 503))
def find(
    user: Authenticated,
    gateway: Gateway,
    status: Annotated[OwnedStatus | None, Query(description="only those that are so")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="how many at most")] = MOST,
) -> Jobs:
    """The user's jobs, the newest first, as long as Redis remembers them: finished ones for QCTL_KEEP_FINISHED
    seconds, dead letters until somebody acts."""
    found = gateway.service.jobs_of(user.id)
    return Jobs(jobs=[Job.of(job) for job in found if status in (None, job.status)][:limit])


@router.get("/stats", responses=documented(401, 503))
def stats(user: Authenticated, gateway: Gateway) -> Stats:
    """How many of the user's jobs are how."""
    return Stats(stats=counts(gateway.service.jobs_of(user.id)))


def counts(jobs: Iterable[OwnedJob]) -> Counts:
    """How many of some jobs are how."""
    counted = Counter(job.status for job in jobs)
    return Counts(
        pending=counted["pending"],
        running=counted["running"],
        completed=counted["completed"],
        failed=counted["failed"] + counted["dlq"],
        total=counted.total(),
    )


def asked(settings: Settings, name: str, data: Mapping[str, Any] | None) -> tuple[str, Mapping[str, Any]]:
    """The job of the catalog that is meant, and its arguments. Raises NotFoundError, and RefusedError where users may
    not create it."""
    spec = catalog.jobs(settings.jobs_modules).get(name)
    if spec is not None and not spec.batch:
        if not any(fnmatchcase(name, pattern) for pattern in settings.gateway_jobs):
            raise RefusedError(f"users may not create {name!r}")
        return name, data or {}
    if settings.gateway_default_job is None:
        raise NotFoundError(f"no job is called {name!r}")
    return settings.gateway_default_job, {"name": name, **({} if data is None else {"data": data})}
