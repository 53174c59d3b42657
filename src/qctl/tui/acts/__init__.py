"""What the monitor can do: each act says what it means, how the command line says it, and how it is undone."""

from qctl.tui.acts.act import Act, Done
from qctl.tui.acts.jobs import cancel, discard, move, retry
from qctl.tui.acts.one_job import DELAY, edit, enqueue, stop, unedit
from qctl.tui.acts.queues import clear, pause, restore, resume
from qctl.tui.acts.schedules import hold, release, remove, run_now

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
