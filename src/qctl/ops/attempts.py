"""Attempts at secrets of the gateway, and the record of those that were refused."""

from __future__ import annotations

from qctl.broker.bookkeeping import attempts, audit
from qctl.broker.bookkeeping.attempts import Attempt, Reservation
from qctl.ops.base import Part


class AttemptOps(Part, name="attempts"):
    """Limits attempts by account and by address, over all gateways. Raises RedisUnreachableError."""

    def reserve(self, attempt: Attempt) -> Reservation:
        """Count an attempt before its secret is checked, unless a limit is reached."""
        return attempts.reserve(self._redis, attempt)

    def forgive(self, reservation: Reservation) -> None:
        """Uncount an attempt whose secret was right."""
        attempts.forgive(self._redis, reservation)

    def note_refusal(self, *, actor: str, request: str, problem: str, trace: str) -> None:
        """Write a refused request to the audit log, up to a limit a minute, so that acts of operators stay in it."""
        if attempts.may_audit(self._redis):
            audit.record(
                self._redis,
                actor=actor,
                command=request,
                line=request,
                outcome="refused",
                problem=problem,
                via="gateway",
                trace=trace,
            )
