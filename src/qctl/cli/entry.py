"""Entry point of the program `qctl`. Ctrl-C ends it with one line even while it is being imported."""

from __future__ import annotations

import gc
import os
import signal
import sys

TYPE_CHECKING = False  # importing typing takes longer than the whole module
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130
"""Equals `ExitCode.INTERRUPTED`, which is not imported yet."""

GC_THRESHOLD_OBJECTS = 100_000
"""Allocations between two runs of the garbage collector: none before most commands end, of which `qctl stats` allocates
half as many. Imported modules stay alive, and searching them at Python's default of 700 would take 1/15 of its time."""


def main() -> int:
    """Run the command line of this process and return its exit code."""
    # A shell that starts qctl in the background of a script sets SIGINT to ignored: keep that.
    inherited = signal.getsignal(signal.SIGINT)
    during_command = signal.default_int_handler if callable(inherited) else inherited
    outside_command = _exit_interrupted if callable(inherited) else inherited
    signal.signal(signal.SIGINT, outside_command)
    gc.set_threshold(GC_THRESHOLD_OBJECTS)
    try:
        if kind := os.environ.get("_QCTL_NAMES"):
            from qctl.cli import completion_names

            return completion_names.main(kind, sys.argv[1:])
        from qctl.cli import help_page
        from qctl.compat import lazy_redis

        code = help_page.print_page(sys.argv[1:])
        if code is not None:
            return code
        lazy_redis.install()
        from qctl.cli.main import main as run

        signal.signal(signal.SIGINT, during_command)
        return run()
    except KeyboardInterrupt:
        _exit_interrupted()
    finally:
        signal.signal(signal.SIGINT, outside_command)  # interpreter shutdown takes time too
        gc.freeze()  # less of it: what is left alive is not searched for garbage at the end


def _exit_interrupted(_number: int = signal.SIGINT, _frame: FrameType | None = None) -> NoReturn:
    os.write(2, b"qctl: interrupted\n")
    os._exit(INTERRUPTED)
