"""Users of the gateway, and their roles."""

from __future__ import annotations

import builtins
import re
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from qctl.broker.bookkeeping import invitations, user_sessions
from qctl.broker.redis import clock
from qctl.errors import NotFoundError, RefusedError, UsageError
from qctl.models import Account, AccountChange, Accounts, Invitation, Role
from qctl.ops.base import Part
from qctl.ops.selection import require_page
from qctl.settings import Settings
from qctl.settings.parsers import is_loopback
from qctl.store import passwords
from qctl.store.user_rules import check_password, normalise_address, normalise_name
from qctl.store.users import (
    ADMIN,
    USER,
    User,
    UserStore,
    new_user,
    now_in_milliseconds,
    open_user_store,
)

BUSINESS = re.compile(r"[A-Za-z0-9._:-]{1,100}")
"""Ids of businesses that users can be members of."""

PASSWORD_RANDOM_BYTES = 18
"""Random bytes of a generated password: 24 characters."""


class UserOps(Part, name="users"):
    """Users in the gateway's database, for `qctl user`. A change needs Redis first, because a change that cannot be
    recorded in the audit must not happen.

    A user who is demoted, removed or given a new password is logged out everywhere, at once. Operations raise SinkError
    if the database does not answer.
    """

    def list(self, *, role: Role | None = None, limit: int = 50) -> Accounts:
        """List the newest users. Raises UsageError."""
        require_page(limit, minimum=1)
        with self._users(changing=False) as users:
            page, total = users.list(role, limit)
        return Accounts([_account(user) for user in page], total)

    def create(self, email: str, username: str, password: str | None, *, role: Role = USER) -> AccountChange:
        """Create a user; without a `password`, one is generated. Raises UsageError, and RefusedError if the address is
        taken."""
        generated = secrets.token_urlsafe(PASSWORD_RANDOM_BYTES) if password is None else None
        _check(email, username, password, self._settings.password_length)
        with self._users() as users:
            user = new_user(
                normalise_address(email),
                normalise_name(username),
                passwords.hash_password(password or generated or ""),
                role,
            )
            if not users.add(user):
                raise RefusedError(f"user {user.email!r} exists already", hint="list users with: qctl user list")
        return AccountChange(_account(user), password=generated)

    def invite(self) -> Invitation:
        """Make an invitation to sign up, good for one user and a week."""
        token = invitations.create(self._redis)
        return Invitation(token, f"{_gateway_address(self._settings)}/signup?invitation={token}")

    def redeem_invitation(self, token: str) -> bool:
        """Use up an invitation. Returns False if it is not good."""
        return invitations.redeem(self._redis, token)

    def restore_invitation(self, token: str) -> None:
        """Make an invitation good again, because no user was created with it."""
        invitations.restore(self._redis, token)

    def promote(self, email: str) -> AccountChange:
        """Make a user an admin, from the next login on. Raises NotFoundError."""
        return self._set_role(email, ADMIN)

    def demote(self, email: str) -> AccountChange:
        """Make an admin a user again, immediately. Raises NotFoundError."""
        return self._set_role(email, USER)

    def remove(self, email: str) -> AccountChange:
        """Delete a user. Jobs of the user stay. Raises NotFoundError."""
        with self._users() as users:
            user = _find(users, email)
            deleted = users.delete(user)
            user_sessions.remove(self._redis, user.id)
            return AccountChange(_account(user), deleted)

    def businesses(self, email: str, businesses: Sequence[str]) -> AccountChange:
        """Set the businesses whose jobs a user may request. Raises UsageError and NotFoundError."""
        invalid = [business for business in businesses if not BUSINESS.fullmatch(business)]
        if invalid:
            raise UsageError(f"business {invalid[0]!r} is not an id of 1 to 100 letters, digits, . _ : -")
        with self._users() as users:
            user = _find(users, email)
            before, wanted = users.businesses(user.id), frozenset(businesses)
            if wanted != before and not users.set_businesses(user, wanted):
                raise NotFoundError(f"user {user.email!r} was removed meanwhile")
            return AccountChange(replace(_account(user), businesses=tuple(sorted(wanted))), wanted != before)

    def log_out(self, email: str) -> AccountChange:
        """End all logins of a user. Raises NotFoundError."""
        with self._users() as users:
            user = _find(users, email)
            user_sessions.end_all(self._redis, user.id)
            return AccountChange(_account(user))

    def password(self, email: str, password: str | None) -> AccountChange:
        """Set the password of a user, a generated one if None. Raises UsageError and NotFoundError."""
        generated = secrets.token_urlsafe(PASSWORD_RANDOM_BYTES) if password is None else None
        _check(email, None, password, self._settings.password_length)
        with self._users() as users:
            values = {"password": passwords.hash_password(password or generated or "")}
            return replace(self._change(users, _find(users, email), **values), password=generated)

    def _set_role(self, email: str, role: Role) -> AccountChange:
        with self._users() as users:
            user = _find(users, email)
            if user.role == role:
                return AccountChange(_account(user), changed=False)
            return self._change(users, user, role=role)

    def _change(self, users: UserStore, user: User, **values: str) -> AccountChange:
        changed = replace(user, modified=now_in_milliseconds(), **values)  # type: ignore[arg-type]
        if not users.update(changed):
            raise NotFoundError(f"user {user.email!r} was removed meanwhile")
        user_sessions.end_all(self._redis, user.id)
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


def _gateway_address(settings: Settings) -> str:
    """The address by which users reach the gateway: the first name of QCTL_HOSTS, which a proxy with TLS serves, else
    where the gateway listens."""
    if settings.hosts:
        name = settings.hosts[0]
        return f"https://[{name}]" if ":" in name else f"https://{name}"
    host = "localhost" if is_loopback(settings.gateway_host) else settings.gateway_host
    host = socket.gethostname() if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not listened on
    return f"http://[{host}]:{settings.gateway_port}" if ":" in host else f"http://{host}:{settings.gateway_port}"


def _find(users: UserStore, email: str) -> User:
    user = users.find(email.lower())
    if user is None:
        raise NotFoundError(f"user {email!r} not found", hint="list users with: qctl user list")
    return user


def _account(user: User) -> Account:
    return Account(user.email, user.id, user.username, user.role, user.created, user.modified)


def _check(email: str, username: str | None, password: str | None, min_password_characters: int) -> None:
    """Raise UsageError with all problems at once."""
    problems: builtins.list[str] = []
    for noun, value, rule in (
        (f"address {email!r}", email, normalise_address),
        (f"name {username!r}", username, normalise_name),
        ("the password", password, partial(check_password, shortest=min_password_characters)),
    ):
        try:
            if value is not None:
                rule(value)
        except ValueError as error:
            problems.append(f"{noun} {error}")
    if problems:
        raise UsageError("; ".join(problems))
