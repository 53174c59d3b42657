"""Jobs of users: `POST /job/create`, `GET /job`, `GET /job/stats`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Mapping
from datetime import datetime, timezone
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from qctl import catalog
from qctl.broker.producer import enqueue
from qctl.catalog.options import Options
from qctl.catalog.specs import JobSpec
from qctl.errors import LoggedOutError, NotFoundError
from qctl.gateway import error_responses
from qctl.gateway.admin_auth import Operator
from qctl.gateway.authentication import (
    CurrentUser,
    bearer,
    require_session,
    token_of,
    unauthorized,
    unchecked_user_of,
)
from qctl.gateway.dependencies import Backend, Gateway, backend_of
from qctl.gateway.direct_routes import DirectRoute, json_body, read_model
from qctl.gateway.error_responses import documented
from qctl.gateway.job_permissions import AccountNeededError, Requester, authorise
from qctl.gateway.json_requests import JsonRoute
from qctl.gateway.random_ids import new_id
from qctl.gateway.schemas import Counts, CreatedJob, Job, Jobs, NewJob, Stats
from qctl.gateway.tokens import Caller
from qctl.models import OwnedJob
from qctl.settings import Settings

MAX_JOBS = 1000
"""Jobs in one response."""

_Filter = Annotated[str | None, Field(max_length=200)]

router = APIRouter(route_class=JsonRoute, prefix="/job", tags=["jobs"])
direct = APIRouter(route_class=DirectRoute, prefix="/job", tags=["jobs"])


@direct.post(
    "/create",
    status_code=201,
    response_model=CreatedJob,
    responses=documented(400, 401, 403, 404, 413, 429, 503),
    dependencies=[Depends(bearer)],
    openapi_extra={"requestBody": json_body(NewJob)},
)
async def create(request: Request) -> Response:
    """Create a job of the catalog with its `data`. If the site has a default job, any name is accepted.

    Arguments that are the user, such as `senderId`, are filled in. Jobs for operators need the role admin.
    By default a user may create 10 jobs a minute, counting refused attempts, and have 5 that wait or run.
    """
    gateway = backend_of(request)
    user = unchecked_user_of(request, token_of(request))
    now, job_id = datetime.now(timezone.utc), new_id()
    try:
        job = await read_model(request, NewJob)
        creation = await _prepare(request, user, job, job_id)
    except error_responses.EXPECTED:
        await require_session(request, user)  # report an ended session before any other error
        raise
    request.state.user = user.id
    try:
        await gateway.creations.before_response(user.id, job_id, creation)
    except LoggedOutError as error:
        request.state.user = None
        raise unauthorized(error) from None
    shown = Job(id=job_id, name=job.name, ownerId=user.id, status="pending", retryCount=0, con=now, mon=now)
    content = CreatedJob(job=shown).model_dump_json(by_alias=True)
    return Response(content, 201, media_type="application/json")


async def _prepare(request: Request, user: Caller, job: NewJob, job_id: str) -> Awaitable[object]:
    """Check a requested job. Returns what creates it if the user's session has not ended."""
    gateway, trace = backend_of(request), request.state.trace
    spec, values = resolve(gateway.settings, job.name, job.data)
    if spec.name == job.name:
        values = await _authorised(request, spec, values, user)
    options = Options(owner=user.id, trace_id=trace, title=job.name, job_id=job_id)
    if spec.access == "operator":
        await require_session(request, user)
        operator = Operator(f"{user.id}@gateway", trace, gateway)
        call = partial(gateway.service.enqueue, spec.name, values, **options)
        return run_in_threadpool(operator.run, call, "job enqueue", spec.name)
    return _create(gateway, user, gateway.service.new_job(spec.name, values, **options))


async def _create(gateway: Backend, user: Caller, job: enqueue.NewJob) -> None:
    """Create a job. The step that creates it checks the user's session. Raises LoggedOutError."""
    began, token = time.monotonic(), gateway.sessions.unchecked(user)
    await gateway.new_jobs.create(job, token)
    if token is not None:
        gateway.sessions.note_open(user, began)


async def _authorised(request: Request, spec: JobSpec, values: Mapping[str, Any], user: Caller) -> Mapping[str, Any]:
    """The arguments of a job with those about the user filled in; in a thread if the database must be asked.

    Raises RefusedError.
    """
    gateway = backend_of(request)
    try:
        return authorise(spec, values, gateway.settings, Requester.without_account(user.id))
    except AccountNeededError:
        await require_session(request, user)
        return await run_in_threadpool(authorise, spec, values, gateway.settings, _requester(gateway, user))


class JobFilter(BaseModel):
    """Values that the fields of a job must have. A value that no job has selects none."""

    id: _Filter = Field(None, alias="_id")
    name: _Filter = None
    ownerId: _Filter = None
    status: _Filter = None
    retryCount: _Filter = None
    con: _Filter = None
    mon: _Filter = None

    def matches(self, job: Job) -> bool:
        """Compare the values with the fields of a job as they are in JSON."""
        wanted = self.model_dump(by_alias=True, exclude_none=True)
        if not wanted:
            return True
        document = job.model_dump(mode="json", by_alias=True)
        return all(str(document[name]) == value for name, value in wanted.items())


@router.get("", responses=documented(400, 401, 503))
def find(
    user: CurrentUser,
    gateway: Gateway,
    wanted: Annotated[JobFilter, Query()],
    limit: Annotated[int, Query(ge=1, le=MAX_JOBS, description="maximum number of jobs")] = MAX_JOBS,
) -> Jobs:
    """The user's jobs, the newest first. Finished jobs expire after QCTL_KEEP_FINISHED seconds.

    Each field of a job may be given as a parameter, and selects the jobs with this value.
    """
    owned = (Job.of(job, gateway.settings.shapes) for job in gateway.service.jobs_of(user.id))
    return Jobs(jobs=[job for job in owned if wanted.matches(job)][:limit])


@router.get("/stats", responses=documented(401, 503))
def stats(user: CurrentUser, gateway: Gateway) -> Stats:
    """Number of the user's jobs by status."""
    return Stats(stats=counts(gateway.service.jobs_of(user.id)))


def counts(jobs: Iterable[OwnedJob]) -> Counts:
    """Count jobs by status."""
    counted = Counter(job.status for job in jobs)
    return Counts(
        pending=counted["pending"],
        running=counted["running"],
        completed=counted["completed"],
        failed=counted["failed"] + counted["dlq"],
        total=counted.total(),
    )


def resolve(settings: Settings, name: str, data: Mapping[str, Any] | None) -> tuple[JobSpec, Mapping[str, Any]]:
    """The job of the catalog for a requested name, and its arguments; the default job if there is no such name.

    Raises NotFoundError if there is none.
    """
    jobs = catalog.jobs(settings.jobs_modules)
    spec = jobs.get(name)
    if spec is not None and not spec.batch:
        return spec, data or {}
    if settings.gateway_default_job is None:
        raise NotFoundError(f"job {name!r} is not in the catalog")
    return jobs[settings.gateway_default_job], {"name": name, **({} if data is None else {"data": data})}


def _requester(gateway: Backend, user: Caller) -> Requester:
    return Requester(
        user.id,
        lambda: gateway.accounts.find_is_admin(user),
        lambda: gateway.accounts.find_address(user.id),
        lambda: gateway.accounts.find_businesses(user.id),
    )
