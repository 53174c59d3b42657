"""Users come and log in. A password is kept as its argon2id hash; nobody learns by the time an answer takes, or by its
words, whether there is a user of an address."""

from __future__ import annotations

import os
from functools import partial
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from qctl.errors import BackpressureError, RefusedError
from qctl.gateway.tokens import Caller, Tokens
from qctl.settings import Settings
from qctl.store import passwords
from qctl.store.users import ADMIN, User, Users, new_user, open_users

T = TypeVar("T")

MOST_WAITING = 100
"""Requests for which a hash is to be reckoned, some 50 ms and 64 MB each. Who comes then is told to come again."""


class TakenError(RefusedError):
    """The address is that of another user."""


class Accounts:
    """Users, and how they log in. Its methods raise SinkError where the database does not answer, and BackpressureError
    where too many ask at the same time."""

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._users: Users = open_users(settings)
        self._tokens = tokens
        # Each takes 64 MB and a whole core: those who log in must not keep all others waiting.
        self._limiter = CapacityLimiter(max(2, os.cpu_count() or 1))
        self._waiting = 0

    async def create(self, username: str, email: str, password: str) -> User:
        """A new user. Raises TakenError."""
        return await self._in_turn(partial(self._create, username, email.lower(), password))

    async def login(self, email: str, password: str) -> str:
        """A token for the user of this address and password. Raises RefusedError."""
        return await self._in_turn(partial(self._login, email.lower(), password))

    async def is_admin(self, caller: Caller) -> bool:
        """Whether a token that says so names somebody who is an admin now, and was given since they were changed last:
        who is demoted, removed or has a new password loses the rights of an admin at once."""
        if caller.role != ADMIN:
            return False
        user = await to_thread.run_sync(self._users.by_id, caller.id)
        return user is not None and user.role == ADMIN and caller.issued >= user.modified.replace(microsecond=0)

    def close(self) -> None:
        """Close the connections to the database."""
        self._users.close()

    async def _in_turn(self, act: partial[T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise BackpressureError("too many users come at the same time")
        self._waiting += 1
        try:
            return await to_thread.run_sync(act, limiter=self._limiter)
        finally:
            self._waiting -= 1

    def _create(self, username: str, email: str, password: str) -> User:
        user = new_user(email, username, passwords.hashed(password))
        if not self._users.add(user):
            raise TakenError("Email already in use")
        return user

    def _login(self, email: str, password: str) -> str:
        user = self._users.find(email)
        if not passwords.is_right(password, user.password if user else None) or user is None:
            raise RefusedError("Invalid email or password")
        return self._tokens.issue(user.id, user.role)
