"""Action that sets the number of workers of a queue, by systemd."""

from __future__ import annotations

from qctl.errors import UsageError
from qctl.models import Progress
from qctl.quantities import quantity
from qctl.tui.actions.action import Action, ActionResult

SCALE_SECONDS = 60.0
"""Maximum time (s) to wait until surplus workers have finished their jobs and new ones have started."""

MAX_DIGITS = 4


def scale_workers(queue: str, running: int, text: str) -> Action:
    """Run as many workers of a queue on this machine as `text` says, also after a reboot. `running` do now. Raises
    UsageError if the text is no number."""
    if not (text.strip().isdecimal() and text.strip().isascii() and len(text.strip()) <= MAX_DIGITS):
        raise UsageError(f"{text!r} is not a number of workers")
    count = int(text)

    def run(_: Progress) -> ActionResult:
        from qctl.systemd import Systemd  # imported late, as by the page

        daemons = Systemd().scale(queue, count, timeout=SCALE_SECONDS)
        is_stable = all(daemon.is_stable for daemon in daemons)
        undo = scale_workers(queue, count, str(running)) if running != count else None
        done = "" if is_stable else f"; some are not ready after {SCALE_SECONDS:.0f} s"
        return ActionResult(f"{queue} has {quantity(count, 'worker')}{done}", undo, complete=is_stable)

    ends = " Surplus workers finish their job first." if count < running else ""
    effect = f"{quantity(count, 'worker')} of {queue} will run on this machine, now and after a reboot"
    consequence = f"{effect}; {running} do now.{ends}"
    return Action(f"Scale {queue}", consequence, ("daemon", "scale", queue, str(count)), run)
