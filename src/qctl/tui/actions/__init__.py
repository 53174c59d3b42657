"""What the monitor can do: each act says what it means, how the command line says it, and how it is undone."""

from qctl.tui.actions.action import Act, Done
from qctl.tui.actions.jobs import cancel, discard, move, retry
from qctl.tui.actions.one_job import DELAY, edit, enqueue, stop, unedit
from qctl.tui.actions.queues import clear, pause, restore, resume
from qctl.tui.actions.schedules import hold, release, remove, run_now

__all__ = [
    "DELAY",
    "Act",
    "Done",
    "cancel",
    "clear",
    "discard",
    "edit",
    "enqueue",
    "hold",
    "move",
    "pause",
    "release",
    "remove",
    "restore",
    "resume",
    "retry",
    "run_now",
    "stop",
    "unedit",
]
