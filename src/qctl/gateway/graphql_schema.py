"""The GraphQL schema: the operations of other routes, with the same permissions and limits.

Numbers of queues are public, as in `/api/queues/stats`; everything else is for operators.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, TypeAlias

import strawberry
from graphql import GraphQLError
from starlette.exceptions import HTTPException
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.types.base_scalars import DateTimeDefinition
from strawberry.types import Info

from qctl import catalog, conditions
from qctl.errors import UsageError
from qctl.gateway.admin_auth import Operator
from qctl.gateway.dependencies import Backend
from qctl.gateway.graphql_control_types import Limit, LimitScope, Pool
from qctl.gateway.graphql_flow_types import Flow, FlowChanged
from qctl.gateway.graphql_limits import LIMITS
from qctl.gateway.graphql_types import (
    DeadLetters,
    Jobs,
    JobState,
    LogLine,
    Mark,
    MemoryUse,
    Note,
    Paused,
    Queue,
    Reading,
    Resumed,
    Retried,
)
from qctl.gateway.queue_routes import pause_queue, resume_queue
from qctl.gateway.queue_schemas import PauseRequest
from qctl.gateway.schemas import milliseconds
from qctl.models import Selector
from qctl.models.limits import period_text

MAX_ROWS = 1000
"""Jobs, causes or readings in one response, and ids in one request."""

MAX_SCANNED_JOBS = 10_000
"""Jobs that are examined if no index serves the filter; later ones are not found."""

MAX_OFFSET = 100_000
"""Largest offset of a page."""


MEMORY_SAMPLE = 5000
"""Keys that one request measures."""


@dataclass(frozen=True)
class RequestContext:
    """Context of one request. `operator`: the authenticated operator, or the error to raise when one is needed."""

    gateway: Backend
    operator: Operator | HTTPException

    def require_operator(self) -> Operator:
        """The operator of the request. Raises HTTPException if there is none."""
        if isinstance(self.operator, HTTPException):
            raise self.operator
        return self.operator


Context: TypeAlias = Info[RequestContext, None]


@strawberry.type
class Query:
    @strawberry.field(description="Queues by name, or all queues. Needs no authentication.")
    def queues(self, info: Context, names: list[str] | None = None) -> list[Queue] | None:
        """Resolve `queues`."""
        snapshot = info.context.gateway.ops.stats.read(None if names is None else set(names[:MAX_ROWS]))
        return [Queue.of(queue) for queue in snapshot.queues]

    @strawberry.field(
        description="Jobs of all owners, in queue order. `queue` and `job` may contain the wildcards * and ?; `error` "
        "and `owner` match substrings. `where` is a condition as of `qctl job list --where`; `since` and `until` "
        "bound the time at which a job came into its state."
    )
    def jobs(
        self,
        info: Context,
        queue: str | None = None,
        states: list[JobState] | None = None,
        job: str | None = None,
        error: str | None = None,
        owner: str | None = None,
        fingerprint: str | None = None,
        where: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> Jobs | None:
        """Resolve `jobs`: one page."""
        info.context.require_operator()
        if not 0 <= offset <= MAX_OFFSET:
            raise UsageError(f"offset {offset} is not between 0 and {MAX_OFFSET}")
        selector = Selector(
            queue=queue,
            states=tuple(state.value for state in states or ()),
            job=job,
            error=error,
            owner=owner,
            fingerprint=fingerprint,
            where=None if where is None else conditions.parse(where, "where"),
            since=_seconds(since),
            until=_seconds(until),
            scan=MAX_SCANNED_JOBS,
        )
        return Jobs.of(info.context.gateway.ops.jobs.list(selector, offset=offset, limit=_checked(limit)))

    @strawberry.field(description="Dead letters grouped by cause, the most frequent first.")
    def dead_letters(self, info: Context, queue: str | None = None, limit: int = 50) -> DeadLetters | None:
        """Resolve `deadLetters`."""
        info.context.require_operator()
        return DeadLetters.of(info.context.gateway.ops.dead_letters.groups(queue), _checked(limit))

    @strawberry.field(description="The last lines that each run of a job logged or printed, the oldest first.")
    def job_logs(self, info: Context, id: strawberry.ID) -> list[LogLine] | None:
        """Resolve `jobLogs`."""
        info.context.require_operator()
        logs = info.context.gateway.ops.jobs.logs(str(id))
        return [LogLine.of(run.number, line) for run in logs.runs for line in run.lines]

    @strawberry.field(description="A flow by the id of one of its jobs, or the name of a group: all its jobs.")
    def flow(self, info: Context, id: strawberry.ID) -> Flow | None:
        """Resolve `flow`."""
        info.context.require_operator()
        return Flow.of(info.context.gateway.ops.flows.show(str(id)))

    @strawberry.field(description="RQ's groups, and trees of jobs that wait for each other.")
    def flows(self, info: Context, limit: int = 20) -> list[Flow] | None:
        """Resolve `flows`."""
        info.context.require_operator()
        return [Flow.of(flow) for flow in info.context.gateway.ops.flows.list(limit=_checked(limit)).flows]

    @strawberry.field(description="Limits of queues, of jobs by name and of owners, with their use.")
    def limits(self, info: Context) -> list[Limit] | None:
        """Resolve `limits`."""
        info.context.require_operator()
        return [Limit.of(limit) for limit in info.context.gateway.ops.limits.list().rows]

    @strawberry.field(description="Pools of workers and of other daemons that reported lately.")
    def pools(self, info: Context) -> list[Pool] | None:
        """Resolve `pools`."""
        info.context.require_operator()
        return [Pool.of(pool) for pool in info.context.gateway.ops.pools.list()]

    @strawberry.field(description="Marks of deployments, the oldest first.")
    def marks(self, info: Context) -> list[Mark] | None:
        """Resolve `marks`."""
        info.context.require_operator()
        return [Mark.of(mark) for mark in info.context.gateway.ops.marks.list()]

    @strawberry.field(description="Where Redis's memory goes, estimated from a sample of its keys.")
    def memory(self, info: Context) -> MemoryUse | None:
        """Resolve `memory`."""
        info.context.require_operator()
        return MemoryUse.of(info.context.gateway.ops.memory.read(MEMORY_SAMPLE))

    @strawberry.field(description="Stored readings by the time of measurement, the latest first.")
    def readings(
        self,
        info: Context,
        device: str | None = None,
        topic: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
    ) -> list[Reading] | None:
        """Resolve `readings`."""
        info.context.require_operator()
        readings = info.context.gateway.ops.readings.list(
            device=device, topic=topic, since=_zoned(since), until=_zoned(until), limit=_checked(limit)
        )
        return [Reading.of(reading) for reading in readings]


@strawberry.type
class Mutation:
    @strawberry.mutation(
        description="Pause a queue and its lanes, until it is resumed or for a number of seconds. No new job starts."
    )
    def pause(
        self,
        info: Context,
        queue: str,
        reason: str | None = None,
        seconds: float | None = None,
        force: bool = False,
    ) -> Paused | None:
        """Pause a queue. No new job starts once this returns."""
        operator = info.context.require_operator()
        request = PauseRequest(reason=reason, seconds=seconds, force=force)
        return Paused.of(pause_queue(info.context.gateway, operator, queue, request))

    @strawberry.mutation(description="Resume a queue.")
    def resume(self, info: Context, queue: str) -> Resumed | None:
        """Resume a queue."""
        return Resumed(changed=resume_queue(info.context.gateway, info.context.require_operator(), queue).changed)

    @strawberry.mutation(description="Mark this moment, for example a deployment, on plots and causes.")
    def mark(self, info: Context, text: str) -> Mark | None:
        """Set a mark."""
        operator, ops = info.context.require_operator(), info.context.gateway.ops
        return operator.run(lambda: Mark.of(ops.marks.add(text)), "mark add", text)

    @strawberry.mutation(
        description="Run a job, with all that depend on it, or a group again: what failed or was canceled of it."
    )
    def retry_flow(self, info: Context, id: strawberry.ID) -> FlowChanged | None:
        """Retry a flow."""
        operator, ops = info.context.require_operator(), info.context.gateway.ops
        return operator.run(lambda: FlowChanged.of(ops.flows.retry(str(id))), "flow retry", str(id))

    @strawberry.mutation(description="Cancel a job, with all that depend on it, or a group: what has not started.")
    def cancel_flow(self, info: Context, id: strawberry.ID) -> FlowChanged | None:
        """Cancel a flow."""
        operator, ops = info.context.require_operator(), info.context.gateway.ops
        return operator.run(lambda: FlowChanged.of(ops.flows.cancel(str(id))), "flow cancel", str(id))

    @strawberry.mutation(description="Acknowledge a cause of dead letters: no problem and no alert until it grows.")
    def acknowledge(self, info: Context, fingerprint: str, text: str = "") -> Note | None:
        """Acknowledge a cause."""
        operator, ops = info.context.require_operator(), info.context.gateway.ops
        words = [*([text] if text else []), "--cause", fingerprint, "--ack"]
        return operator.run(
            lambda: Note.of(ops.notes.put("cause", fingerprint, text, acknowledge=True)), "note add", *words
        )

    @strawberry.mutation(
        description="Limit how many jobs start in `perSeconds`, and run at once: 0 pauses. What is not given stays as "
        "it is. It ends after `seconds`, if given."
    )
    def set_limit(
        self,
        info: Context,
        scope: LimitScope,
        name: str,
        rate: int | None = None,
        per_seconds: float = 60.0,
        concurrency: int | None = None,
        blackout: str | None = None,
        timezone: str | None = None,
        reason: str = "",
        seconds: float | None = None,
    ) -> Limit | None:
        """Set a limit."""
        operator, ops = info.context.require_operator(), info.context.gateway.ops
        given = {
            "--rate": None if rate is None else f"{rate}/{period_text(per_seconds)}",
            "--concurrency": concurrency,
            "--blackout": blackout,
        }
        words = [word for option, value in given.items() if value is not None for word in (option, str(value))]

        def put() -> Limit:
            limit = ops.limits.set(
                scope.value,
                name,
                rate=None if rate is None else (rate, per_seconds),
                concurrency=concurrency,
                blackout=blackout,
                zone=timezone,
                reason=reason,
                seconds=seconds,
            )
            return Limit.of(limit)

        return operator.run(put, "limit set", *_subject(scope, name), *words)

    @strawberry.mutation(description="Lift a limit. False if there was none.")
    def clear_limit(self, info: Context, scope: LimitScope, name: str) -> bool | None:
        """Lift a limit."""
        operator, ops = info.context.require_operator(), info.context.gateway.ops
        return operator.run(lambda: ops.limits.clear(scope.value, name), "limit clear", *_subject(scope, name))

    @strawberry.mutation(
        description="Run copies of finished jobs: those with these ids, or all of a queue. Jobs that have a copy count "
        "as `already`, unless `again`."
    )
    def replay(
        self, info: Context, ids: list[strawberry.ID] | None = None, queue: str | None = None, again: bool = False
    ) -> Retried | None:
        """Replay finished jobs. Each copy goes to the end of its queue."""
        operator, ops = info.context.require_operator(), info.context.gateway.ops
        selector, arguments = _selection(ids, queue, None)
        words = [*arguments, *(["--again"] if again else [])]
        return operator.run(
            lambda: Retried.of(ops.jobs.replay(ops.jobs.choose("replay", selector), again=again)), "job replay", *words
        )

    @strawberry.mutation(
        description="Retry dead letters: those with these ids, or all of a queue, or all with one cause."
    )
    def retry(
        self,
        info: Context,
        ids: list[strawberry.ID] | None = None,
        queue: str | None = None,
        fingerprint: str | None = None,
    ) -> Retried | None:
        """Retry dead letters. Each goes to the end of its queue."""
        operator, ops = info.context.require_operator(), info.context.gateway.ops
        selector, arguments = _selection(ids, queue, fingerprint)

        def retry() -> Retried:
            if queue is not None:
                ops.queues.require(queue)
            return Retried.of(ops.jobs.retry(ops.jobs.choose("retry", selector)))

        return operator.run(retry, "dlq retry", *arguments)


class Schema(strawberry.Schema):
    """A schema whose errors are logged and described by the route."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Replace the logging of the library."""


