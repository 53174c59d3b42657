"""Users of the gateway, and who of them may do what an operator may."""

from __future__ import annotations

import builtins
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from qctl.broker.redis import clock
from qctl.errors import NotFoundError, RefusedError, UsageError
from qctl.models import Account, AccountChange, Accounts, Role
from qctl.ops.base import Part
from qctl.store import passwords
from qctl.store.users import (
    ADDRESS_PATTERN,
    ADMIN,
    MAX_NAME_CHARACTERS,
    PASSWORD_CHARACTERS,
    USER,
    User,
    UserStore,
    new_user,
    now_in_milliseconds,
    open_user_store,
)

MADE_UP = 18
"""Random bytes of a password that is made up: 24 characters."""


class UserOps(Part, name="users"):
    """What `qctl user` does, in the database of the gateway's users. Redis is asked first where something changes: what
    cannot be noted in the audit is not done.

    Whoever is demoted, removed or given a new password loses the rights of an admin at once. A token that a user has
    is good for own jobs until it expires (QCTL_LOGIN_TTL). Raises SinkError where the database does not answer.
    """

    def list(self, *, role: Role | None = None, limit: int = 50) -> Accounts:
        """The newest users. Raises UsageError."""
        if limit < 1:
            raise UsageError("a limit is at least 1")
        with self._users(changing=False) as users:
            found, total = users.list(role, limit)
        return Accounts([_account(user) for user in found], total)

    def create(self, email: str, username: str, password: str | None, *, role: Role = USER) -> AccountChange:
        """A new user; one without a `password` gets one that is made up. Raises UsageError, RefusedError where the
        address is another's."""
        made_up = secrets.token_urlsafe(MADE_UP) if password is None else None
        _check(email, username, password)
        with self._users() as users:
            user = new_user(email.lower(), username, passwords.hash_password(password or made_up or ""), role)
            if not users.add(user):
                raise RefusedError(f"{user.email} is a user already", hint="qctl user list")
        return AccountChange(_account(user), password=made_up)

    def promote(self, email: str) -> AccountChange:
        """Make an admin of a user, from the next login on. Raises NotFoundError."""
        return self._to(email, ADMIN)

    def demote(self, email: str) -> AccountChange:
        """Make an admin a user again, at once. Raises NotFoundError."""
        return self._to(email, USER)

    def remove(self, email: str) -> AccountChange:
        """Forget a user. Jobs of the user stay. Raises NotFoundError."""
        with self._users() as users:
            user = _find(users, email)
            return AccountChange(_account(user), users.delete(user))

    def password(self, email: str, password: str | None) -> AccountChange:
        """Give a user a password, one that is made up where None. Raises UsageError and NotFoundError."""
        made_up = secrets.token_urlsafe(MADE_UP) if password is None else None
        _check(email, None, password)
        with self._users() as users:
            news = {"password": passwords.hash_password(password or made_up or "")}
            return replace(self._changed(users, _find(users, email), **news), password=made_up)

    def _to(self, email: str, role: Role) -> AccountChange:
        with self._users() as users:
            user = _find(users, email)
            if user.role == role:
                return AccountChange(_account(user), changed=False)
            return self._changed(users, user, role=role)

    def _changed(self, users: UserStore, user: User, **news: str) -> AccountChange:
        changed = replace(user, modified=now_in_milliseconds(), **news)  # type: ignore[arg-type]
        if not users.update(changed):
            raise NotFoundError(f"{user.email} was removed meanwhile")
        return AccountChange(_account(changed))

    @contextmanager
    def _users(self, *, changing: bool = True) -> Iterator[UserStore]:
        if changing:
            clock.now_ms(self._redis)
        users = open_user_store(self._settings)
        try:
            yield users
        finally:
            users.close()


def _find(users: UserStore, email: str) -> User:
    found = users.find(email.lower())
    if found is None:
        raise NotFoundError(f"there is no user {email}", hint="qctl user list")
    return found


def _account(user: User) -> Account:
    return Account(user.email, user.id, user.username, user.role, user.created, user.modified)


def _check(email: str, username: str | None, password: str | None) -> None:
    """Raise UsageError, naming all that is wrong at once."""
    problems: builtins.list[str] = []
    if not re.fullmatch(ADDRESS_PATTERN, email):
        problems.append(f"{email!r} is no address")
    if username is not None and not (0 < len(username) <= MAX_NAME_CHARACTERS and username.isprintable()):
        problems.append(f"a name is one line of 1 to {MAX_NAME_CHARACTERS} characters")
    least, most = PASSWORD_CHARACTERS
    if password is not None and not least <= len(password) <= most:
        problems.append(f"a password has {least} to {most} characters")
    if problems:
        raise UsageError("; ".join(problems))
