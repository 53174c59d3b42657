"""What people did: noted by whoever let them, command line, screen or gateway, and looked up later."""

from __future__ import annotations

import builtins
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase

from qctl.broker.bookkeeping import audit, events
from qctl.broker.redis import clock
from qctl.errors import UsageError
from qctl.models import AuditEntry
from qctl.ops.base import Part
from qctl.safe import redact


class AuditOps(Part, name="audit"):
    """What `qctl audit` shows."""

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
        """Write down an act that is over. `command` is what it is called, `qctl clear`; `line` the command line that
        does the same, of which secrets are taken out here; `outcome` the name of its exit code; `actor` whoever is
        logged in where None; `trace` the id of the request, QCTL_TRACE_ID where None.
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

    def acting_as(self, actor: str) -> AbstractContextManager[None]:
        """While it is entered, what is done here is signed with the name of whoever it is done for."""
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
        """The last acts that match, oldest of them first. `actor` and `command` are patterns or a part of what is
        looked for, `trace` is the id of a request, `since` is how many seconds ago. Raises UsageError."""
        if limit < 1:
            raise UsageError("a limit is at least 1")
        since_ms = 0 if since is None else clock.now_ms(self._redis) - round(since * 1000)

        def wanted(act: AuditEntry) -> bool:
            return (
                _matches(actor, act.actor)
                and _matches(command, act.command)
                and (outcome is None or act.outcome == outcome)
                and (trace is None or act.trace == trace)
            )

        return audit.search(self._redis, wanted, limit=limit, since_ms=max(0, since_ms))


def _matches(pattern: str | None, text: str) -> bool:
    return pattern is None or fnmatchcase(text.lower(), f"*{pattern.lower()}*")
