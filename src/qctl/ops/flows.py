"""Flows: jobs that wait for each other, and groups of jobs: show them, retry or cancel them from a job on."""

from __future__ import annotations

import builtins

from qctl.broker.admin import flows as flows_admin
from qctl.broker.bookkeeping import events
from qctl.broker.query import flows, id_prefixes, stats_snapshot
from qctl.errors import NotFoundError, RefusedError
from qctl.models import BulkResult, Flow, Flows
from qctl.ops.base import Part


class FlowOps(Part, name="flows"):
    """Operations on flows. A flow is named by the id of one of its jobs, a unique prefix of it, or the name of a group
    of RQ, which is preferred."""

    def list(self, *, limit: int = 50) -> Flows:
        """Return RQ's groups, and the trees that deferred jobs belong to."""
        return flows.unfinished(self._redis, stats_snapshot.queue_names(self._redis), min(limit, flows.MAX_FLOWS))

    def show(self, name: str) -> Flow:
        """Return a flow with the states of its jobs. Raises NotFoundError."""
        group = flows.of_group(self._redis, name)
        if group:
            return group
        (job_id,) = id_prefixes.complete(self._redis, [name])
        flow = flows.of_job(self._redis, job_id)
        if len(flow.jobs) == 1 and flow.jobs[0].state == "gone":
            raise NotFoundError(f"neither a job nor a group {name!r} found", hint="list flows with: qctl flow list")
        return flow

    def retry(self, name: str) -> BulkResult:
        """Run a job again with all that depend on it, or the jobs of a group: what failed or was canceled, each job
        after its dependencies. One step. Raises NotFoundError, and RefusedError if they are too many."""
        return flows_admin.retry(self._redis, self._roots(name), actor=events.actor())

    def cancel(self, name: str) -> BulkResult:
        """Cancel a job with all that depend on it, or the jobs of a group, as far as they have not started. One step.
        Raises NotFoundError, and RefusedError if they are too many."""
        return flows_admin.cancel(self._redis, self._roots(name), actor=events.actor())

    def _roots(self, name: str) -> builtins.list[str]:
        flow = self.show(name)
        if flow.kind == "group" and not flow.is_whole:
            raise RefusedError(
                f"group {name!r} has more than {flows.MAX_JOBS} jobs",
                hint="act on its jobs by their ids, with qctl job retry or cancel",
            )
        return [job.id for job in flow.jobs] if flow.kind == "group" else [flow.id]
