"""Users come and log in. A password is kept as its argon2id hash; nobody learns by the time an answer takes, or by its
words, whether there is a user of an address."""

from __future__ import annotations

import os
import secrets
from datetime import datetime, timezone
from functools import partial
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from qctl.errors import BackpressureError, RefusedError
from qctl.gateway.tokens import Tokens
from qctl.settings import Settings
from qctl.store.users import User, Users, open_users

T = TypeVar("T")

COST = (3, 65_536, 4)
"""Rounds, KiB and lanes of a hash: the second choice of RFC 9106, section 4, which is the library's."""

DECOY = "$argon2id$v=19$m=65536,t=3,p=4$8xKUA3dshUrek2VlqMUX0w$JBbAo9re/2fI1+cSoslwwDJzFgp83qluGJtP/1jFNy8"
"""The hash, at this cost, of a password that nobody has: it is reckoned with where there is no user."""

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
        self._hasher = PasswordHasher(*COST)
        # Each takes 64 MB and a whole core: those who log in must not keep all others waiting.
        self._limiter = CapacityLimiter(max(2, os.cpu_count() or 1))
        self._waiting = 0

    async def create(self, username: str, email: str, password: str) -> User:
        """A new user. Raises TakenError."""
        return await self._in_turn(partial(self._create, username, email.lower(), password))

    async def login(self, email: str, password: str) -> str:
        """A token for the user of this address and password. Raises RefusedError."""
        return await self._in_turn(partial(self._login, email.lower(), password))

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
        now = datetime.now(timezone.utc)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # MongoDB keeps milliseconds
        hashed = self._hasher.hash(password)
        user = User(email, secrets.token_hex(12), username, hashed, "user", now, now)
        if not self._users.add(user):
            raise TakenError("Email already in use")
        return user

    def _login(self, email: str, password: str) -> str:
        user = self._users.find(email)
        try:
            self._hasher.verify(user.password if user else DECOY, password)
        except (VerificationError, InvalidHashError):
            user = None
        if user is None:
            raise RefusedError("Invalid email or password")
        return self._tokens.issue(user.id, user.role)
