"""Actions that set a number of workers: of a queue by systemd, or of a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.errors import UsageError
from qctl.models import Pool, PoolSize, Progress
from qctl.quantities import quantity
from qctl.tui.actions.action import Action, ActionResult

if TYPE_CHECKING:
    from qctl.ops import Ops

SCALE_SECONDS = 60.0
"""Maximum time (s) to wait until surplus workers have finished their jobs and new ones have started."""

MAX_DIGITS = 4

DEFAULT_SIZE = "default"
"""Text that gives a pool the size that it was started with."""


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


def scale_pool(ops: Ops, pool: Pool, text: str) -> Action:
    """Give a pool the size of `text`, also after a restart. Raises UsageError if the text is no size."""
    words = text.strip().lower()
    try:
        size = None if words == DEFAULT_SIZE else PoolSize.parse(words)
    except ValueError as error:
        raise UsageError(f"{text!r} {error}, or {DEFAULT_SIZE}") from None

    def run(_: Progress) -> ActionResult:
        pools = ops.pools.scale(pool.name, size, host=pool.host, timeout=SCALE_SECONDS)
        is_stable = bool(pools) and all(found.is_stable for found in pools)
        before = pool.requested.text if pool.requested else DEFAULT_SIZE
        undo = scale_pool(ops, pool, before) if words != before else None
        done = "" if is_stable else f"; some are not ready after {SCALE_SECONDS:.0f} s"
        running = sum(found.running for found in pools)
        return ActionResult(f"{pool.name} has {quantity(running, 'worker')}{done}", undo, complete=is_stable)

    chosen = f"its size of the start, {pool.configured.text}" if size is None else f"the size {size.text}"
    between = " Between two bounds it scales by itself." if size and size.least != size.most else ""
    consequence = (
        f"The pool gets {chosen}, also after a restart; {pool.running} run now.{between} "
        "Surplus workers finish their job first."
    )
    arguments = ("worker", "scale", pool.name, words, "--host", pool.host)
    return Action(f"Scale {pool.name} on {pool.host}", consequence, arguments, run)