schema = Schema(
    query=Query,
    mutation=Mutation,
    config=StrawberryConfig(scalar_map={datetime: replace(DateTimeDefinition, serialize=milliseconds)}),
    extensions=list(LIMITS),
)


def _selection(
    ids: Iterable[strawberry.ID] | None, queue: str | None, fingerprint: str | None
) -> tuple[Selector, list[str]]:
    """The selected dead letters, and the equivalent command-line arguments.

    Raises UsageError if nothing is selected.
    """
    if ids is not None:
        texts = [str(job_id) for job_id in ids]
        if len(texts) > MAX_ROWS:
            raise UsageError(f"{len(texts)} ids; allowed: {MAX_ROWS} per request")
        return Selector(ids=tuple(texts), queue=queue, fingerprint=fingerprint), texts
    if queue is None and fingerprint is None:
        raise UsageError("one of ids, queue or fingerprint is required")
    lanes = None if queue is None else ",".join(catalog.lanes(queue))
    queue_options = [] if queue is None else ["--queue", queue]
    cause_options = [] if fingerprint is None else ["--fingerprint", fingerprint]
    return Selector(queue=lanes, fingerprint=fingerprint), queue_options + (cause_options or ["--all"])


def _subject(scope: LimitScope, name: str) -> list[str]:
    """The words by which the command line names the subject of a limit."""
    return [name] if scope is LimitScope.QUEUE else [f"--{scope.value}", name]


def _checked(limit: int) -> int:
    if not 1 <= limit <= MAX_ROWS:
        raise UsageError(f"limit {limit} is not between 1 and {MAX_ROWS}")
    return limit


def _seconds(moment: datetime | None) -> float | None:
    zoned = _zoned(moment)
    return None if zoned is None else zoned.timestamp()


def _zoned(moment: datetime | None) -> datetime | None:
    """Interpret a time without a zone as UTC."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=timezone.utc)
