"""All errors that qctl raises on purpose.

    QctlError
    ├── UsageError            invalid arguments
    │   └── SettingsError     a setting has an invalid value
    ├── NotFoundError         no such queue, job or batch
    ├── UnreachableError      a server does not answer
    │   └── RedisUnreachableError
    ├── PartialError          a bulk operation failed for some of its items
    ├── RefusedError          valid, but refused on purpose
    │   ├── LoggedOutError    a user's login has ended
    │   └── RateLimitedError  an owner created too many jobs, or has too many
    ├── WaitTimeoutError      an awaited event did not happen in time
    ├── JobFailedError        the awaited job failed
    ├── JobError              a worker must not run the job
    │   ├── UnreadableJobError
    │   ├── ForbiddenJobError
    │   └── ClaimLostError    another worker has claimed the job
    ├── SinkError
    │   ├── SinkUnavailableError    down or busy: the batch waits
    │   └── SinkMisconfiguredError  refuses qctl until a person acts
    │       └── UnusableError       a setting is invalid, or its driver is not installed
    ├── RejectedError         one message or row is invalid
    │   └── AlreadyExistsError
    └── BackpressureError     no room: the source must wait
        ├── BudgetError       a kind of jobs uses all memory that it may use
        └── NotReplicatedError  too few replicas of Redis have a change

Errors carry no exit code: `cli/exit_codes.py` owns those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


class QctlError(Exception):
    """Base of all errors. `message` is one line for a person, `hint` the next command to run, if there is one."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it as it is: the arguments of some errors are not those that their class takes."""
        return _restore, (type(self), self.args, vars(self))


def _restore(kind: type[QctlError], args: tuple[Any, ...], state: dict[str, Any]) -> QctlError:
    error = kind.__new__(kind, *args)
    vars(error).update(state)
    return error


class UsageError(QctlError):
    """Arguments are invalid: a duration, a selector, a combination of options."""


class SettingsError(UsageError):
    """The setting `name` has an invalid value."""

    def __init__(self, name: str, problem: str, hint: str | None = None) -> None:
        super().__init__(f"{name}: {problem}", hint)
        self.name = name


class NotFoundError(QctlError):
    """The named object does not exist. `close` holds similar names."""

    def __init__(self, message: str, close: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.close = close

    @classmethod
    def with_suggestions(cls, message: str, name: str, known: Iterable[str], fallback_hint: str) -> NotFoundError:
        """Make the error for a name that is not among the known ones. Its hint suggests similar names, or is
        `fallback_hint` if there are none."""
        from difflib import get_close_matches  # 3 ms, paid only after a typing error

        close = tuple(get_close_matches(name, list(known), n=3, cutoff=0.6))
        return cls(message, close, did_you_mean(close) if close else fallback_hint)


class UnreachableError(QctlError):
    """A required server does not answer."""


class RedisUnreachableError(UnreachableError):
    """Redis does not answer, or refuses the connection."""


class PartialError(QctlError):
    """A bulk operation failed for some of its items."""


class RefusedError(QctlError):
    """The operation is valid, but refused: not confirmed, read-only, or it would violate a guarantee."""


class LoggedOutError(RefusedError):
    """The login of a user has ended (HTTP: 401)."""


class RateLimitedError(RefusedError):
    """An owner created too many jobs within a minute, or has too many that wait or run (HTTP: 429).

    `retry_after` is the time (whole seconds) until another is allowed, None if a job has to end first.
    """

    def __init__(self, message: str, hint: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class WaitTimeoutError(QctlError):
    """An awaited event did not happen in time."""


class JobFailedError(QctlError):
    """The awaited job failed."""


class JobError(QctlError):
    """A worker must not run the job."""


class UnreadableJobError(JobError):
    """The job's hash or payload cannot be read: corrupt, pickled, or of the wrong type."""


class ForbiddenJobError(JobError):
    """The job's function is neither in the catalog nor in QCTL_ALLOWED_JOBS."""


class ClaimLostError(JobError):
    """Another worker has claimed the job, because this worker's lease expired."""


class SinkError(QctlError):
    """A sink could not take a batch."""


class SinkUnavailableError(SinkError):
    """The sink is down or busy. The batch is valid and waits.

    `retry_after` is the time (s) that the sink asks to wait, None if it does not say.
    """

    def __init__(self, message: str, hint: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class SinkMisconfiguredError(SinkError):
    """The sink refuses qctl (credentials, missing table or bucket) until a person acts."""


class UnusableError(SinkMisconfiguredError):
    """A setting or feature cannot be used: its value is invalid, or its driver is not installed."""

    def __init__(self, subject: str, problem: str, hint: str | None = None) -> None:
        super().__init__(f"{subject} {problem}", hint)
        self.subject = subject
        self.problem = problem


class RejectedError(QctlError):
    """One message or row is invalid. `message` is the reason."""


class AlreadyExistsError(RejectedError):
    """An object of this name exists already and stays unchanged."""


class BackpressureError(QctlError):
    """There is no room: the source must wait and must not acknowledge."""


class NotReplicatedError(BackpressureError):
    """A change is on the primary of Redis, but too few replicas have it: a failover may lose it."""


class BudgetError(BackpressureError):
    """Jobs of a kind, or files of messages, use all of the room that they may use. The message is fit for users."""


def did_you_mean(names: Sequence[str]) -> str:
    """Hint that suggests similar names."""
    return f"did you mean {' or '.join(map(repr, names))}?"
