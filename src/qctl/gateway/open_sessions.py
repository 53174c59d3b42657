"""Check that a token has not been logged out, was not issued before a change of the user, and that the user exists."""

from __future__ import annotations

import time
from datetime import datetime, timezone

from anyio import to_thread

from qctl.broker.bookkeeping.user_sessions import Token
from qctl.errors import RefusedError
from qctl.gateway.grouped_calls import GroupedCalls
from qctl.gateway.tokens import CLOCK_SKEW_SECONDS, Caller
from qctl.ops import Ops

CACHE_SECONDS = 1.0
"""Time for which the answer for a token is reused: a logout at another gateway counts after this time at most."""

MAX_CACHED_TOKENS = 10_000
"""Tokens in the cache, which is emptied when full."""


class OpenSessions:
    """Answers for all requests of a gateway. Methods raise RedisUnreachableError."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops
        self._checks: GroupedCalls[Token, bool] = GroupedCalls("sessions", ops.sessions.are_open)
        self._checked: dict[str, float] = {}
        """Token id -> monotonic time until which it is known to be open."""

    async def require(self, caller: Caller) -> None:
        """Raise RefusedError if a token has been logged out."""
        if not await self.is_open(caller):
            raise RefusedError("Logged out")

    async def is_open(self, caller: Caller) -> bool:
        """Check that a token is good."""
        token = self.unchecked(caller)
        if token is None:
            return True
        began = time.monotonic()
        is_open = await self._checks.call(token)
        if is_open:
            self.note_open(caller, began)
        return is_open

    def unchecked(self, caller: Caller) -> Token | None:
        """The token that has to be checked, None if it is known to be open."""
        if self._checked.get(caller.token_id, 0.0) > time.monotonic():
            return None
        return Token(caller.id, caller.version, caller.token_id)

    def note_open(self, caller: Caller, began: float) -> None:
        """Note that a check, which began at this monotonic time, found a token open."""
        if len(self._checked) >= MAX_CACHED_TOKENS:
            self._checked.clear()
        self._checked[caller.token_id] = began + CACHE_SECONDS

    async def is_logged_out(self, caller: Caller) -> bool:
        """Check that a token that belongs to no user has been logged out."""
        return await to_thread.run_sync(self._ops.sessions.is_logged_out, caller.token_id)

    async def end(self, caller: Caller, *, everywhere: bool) -> None:
        """Log out a token, or every token of its user."""
        left = (caller.expires - datetime.now(timezone.utc)).total_seconds() + CLOCK_SKEW_SECONDS
        await to_thread.run_sync(self._ops.sessions.end, caller.token_id, int(left) + 1)
        if everywhere:
            await to_thread.run_sync(self._ops.sessions.end_all, caller.id)
        self._checked.clear()

    def close(self) -> None:
        """Release the thread of the checks."""
        self._checks.close()
