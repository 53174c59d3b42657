"""User accounts: registration, login, and the check for administrators.

Passwords are stored as argon2id hashes. Neither the duration nor the text of a reply reveals whether an email address
has a user.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from qctl.errors import BackpressureError, RefusedError
from qctl.gateway.tokens import Caller, Tokens
from qctl.settings import Settings
from qctl.store import passwords
from qctl.store.users import ADMIN, User, UserStore, new_user, open_user_store

T = TypeVar("T")

MAX_WAITING_HASHES = 100
"""Requests that may wait for a password hash, about 50 ms and 64 MB each; more get BackpressureError."""


class EmailTakenError(RefusedError):
    """Another user has this email address."""


class Accounts:
    """User accounts in the database.

    Methods raise SinkError if the database does not reply, and BackpressureError if too many requests need a hash.
    """

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._users: UserStore = open_user_store(settings)
        self._tokens = tokens
        # A hash takes 64 MB and a whole core, so logins must not slow down every other request.
        self._limiter = CapacityLimiter(max(2, os.cpu_count() or 1))
        self._waiting = 0

    async def create(self, username: str, email: str, password: str) -> User:
        """Create a user. Raises EmailTakenError."""
        return await self._hash_in_thread(partial(self._create, username, email.lower(), password))

    async def login(self, email: str, password: str) -> str:
        """Issue a token for the user with this email address and password. Raises RefusedError."""
        return await self._hash_in_thread(partial(self._login, email.lower(), password))

    async def is_admin(self, caller: Caller) -> bool:
        """Check that a token has the admin role and that its user is an admin, unchanged since the token was issued.

        A user who is demoted, removed or gets a new password therefore loses admin rights at once.
        """
        return caller.role == ADMIN and await to_thread.run_sync(self.find_is_admin, caller)

    def find_is_admin(self, caller: Caller) -> bool:
        """Do the same as `is_admin`, in this thread."""
        user = self._users.find_by_id(caller.id) if caller.role == ADMIN else None
        return user is not None and user.role == ADMIN and caller.issued >= user.modified.replace(microsecond=0)

    def find_address(self, user_id: str) -> str | None:
        """The email address of a user, None if the user was removed."""
        user = self._users.find_by_id(user_id)
        return None if user is None else user.email

    def close(self) -> None:
        """Close the connections to the database."""
        self._users.close()

    async def _hash_in_thread(self, function: partial[T]) -> T:
        if self._waiting >= MAX_WAITING_HASHES:
            raise BackpressureError("too many registrations and logins at the same time")
        self._waiting += 1
        try:
            return await to_thread.run_sync(function, limiter=self._limiter)
        finally:
            self._waiting -= 1

    def _create(self, username: str, email: str, password: str) -> User:
        user = new_user(email, username, passwords.hash_password(password))
        if not self._users.add(user):
            raise EmailTakenError("Email already in use")
        return user

    def _login(self, email: str, password: str) -> str:
        user = self._users.find(email)
        if not passwords.verify_password(password, user.password if user else None) or user is None:
            raise RefusedError("Invalid email or password")
        return self._tokens.issue(user.id, user.role)
