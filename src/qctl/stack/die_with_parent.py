"""Replaces itself by a program that the kernel kills when its parent process ends for any reason.

    die_with_parent.py PARENT_PID SIGNAL PROGRAM [ARGUMENT...]

It runs as a script that imports nothing of qctl, so that it takes only a few milliseconds. On kernels other than Linux
the program runs without this protection.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1
NOT_FOUND = 127


def shell_command(command: Sequence[str], number: signal.Signals) -> str:
    """The shell command that runs a program this way. Each step replaces the previous one, so that all have one pid."""
    import shlex

    prefix = (sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(number)))
    return "exec " + shlex.join([*prefix, *command])


def main(parent: str, number: str, *command: str) -> None:
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != int(parent):  # the parent died before the kernel watched it
        sys.exit(1)
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these, and a program would inherit that
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - becoming another program is the point
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(NOT_FOUND)


if __name__ == "__main__":
    main(*sys.argv[1:])
