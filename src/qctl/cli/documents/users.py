"""Documents about users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, single, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Account, AccountChange, Accounts, Invitation

_COLUMNS = ("email", "id", "username", "role", "created_at", "modified_at")


def user_list(accounts: Accounts) -> Document:
    """`qctl user list`."""
    rows = [_account(account) for account in accounts.accounts]
    return Document("qctl.user.list/1", "email", _COLUMNS, {"total": accounts.total}, "users", rows)


def user_invitation(invitation: Invitation) -> Document:
    """`qctl user invite`. `token` is good for one user and a week, `link` opens the page for it."""
    return single("qctl.user.invite/1", "token", {"token": invitation.token, "link": invitation.link})


def user_action(verb: str, change: AccountChange) -> Document:
    """`qctl user create` and the other changes. `password` is a generated one."""
    head: Record = {**_account(change.account), "changed": change.changed, "password": change.password}
    if change.account.businesses is not None:
        head["businesses"] = list(change.account.businesses)
    return single(f"qctl.user.{verb}/1", "email", head)


def _account(account: Account) -> Record:
    return {
        "email": account.email,
        "id": account.id,
        "username": account.username,
        "role": account.role,
        "created_at": time(account.created),
        "modified_at": time(account.modified),
    }
