"""The audit log: changes made by people through the command line, the monitor or the gateway."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase

from qctl.broker.bookkeeping import audit, events
from qctl.broker.redis import clock, replication
from qctl.broker.redis.connection import translate_errors
from qctl.errors import QctlError
from qctl.models import AuditEntry
from qctl.ops.base import Part
from qctl.ops.selection import require_page
from qctl.safe import redact

_primary: ContextVar[object] = ContextVar("primary", default=None)
"""The primary at the beginning of the change that is recorded."""


class AuditOps(Part, name="audit"):
    """Entries of the audit, for `qctl audit`."""

    def note(
        self,
        command: str,
        line: str,
        *,
        via: str,
        outcome: str,
        problem: str = "",
        seconds: float | None = None,
        actor: str | None = None,
        trace: str | None = None,
    ) -> None:
        """Record a finished change, within the block of `recording`, if there is one.

        `command` is its name, `qctl clear`; `line` the equivalent command line, from which secrets are removed here;
        `outcome` the name of its exit code; `actor` the logged-in user if None; `trace` the id of the request,
        QCTL_TRACE_ID if None.
        """
        audit.record(
            self._redis,
            actor=actor or events.actor(),
            command=command,
            line=redact(line),
            outcome=outcome,
            problem=redact(problem),
            seconds=seconds,
            via=via,
            trace=trace or self._settings.trace_id or "",
        )
        replication.confirm(self._redis, _primary.get())

    @contextmanager
    def recording(
        self, command: str, line: str, *, via: str, actor: str | None = None, trace: str | None = None
    ) -> Iterator[None]:
        """Context manager that records each step of a change in the audit, with the outcome `begun`, until `note`
        records its end. The parameters are those of `note`.

        `note` raises NotReplicatedError if too few replicas have all that was changed in between.
        """
        token = _primary.set(self._primary_of_now())
        try:
            with audit.recording(
                actor=actor or events.actor(),
                command=command,
                line=redact(line),
                via=via,
                trace=trace or self._settings.trace_id or "",
            ):
                yield
        finally:
            _primary.reset(token)

    def _primary_of_now(self) -> object:
        """The primary at the beginning of a change. If Redis does not answer, the change itself will tell."""
        try:
            with translate_errors(self._settings):
                return replication.current_primary(self._redis)
        except QctlError:
            return None

    def acting_as(self, actor: str) -> AbstractContextManager[None]:
        """Context manager that records the changes of this thread under the name of `actor`."""
        return events.acting_as(actor)

    def list(
        self,
        *,
        actor: str | None = None,
        command: str | None = None,
        outcome: str | None = None,
        trace: str | None = None,
        since: float | None = None,
        limit: int = 50,
    ) -> builtins.list[AuditEntry]:
        """Return the last matching entries, oldest first. `actor` and `command` are patterns or parts of the text,
        `trace` is the id of a request, `since` an age in seconds. Raises UsageError."""
        require_page(limit, minimum=1)
        since_ms = 0 if since is None else clock.now_ms(self._redis) - round(since * 1000)

        def matches(entry: AuditEntry) -> bool:
            return (
                _matches(actor, entry.actor)
                and _matches(command, entry.command)
                and (outcome is None or entry.outcome == outcome)
                and (trace is None or entry.trace == trace)
            )

        return audit.search(self._redis, matches, limit=limit, since_ms=max(0, since_ms))


def _matches(pattern: str | None, text: str) -> bool:
    return pattern is None or fnmatchcase(text.lower(), f"*{pattern.lower()}*")
