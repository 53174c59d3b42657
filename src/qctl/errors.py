"""Every error that qctl raises on purpose.

    QctlError
    ├── UsageError            the caller asked for something malformed
    │   └── SettingsError     a setting has a bad value
    ├── NotFoundError         no such queue, job, batch
    ├── UnreachableError      a server does not answer
    │   └── RedisUnreachableError
    ├── PartialError          a bulk act did some of its items
    ├── RefusedError          understood, and not done on purpose
    │   └── RateLimitedError  an owner created too many jobs, or has too many
    ├── WaitTimeoutError      what was waited for did not happen in time
    ├── JobFailedError        the awaited job failed
    ├── JobError              a job that a worker must not run
    │   ├── UnreadableJobError
    │   ├── ForbiddenJobError
    │   └── ClaimLostError    the job is no longer this worker's
    ├── SinkError
    │   ├── SinkUnavailableError    down or busy: the batch waits
    │   └── SinkMisconfiguredError  refuses us until somebody acts
    ├── RejectedError         one message that cannot be taken, with its reason
    │   └── AlreadyThereError     there is one of its name
    └── BackpressureError     no room: the source must wait

Errors carry no exit code: `cli/exits.py` owns those.
"""

from __future__ import annotations

from collections.abc import Iterable


class QctlError(Exception):
    """Base of all. `message` is one line for a person; `hint` the next command to run, if there is one."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(QctlError):
    """What was asked for is malformed: a duration, a selector, a combination of options."""


class SettingsError(UsageError):
    """The setting `name` has a value that cannot be used."""

    def __init__(self, name: str, problem: str, hint: str | None = None) -> None:
        super().__init__(f"{name}: {problem}", hint)
        self.name = name


class NotFoundError(QctlError):
    """The named thing does not exist. `close` holds names that look like it."""

    def __init__(self, message: str, close: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.close = close

    @classmethod
    def with_suggestions(cls, message: str, name: str, known: Iterable[str], fallback_hint: str) -> NotFoundError:
        """Make the error for a name that is not among the known ones. Its hint suggests similar names, or is
        `fallback_hint` if there are none."""
        from difflib import get_close_matches  # 3 ms that only a slip pays

        close = tuple(get_close_matches(name, list(known), n=3, cutoff=0.6))
        return cls(message, close, "did you mean " + " or ".join(close) + "?" if close else fallback_hint)


class UnreachableError(QctlError):
    """A server that is needed does not answer."""


class RedisUnreachableError(UnreachableError):
    """Redis does not answer, or refuses us."""


class PartialError(QctlError):
    """A bulk act did some of its items and not others."""


class RefusedError(QctlError):
    """Understood and not done: not confirmed, read-only, or it would break a promise."""


class RateLimitedError(RefusedError):
    """An owner created too many jobs within a minute, or has too many that wait or run (HTTP: 429).

    `retry_after` is in how many whole seconds there is room for another, None where a job has to end first.
    """

    def __init__(self, message: str, hint: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class WaitTimeoutError(QctlError):
    """What was waited for did not happen in time."""


class JobFailedError(QctlError):
    """The awaited job ended in failure."""


class JobError(QctlError):
    """A job that a worker must not run."""


class UnreadableJobError(JobError):
    """The job's hash or payload cannot be read: corrupt, pickled, or of a wrong type."""


class ForbiddenJobError(JobError):
    """The job names a function that is neither in the catalog nor in QCTL_ALLOWED_JOBS."""


class ClaimLostError(JobError):
    """The job was given to another worker because this one's lease had run out."""


class SinkError(QctlError):
    """A sink could not take a batch."""


class SinkUnavailableError(SinkError):
    """The sink is down or busy. Nothing is wrong with the batch; it waits.

    `retry_after` is how many seconds the sink asked to be left alone, None where it did not say.
    """

    def __init__(self, message: str, hint: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class SinkMisconfiguredError(SinkError):
    """The sink refuses us (credentials, missing table or bucket) until somebody acts."""


class RejectedError(QctlError):
    """One message or row that cannot be taken. The message is the reason."""


class AlreadyExistsError(RejectedError):
    """There is one of its name already, which stays as it is."""


class BackpressureError(QctlError):
    """There is no room: the source must wait and not acknowledge."""
