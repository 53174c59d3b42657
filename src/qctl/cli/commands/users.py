"""`qctl user list|create|invite|business|promote|demote|remove|password|logout`: users and admins of the gateway."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, cast

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.prompts import confirm, read_password
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import AccountChange, Role
from qctl.safe import escape_line
from qctl.view import Cell

EMPTY = "No users. Create one with `qctl user create ADDRESS`, or sign up at the gateway."

Email = Annotated[str, typer.Argument(metavar="ADDRESS", help="E-mail address of the user.")]
Generate = Annotated[bool, typer.Option("--generate", help="Generate a password, and print it.")]


@command("list", examples="qctl user list\nqctl user list --role admin --json")
def list_users(
    session: Session,
    role: Annotated[str | None, typer.Option(metavar="ROLE", help="Role: user or admin.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Maximum number of rows.")] = 50,
) -> None:
    """List the users of the gateway, newest first."""
    if role not in (None, "user", "admin"):
        raise UsageError(f"--role: unknown role {role!r}", "allowed: user, admin")
    accounts = session.ops.users.list(role=cast("Role | None", role), limit=limit)
    table = view.Table(view.user_columns(datetime.now(timezone.utc)), accounts.accounts, EMPTY)
    session.out.listing(documents.user_list(accounts), table)
    if accounts.total > len(accounts.accounts):
        session.out.say(f"{len(accounts.accounts)} of {accounts.total} users; all with --limit {accounts.total}")


@command(
    "create",
    examples="qctl user create ada@example.com --generate\nqctl user create ada@example.com --admin",
    changes=True,
)
def create(
    session: Session,
    email: Email,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="User name. Default: the address up to the @.")
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="Create an admin, who may change queues over HTTP.")] = False,
    generate: Generate = False,
) -> None:
    """Create a user of the gateway.

    Asks for a password, or reads it from stdin.
    """
    password = None if generate else read_password()
    username = email.partition("@")[0] if name is None else name
    change = session.ops.users.create(email, username, password, role="admin" if admin else "user")
    _report(session, "create", change, f"created as {'admin' if admin else 'user'}")


@command("invite", examples="qctl user invite", changes=True)
def invite(session: Session) -> None:
    """Make an invitation to sign up at the gateway.

    Prints a link to a page of the gateway, good for one user and a week. Its name is the first of QCTL_HOSTS.
    """
    invitation = session.ops.users.invite()
    session.out.report(documents.user_invitation(invitation), [Cell(invitation.link, "good")])


@command(
    "business",
    examples="qctl user business ada@example.com 17 18\nqctl user business ada@example.com --none",
    changes=True,
)
def business(
    session: Session,
    email: Email,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[BUSINESS]...", help="Ids of the businesses.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Remove the user from all businesses.")] = False,
) -> None:
    """Set the businesses whose jobs a user may request.

    Replaces the former ones, at once.
    """
    if bool(ids) == none:
        raise UsageError("give the ids of the businesses, or --none", "qctl user business ADDRESS ID...")
    change = session.ops.users.businesses(email, ids or [])
    listed = ", ".join(change.account.businesses or ()) or "no business"
    _report(session, "business", change, f"is a member of {listed}", f"is already a member of {listed}")


@command("promote", examples="qctl user promote ada@example.com", changes=True)
def promote(session: Session, email: Email) -> None:
    """Make a user an admin, who may change queues over HTTP.

    Takes effect at the next login.
    """
    change = session.ops.users.promote(email)
    _report(session, "promote", change, "is an admin from the next login on", "is already an admin")


@command("demote", examples="qctl user demote ada@example.com", changes=True)
def demote(session: Session, email: Email) -> None:
    """Make an admin an ordinary user, at once."""
    _report(session, "demote", session.ops.users.demote(email), "is no longer an admin", "is not an admin")


@command("remove", examples="qctl user remove ada@example.com\nqctl user remove ada@example.com --yes", changes=True)
def remove(
    session: Session,
    email: Email,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="No confirmation.")] = False,
) -> None:
    """Remove a user; jobs stay.

    All logins of the user end at once.
    """
    if not yes:
        confirm(session.out, f"Remove user {escape_line(email)}?")
    change = session.ops.users.remove(email)
    _report(session, "remove", change, "removed", "was already removed")


@command("logout", examples="qctl user logout ada@example.com", changes=True)
def logout(session: Session, email: Email) -> None:
    """End all logins of a user, at once."""
    _report(session, "logout", session.ops.users.log_out(email), "logged out everywhere")


@command(
    "password",
    examples="qctl user password ada@example.com --generate\nqctl user password ada@example.com",
    changes=True,
)
def password(session: Session, email: Email, generate: Generate = False) -> None:
    """Set the password of a user.

    Asks for it, or reads it from stdin. All logins of the user end at once.
    """
    change = session.ops.users.password(email, None if generate else read_password())
    _report(session, "password", change, "has a new password")


def _report(session: Session, verb: str, change: AccountChange, changed: str, unchanged: str = "") -> None:
    line = f"{escape_line(change.account.email)} {changed if change.changed else unchanged}"
    lines = [Cell(line, "good" if change.changed else "")]
    if change.password is not None:
        lines.append(Cell(f"  password: {change.password}"))
    session.out.report(documents.user_action(verb, change), lines)
