"""GraphQL types of flows. Text from Redis is escaped everywhere."""

from __future__ import annotations

import strawberry

from qctl import models
from qctl.safe import escape_line


@strawberry.type(description="A job of a flow. `dependsOn`: ids of the jobs of the flow that it waits for.")
class FlowJob:
    id: strawberry.ID
    queue: str
    state: str
    function: str
    depends_on: list[strawberry.ID]

    @classmethod
    def of(cls, job: models.FlowJob) -> FlowJob:
        """Convert a job of a flow."""
        return cls(
            id=strawberry.ID(escape_line(job.id)),
            queue=escape_line(job.queue),
            state=escape_line(job.state),
            function=escape_line(job.function),
            depends_on=[strawberry.ID(escape_line(other)) for other in job.depends_on],
        )


@strawberry.type(description="Jobs that wait for each other: those around the job `id`, or of RQ's group `id`.")
class Flow:
    id: strawberry.ID
    kind: str
    total: int
    ended: int
    failed: int
    whole: bool
    jobs: list[FlowJob]

    @classmethod
    def of(cls, flow: models.Flow) -> Flow:
        """Convert a flow."""
        return cls(
            id=strawberry.ID(escape_line(flow.id)),
            kind=flow.kind,
            total=len(flow.jobs),
            ended=flow.ended,
            failed=flow.failed,
            whole=flow.is_whole,
            jobs=[FlowJob.of(job) for job in flow.jobs],
        )


@strawberry.type(description="Numbers of jobs of a flow that an act changed, and that it could not change.")
class FlowChanged:
    done: int
    failed: int

    @classmethod
    def of(cls, result: models.BulkResult) -> FlowChanged:
        """Convert the result of an act."""
        return cls(done=result.done, failed=result.failed)
