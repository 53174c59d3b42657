"""The actions of the monitor. Each says what will happen, which command line does the same, and how to undo it."""

from qctl.tui.actions.action import Action, ActionResult
from qctl.tui.actions.edit_schedule import add_schedule, edit_schedule
from qctl.tui.actions.flows import cancel_flow, retry_flow
from qctl.tui.actions.jobs import cancel, discard, move, retry
from qctl.tui.actions.notes import acknowledge, delete_note
from qctl.tui.actions.one_job import DELAY, edit, enqueue, restore_payload, stop
from qctl.tui.actions.queues import clear, pause, restore, resume
from qctl.tui.actions.scale_workers import scale_pool, scale_workers
from qctl.tui.actions.schedules import pause_schedule, remove_schedule, resume_schedule, run_schedule, skip_run
from qctl.tui.actions.workers import quiet_worker, resume_worker, stop_worker

__all__ = [
    "DELAY",
    "Action",
    "ActionResult",
    "acknowledge",
    "add_schedule",
    "cancel",
    "cancel_flow",
    "clear",
    "delete_note",
    "discard",
    "edit",
    "edit_schedule",
    "enqueue",
    "move",
    "pause",
    "pause_schedule",
    "quiet_worker",
    "remove_schedule",
    "restore",
    "restore_payload",
    "resume",
    "resume_schedule",
    "resume_worker",
    "retry",
    "retry_flow",
    "run_schedule",
    "scale_pool",
    "scale_workers",
    "skip_run",
    "stop",
    "stop_worker",
]
