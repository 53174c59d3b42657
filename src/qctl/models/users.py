"""Users of the gateway as operators see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Role = Literal["user", "admin"]
"""Rights of a user: only own jobs, or everything an operator may do."""


@dataclass(frozen=True)
class Account:
    """A user, without the password. `modified` is the time of the last change of role or password. `businesses` are the
    ids of those that the user is a member of, None if they were not read."""

    email: str
    id: str
    username: str
    role: Role
    created: datetime
    modified: datetime
    businesses: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Accounts:
    """A page of users, newest first; `total` counts all."""

    accounts: list[Account]
    total: int


@dataclass(frozen=True)
class Invitation:
    """An invitation to sign up. `link` opens the gateway's page for it."""

    token: str
    link: str


@dataclass(frozen=True)
class AccountChange:
    """Result of a change to a user. `changed` is False if nothing changed; `password` is a generated one."""

    account: Account
    changed: bool = True
    password: str | None = None
