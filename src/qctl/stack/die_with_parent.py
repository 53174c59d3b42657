"""Becomes a program that dies with the process that started it, however that one ends.

    tether.py PARENT_PID SIGNAL PROGRAM [ARGUMENT...]

Run as a file of its own and importing nothing of qctl, so that it costs a few milliseconds a program. Where the
kernel has no such thing (not Linux), the program simply runs.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1
NOT_FOUND = 127


def shell_command(command: Sequence[str], number: signal.Signals) -> str:
    """The command for a shell: each step replaces the one before, so that one pid is shell and program."""
    import shlex

    prefix = (sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(number)))
    return "exec " + shlex.join([*prefix, *command])


def main(parent: str, number: str, *command: str) -> None:
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != int(parent):  # it died before it was being watched
        sys.exit(1)
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, for itself
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - becoming another program is the point
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(NOT_FOUND)


if __name__ == "__main__":
    main(*sys.argv[1:])
