"""Documents about users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Account, AccountChange, Accounts

_COLUMNS = ("email", "id", "username", "role", "created_at", "modified_at")


def users(found: Accounts) -> Document:
    """`qctl user list`."""
    rows = [_account(account) for account in found.accounts]
    return Document("qctl.user.list/1", "email", _COLUMNS, {"total": found.total}, "users", rows)


def user_act(verb: str, done: AccountChange) -> Document:
    """`qctl user create` and its likes. `password` is one that was made up."""
    head: Record = {**_account(done.account), "changed": done.changed, "password": done.password}
    return Document(f"qctl.user.{verb}/1", "email", tuple(head), head)


def _account(account: Account) -> Record:
    return {
        "email": account.email,
        "id": account.id,
        "username": account.username,
        "role": account.role,
        "created_at": time(account.created),
        "modified_at": time(account.modified),
    }
