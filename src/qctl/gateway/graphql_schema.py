"""What can be asked and done by GraphQL: the same operations as by the other routes, with the same rights and rules.

How many jobs a queue has anybody may know, as of `/api/queues/stats`; all else is for operators.
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

from qctl import catalog
from qctl.errors import UsageError
from qctl.gateway.admin_auth import Operator
from qctl.gateway.dependencies import Backend
from qctl.gateway.graphql_limits import LIMITS
from qctl.gateway.graphql_types import DeadLetters, Jobs, JobState, Paused, Queue, Reading, Resumed, Retried
from qctl.gateway.queue_routes import hold, release
from qctl.gateway.queue_schemas import PauseOrder
from qctl.gateway.schemas import milliseconds
from qctl.models import Selector

MOST = 1000
"""Jobs, causes and readings of one answer, and ids of one question."""

SCAN = 10_000
"""Jobs that are looked at where no index knows the answer."""

FARTHEST = 100_000
"""Jobs that are passed over before the first of a page."""


@dataclass(frozen=True)
class Asked:
    """Who asks, and whom. `operator` is the answer to whether they may change queues, or why not."""

    gateway: Backend
    operator: Operator | HTTPException

    def admitted(self) -> Operator:
        """Whoever may see and change everything. Raises HTTPException."""
        if isinstance(self.operator, HTTPException):
            raise self.operator
        return self.operator


Context: TypeAlias = Info[Asked, None]


@strawberry.type
class Query:
    @strawberry.field(description="Queues by their names, all where none is named. Anybody may ask.")
    def queues(self, info: Context, names: list[str] | None = None) -> list[Queue] | None:
        """Numbers of queues."""
        found = info.context.gateway.ops.stats.read(None if names is None else set(names[:MOST]))
        return [Queue.of(queue) for queue in found.queues]

    @strawberry.field(
        description="Jobs of everybody, in the order of their places. `queue` and `job` may have * and ?; `error` and "
        "`owner` are parts of what a job says."
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
        limit: int = 50,
        offset: int = 0,
    ) -> Jobs | None:
        """A page of jobs."""
        info.context.admitted()
        if not 0 <= offset <= FARTHEST:
            raise UsageError(f"an offset is from 0 to {FARTHEST}")
        wanted = Selector(
            queue=queue,
            states=tuple(state.value for state in states or ()),
            job=job,
            error=error,
            owner=owner,
            fingerprint=fingerprint,
            scan=SCAN,
        )
        return Jobs.of(info.context.gateway.ops.jobs.list(wanted, offset=offset, limit=_checked(limit)))

    @strawberry.field(description="Why jobs died, the most frequent cause first.")
    def dead_letters(self, info: Context, queue: str | None = None, limit: int = 50) -> DeadLetters | None:
        """Dead letters by cause."""
        info.context.admitted()
        return DeadLetters.of(info.context.gateway.ops.dead_letters.groups(queue), _checked(limit))

    @strawberry.field(description="The last readings that were stored, the last one first, by when they were measured.")
    def readings(
        self,
        info: Context,
        device: str | None = None,
        topic: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
    ) -> list[Reading] | None:
        """What devices sent."""
        info.context.admitted()
        found = info.context.gateway.ops.readings.list(
            device=device, topic=topic, since=_zoned(since), until=_zoned(until), limit=_checked(limit)
        )
        return [Reading.of(reading) for reading in found]


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Hold a queue and its lanes, until it is resumed or for some seconds.")
    def pause(
        self,
        info: Context,
        queue: str,
        reason: str | None = None,
        seconds: float | None = None,
        force: bool = False,
    ) -> Paused | None:
        """Nothing of it starts when this answers."""
        operator = info.context.admitted()
        order = PauseOrder(reason=reason, seconds=seconds, force=force)
        return Paused.of(hold(info.context.gateway, operator, queue, order))

    @strawberry.mutation(description="Let a queue go on.")
    def resume(self, info: Context, queue: str) -> Resumed | None:
        """What was held starts."""
        return Resumed(changed=release(info.context.gateway, info.context.admitted(), queue).changed)

    @strawberry.mutation(description="Run dead letters again: these, or all of a queue, or of a cause.")
    def retry(
        self,
        info: Context,
        ids: list[strawberry.ID] | None = None,
        queue: str | None = None,
        fingerprint: str | None = None,
    ) -> Retried | None:
        """Each goes to the end of its queue."""
        operator, ops = info.context.admitted(), info.context.gateway.ops
        chosen, arguments = _chosen(ids, queue, fingerprint)

        def retry() -> Retried:
            if queue is not None:
                ops.queues.require(queue)
            return Retried.of(ops.jobs.retry(ops.jobs.choose("retry", chosen)))

        return operator.do(retry, "dlq retry", *arguments)


class Schema(strawberry.Schema):
    """What is told of an error, and logged, is decided by the route."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """What the library calls to log them."""


schema = Schema(
    query=Query,
    mutation=Mutation,
    config=StrawberryConfig(scalar_map={datetime: replace(DateTimeDefinition, serialize=milliseconds)}),
    extensions=list(LIMITS),
)


def _chosen(
    ids: Iterable[strawberry.ID] | None, queue: str | None, fingerprint: str | None
) -> tuple[Selector, list[str]]:
    """What is meant, and how the command line would say it. Raises UsageError where nothing says it."""
    if ids is not None:
        if len(named := [str(each) for each in ids]) > MOST:
            raise UsageError(f"at most {MOST} ids are taken at once")
        return Selector(ids=tuple(named), queue=queue, fingerprint=fingerprint), named
    if queue is None and fingerprint is None:
        raise UsageError("say which: ids, queue or fingerprint")
    lanes = None if queue is None else ",".join(catalog.lanes(queue))
    of_queue = [] if queue is None else ["--queue", queue]
    of_cause = [] if fingerprint is None else ["--fingerprint", fingerprint]
    return Selector(queue=lanes, fingerprint=fingerprint), of_queue + (of_cause or ["--all"])


def _checked(limit: int) -> int:
    if not 1 <= limit <= MOST:
        raise UsageError(f"a limit is from 1 to {MOST}")
    return limit


def _zoned(moment: datetime | None) -> datetime | None:
    """A time without a zone is one of UTC."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=timezone.utc)
