"""What the exit code of qctl says. The one place that knows; errors themselves carry none."""

from __future__ import annotations

from enum import IntEnum

from qctl.errors import (
    JobFailedError,
    NotFoundError,
    PartialError,
    QctlError,
    RefusedError,
    UnreachableError,
    UsageError,
    WaitTimeoutError,
)


class ExitCode(IntEnum):
    """How a command ended. Scripts rely on these numbers."""

    DONE = 0
    """Done, or it was so already."""
    FAILED = 1
    """It was tried and failed; `qctl health`: degraded."""
    USAGE = 2
    """The command line or a setting is malformed."""
    NOT_FOUND = 3
    """No such queue, job or batch."""
    UNREACHABLE = 4
    """A server does not answer; `qctl health`: down."""
    PARTIAL = 5
    """A bulk act did some of its items and not others."""
    REFUSED = 6
    """Not confirmed, read-only, or it would break a promise."""
    TIMED_OUT = 7
    """What was waited for did not happen in time."""
    JOB_FAILED = 8
    """The awaited job failed."""
    INTERRUPTED = 130
    """Ctrl-C."""
    CUT_OFF = 141
    """Whoever read stdout went away, as in `qctl stats | head -1`. 128 + SIGPIPE, as of any Unix program."""


MALFORMED_CHECK = 3
"""A command line of `qctl check` that cannot be read: UNKNOWN by the convention of monitoring plug-ins. USAGE would be
CRITICAL, and call somebody out."""

_CODES: tuple[tuple[type[QctlError], ExitCode], ...] = (
    (UsageError, ExitCode.USAGE),
    (NotFoundError, ExitCode.NOT_FOUND),
    (UnreachableError, ExitCode.UNREACHABLE),
    (PartialError, ExitCode.PARTIAL),
    (RefusedError, ExitCode.REFUSED),
    (WaitTimeoutError, ExitCode.TIMED_OUT),
    (JobFailedError, ExitCode.JOB_FAILED),
)


def exit_code_for(error: BaseException) -> ExitCode:
    """The exit code of a command that this error ended."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.FAILED)


def exit_code_of_many(errors: list[QctlError], done: int) -> ExitCode:
    """The exit code of a command that did `done` of its items while each of the rest raised one of `errors`."""
    codes = {exit_code_for(error) for error in errors}
    if not codes:
        return ExitCode.DONE
    return ExitCode.PARTIAL if done or len(codes) > 1 else codes.pop()
