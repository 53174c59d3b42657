"""Users of the gateway, as operators see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Role = Literal["user", "admin"]
"""What a user may: own jobs, or all that an operator may."""


@dataclass(frozen=True)
class Account:
    """A user, without the password. `modified` is when the role or the password was changed last."""

    email: str
    id: str
    username: str
    role: Role
    created: datetime
    modified: datetime


@dataclass(frozen=True)
class Accounts:
    """Some users, the newest first, of so many that there are."""

    accounts: list[Account]
    total: int


@dataclass(frozen=True)
class AccountChange:
    """What became of a user. `changed` is False where it was so before; `password` is one that was made up for it."""

    account: Account
    changed: bool = True
    password: str | None = None
