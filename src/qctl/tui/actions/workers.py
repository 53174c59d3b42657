"""Actions on workers: quiet, resume and stop them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.errors import QctlError
from qctl.tui.actions.action import Action, ActionResult

if TYPE_CHECKING:
    from qctl.models import Progress, WorkerInfo
    from qctl.ops import Ops


def quiet_worker(ops: Ops, worker: WorkerInfo) -> Action:
    """Let a worker claim no new jobs."""

    def run(_: Progress) -> ActionResult:
        result = ops.workers.quiet(worker.name)
        if not result.changed:
            return ActionResult(f"{worker.name} was already quiet")
        return ActionResult(f"{worker.name} is quiet", resume_worker(ops, worker))

    consequence = "It claims no new jobs until it is resumed or ends. Its running job goes on. U resumes it."
    return Action(f"Quiet {worker.name}", consequence, ("worker", "quiet", worker.name), run)


def resume_worker(ops: Ops, worker: WorkerInfo) -> Action:
    """Let a quiet worker claim jobs again."""

    def run(_: Progress) -> ActionResult:
        result = ops.workers.resume(worker.name)
        if not result.changed:
            return ActionResult(f"{worker.name} was not quiet")
        return ActionResult(f"{worker.name} claims jobs again", quiet_worker(ops, worker))

    return Action(f"Resume {worker.name}", "It claims jobs again, at once.", ("worker", "resume", worker.name), run)


def stop_worker(ops: Ops, worker: WorkerInfo) -> Action:
    """Stop a worker after its job."""

    def run(progress: Progress) -> ActionResult:
        (outcome,) = ops.workers.stop([worker.name], waiting=progress)
        if isinstance(outcome, QctlError):
            raise outcome
        if outcome.gone:
            return ActionResult(f"{worker.name} has stopped")
        job = f" after {worker.current_job}" if worker.current_job else " soon"
        return ActionResult(f"{worker.name} was asked to stop, and ends{job}")

    job = "after its running job" if worker.current_job else "at once"
    consequence = f"It ends {job}. systemd or `qctl up` starts another one; U does not undo this."
    return Action(f"Stop {worker.name}", consequence, ("worker", "stop", worker.name), run)
