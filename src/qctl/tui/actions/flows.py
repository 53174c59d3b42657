"""Actions on flows: a job and all that depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.tui.actions.action import Action, ActionResult
from qctl.view import quantity

if TYPE_CHECKING:
    from qctl.models import Progress
    from qctl.ops import Ops


def retry_flow(ops: Ops, job_id: str) -> Action:
    """Run again what failed or was canceled of a job and all that depend on it."""

    def run(_: Progress) -> ActionResult:
        result = ops.flows.retry(job_id)
        return ActionResult(f"{quantity(result.done, 'job')} enqueued again, or waiting for their dependencies")

    consequence = (
        f"What failed or was canceled of {job_id} and of all that depend on it will run again, each job after its "
        "dependencies. Work that was done before is repeated. U does not undo this."
    )
    return Action(f"Retry the flow from {job_id}", consequence, ("flow", "retry", job_id, "--yes"), run)


def cancel_flow(ops: Ops, job_id: str) -> Action:
    """Cancel a job and all that depend on it, as far as they have not started."""

    def run(_: Progress) -> ActionResult:
        result = ops.flows.cancel(job_id)
        left = f", {result.failed} left" if result.failed else ""
        undo = retry_flow(ops, job_id) if result.done else None
        return ActionResult(f"{quantity(result.done, 'job')} canceled{left}", undo, complete=not result.failed)

    consequence = (
        f"{job_id} and all that depend on it will not run, as far as they have not started. U retries them, from the "
        "tails of their queues."
    )
    return Action(f"Cancel the flow from {job_id}", consequence, ("flow", "cancel", job_id, "--yes"), run)
