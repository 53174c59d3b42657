"""Sessions of the gateway's users."""

from __future__ import annotations

from collections.abc import Sequence

from qctl.broker.bookkeeping import user_sessions
from qctl.broker.bookkeeping.user_sessions import Token
from qctl.ops.base import Part


class SessionOps(Part, name="sessions"):
    """Starts, checks and ends sessions, for all gateways. Raises RedisUnreachableError."""

    def start(self, user: str) -> int:
        """The session version for a new token of a user."""
        return user_sessions.start(self._redis, user)

    def are_open(self, tokens: Sequence[Token]) -> list[bool]:
        """Check for each token that it has its user's session version and was not logged out."""
        return user_sessions.are_open(self._redis, tokens)

    def is_logged_out(self, token_id: str) -> bool:
        """Check that a token was logged out."""
        return user_sessions.is_logged_out(self._redis, token_id)

    def end(self, token_id: str, seconds: int) -> None:
        """Log out one token, which expires in `seconds`."""
        user_sessions.end(self._redis, token_id, seconds)

    def end_all(self, user: str) -> None:
        """Log out every token of a user."""
        user_sessions.end_all(self._redis, user)
