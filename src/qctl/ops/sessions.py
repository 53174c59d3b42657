"""Sessions of the gateway's users."""

from __future__ import annotations

from qctl.broker.bookkeeping import user_sessions
from qctl.ops.base import Part


class SessionOps(Part, name="sessions"):
    """Starts, checks and ends sessions, for all gateways. Raises RedisUnreachableError."""

    def start(self, user: str) -> int:
        """The session version for a new token of a user."""
        return user_sessions.start(self._redis, user)

    def is_open(self, user: str, version: int, token_id: str) -> bool:
        """Check that a token has the user's session version and was not logged out."""
        return user_sessions.is_open(self._redis, user, version, token_id)

    def is_logged_out(self, token_id: str) -> bool:
        """Check that a token was logged out."""
        return user_sessions.is_logged_out(self._redis, token_id)

    def end(self, token_id: str, seconds: int) -> None:
        """Log out one token, which expires in `seconds`."""
        user_sessions.end(self._redis, token_id, seconds)

    def end_all(self, user: str) -> None:
        """Log out every token of a user."""
        user_sessions.end_all(self._redis, user)
