"""Exit codes of qctl. Errors carry none; only this module maps errors to codes."""

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
    """Result of a command. Scripts rely on these numbers."""

    DONE = 0
    """Done, or nothing to do."""
    FAILED = 1
    """Tried and failed; `qctl health`: degraded."""
    USAGE = 2
    """The command line or a setting is malformed."""
    NOT_FOUND = 3
    """The queue, job or batch does not exist."""
    UNREACHABLE = 4
    """A server does not answer; `qctl health`: down."""
    PARTIAL = 5
    """A bulk action succeeded for some items and failed for others."""
    REFUSED = 6
    """Not confirmed, read-only, or it would violate a guarantee."""
    TIMED_OUT = 7
    """The awaited event did not happen in time."""
    JOB_FAILED = 8
    """The awaited job failed."""
    INTERRUPTED = 130
    """Ctrl-C."""
    STDOUT_CLOSED = 141
    """The reader of stdout closed it, as in `qctl stats | head -1`. 128 + SIGPIPE, as of any Unix program."""


MALFORMED_CHECK = 3
"""Exit code of a malformed `qctl check`: UNKNOWN by the convention of monitoring plug-ins. USAGE would mean CRITICAL,
and alert the person on call."""

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
    """Return the exit code of a command that ended with this error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.FAILED)


def exit_code_of_many(errors: list[QctlError], done: int) -> ExitCode:
    """Return the exit code of a command that completed `done` items while each other item raised one of `errors`."""
    codes = {exit_code_for(error) for error in errors}
    if not codes:
        return ExitCode.DONE
    return ExitCode.PARTIAL if done or len(codes) > 1 else codes.pop()
