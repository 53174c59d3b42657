"""Where the program `qctl` begins: Ctrl-C ends it in one line from here on, also while it is still being imported."""

from __future__ import annotations

import gc
import os
import signal
import sys

TYPE_CHECKING = False  # typing itself takes longer than all of this
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130
"""`ExitCode.INTERRUPTED`, which is not imported yet."""

SELDOM = 50_000
"""Objects made between two searches for those that hold each other. What a command imports stays: to search it every
700, as Python does by itself, is a fifteenth of all that `qctl stats` does."""


def main() -> int:
    """Run the command line of this process and return its exit code."""
    # Whoever starts us in the background of a script has us ignore it: that stays so.
    heard = signal.getsignal(signal.SIGINT)
    while_running = signal.default_int_handler if callable(heard) else heard
    otherwise = _leave if callable(heard) else heard
    signal.signal(signal.SIGINT, otherwise)
    try:
        if kind := os.environ.get("_QCTL_NAMES"):
            from qctl.cli import completion_names

            return completion_names.main(kind, sys.argv[1:])
        from qctl.cli import help_page

        code = help_page.shown(sys.argv[1:])
        if code is not None:
            return code
        gc.set_threshold(SELDOM)
        from qctl.cli.main import main as run

        signal.signal(signal.SIGINT, while_running)
        return run()
    except KeyboardInterrupt:
        _leave()
    finally:
        signal.signal(signal.SIGINT, otherwise)  # ending takes its time too


def _leave(_number: int = signal.SIGINT, _frame: FrameType | None = None) -> NoReturn:
    os.write(2, b"qctl: interrupted\n")
    os._exit(INTERRUPTED)
