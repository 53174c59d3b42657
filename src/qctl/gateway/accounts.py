"""User accounts: registration, login, and the check for administrators.

Passwords are stored as argon2id hashes. Neither the duration nor the text of a reply reveals whether an email address
has a user.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from anyio import CapacityLimiter, fail_after, to_thread
from starlette.exceptions import HTTPException

from qctl.errors import BackpressureError, RefusedError, UsageError
from qctl.gateway.tokens import Caller, Tokens
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.store import passwords
from qctl.store.user_rules import MIN_WEAK_PASSWORD_CHARACTERS, check_length, check_password
from qctl.store.users import ADMIN, User, UserStore, new_user, open_user_store

T = TypeVar("T")

MAX_WAIT_SECONDS = 2.0
"""Time (s) that a request waits for a place to compute a password hash, about 50 ms and 64 MB; then it is refused."""

CLIENT_CLOSED_REQUEST = 499
"""Status in the log of a request whose client hung up before the response."""

IsGone = Callable[[], Awaitable[bool]]
"""Tells whether the client has hung up."""


class EmailTakenError(RefusedError):
    """Another user has this email address."""


class Accounts:
    """User accounts in the database.

    Methods raise SinkError if the database does not reply, and BackpressureError if too many requests need a hash.
    """

    def __init__(self, settings: Settings, tokens: Tokens, ops: Ops) -> None:
        self._users: UserStore = open_user_store(settings)
        self._tokens = tokens
        self._ops = ops
        self._min_password_characters = settings.password_length
        self._allows_weak_passwords = settings.allows_weak_passwords
        # A hash takes 64 MB and a whole core, so logins must not slow down every other request.
        self._places = CapacityLimiter(max(2, os.cpu_count() or 1))
        self._threads = CapacityLimiter(self._places.total_tokens)

    async def create(self, username: str, email: str, password: str, is_gone: IsGone | None = None) -> User:
        """Create a user. Raises EmailTakenError, and UsageError for a weak password."""
        try:
            if self._allows_weak_passwords:
                check_length(password, MIN_WEAK_PASSWORD_CHARACTERS)
            else:
                check_password(password, self._min_password_characters)
        except ValueError as error:
            raise UsageError(f"password {error}") from None
        return await self._hash_in_thread(partial(self._create, username, email.lower(), password), is_gone)

    async def login(self, email: str, password: str, is_gone: IsGone | None = None) -> str:
        """Issue a token for the user with this email address and password. Raises RefusedError."""
        return await self._hash_in_thread(partial(self._login, email.lower(), password), is_gone)

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

    def find_businesses(self, user_id: str) -> frozenset[str]:
        """The ids of the businesses that a user is a member of now; none if the user was removed."""
        return self._users.businesses(user_id)

    def close(self) -> None:
        """Close the connections to the database."""
        self._users.close()

    async def _hash_in_thread(self, function: partial[T], is_gone: IsGone | None) -> T:
        """Run a function that computes a hash, unless the client hangs up before it has a place."""
        place = object()
        try:
            with fail_after(MAX_WAIT_SECONDS):
                await self._places.acquire_on_behalf_of(place)
        except TimeoutError:
            raise BackpressureError("too many registrations and logins at the same time") from None
        try:
            if is_gone is not None and await is_gone():
                raise HTTPException(CLIENT_CLOSED_REQUEST, "the client has hung up")
            return await to_thread.run_sync(function, limiter=self._threads)
        finally:
            self._places.release_on_behalf_of(place)

    def _create(self, username: str, email: str, password: str) -> User:
        user = new_user(email, username, passwords.hash_password(password))
        if not self._users.add(user):
            raise EmailTakenError("Email already in use")
        return user

    def _login(self, email: str, password: str) -> str:
        user = self._users.find(email)
        # The user is read again after the session version, so that a change of the password meanwhile ends this login.
        version = self._ops.sessions.start(user.id) if user else 0
        user = self._users.find(email) if user else None
        if not passwords.verify_password(password, user.password if user else None) or user is None:
            raise RefusedError("Invalid email or password")
        return self._tokens.issue(user.id, user.role, version=version)
