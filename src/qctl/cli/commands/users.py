"""`qctl user`: who may use the gateway, and who of them is an admin there."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, cast

import typer

from qctl import view
from qctl.cli import documents, passwords
from qctl.cli.command import command
from qctl.cli.confirm import ask_yes_no
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import AccountChange, Role
from qctl.safe import escape_line
from qctl.view import Cell

EMPTY = "No users. `qctl user create ADDRESS` makes one; they may sign up at the gateway too."

Email = Annotated[str, typer.Argument(metavar="ADDRESS", help="E-mail address of the user.")]
Generate = Annotated[bool, typer.Option("--generate", help="Make up a password, and print it.")]


@command("list", examples="qctl user list\nqctl user list --role admin --json")
def everyone(
    session: Session,
    role: Annotated[str | None, typer.Option(metavar="ROLE", help="Only these: user or admin.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="The newest N of them.")] = 50,
) -> None:
    """List the users of the gateway, the newest first."""
    if role not in (None, "user", "admin"):
        raise UsageError(f"--role: {role!r} is not user or admin")
    found = session.ops.users.list(role=cast("Role | None", role), limit=limit)
    table = view.Table(view.user_columns(datetime.now(timezone.utc)), found.accounts, EMPTY)
    session.out.listing(documents.users(found), table)
    if found.total > len(found.accounts):
        session.out.say(f"{len(found.accounts)} of {found.total} users; --limit shows more")


@command(
    "create",
    examples="qctl user create ada@example.com --generate\nqctl user create ada@example.com --admin",
    changes=True,
)
def create(
    session: Session,
    email: Email,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Default: the address up to the @.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="Let them do whatever an operator may.")] = False,
    generate: Generate = False,
) -> None:
    """Make a user of the gateway. The password is asked for, or read from stdin."""
    password = None if generate else passwords.ask()
    username = email.partition("@")[0] if name is None else name
    done = session.ops.users.create(email, username, password, role="admin" if admin else "user")
    _tell(session, "create", done, f"is {'an admin' if admin else 'a user'} now")


@command("promote", examples="qctl user promote ada@example.com", changes=True)
def promote(session: Session, email: Email) -> None:
    """Make a user an admin, who may change queues over HTTP. It counts from the next login on."""
    done = session.ops.users.promote(email)
    _tell(session, "promote", done, "is an admin from the next login on", "is an admin already")


@command("demote", examples="qctl user demote ada@example.com", changes=True)
def demote(session: Session, email: Email) -> None:
    """Make an admin an ordinary user again, at once."""
    _tell(session, "demote", session.ops.users.demote(email), "is an admin no more", "is no admin")


@command("remove", examples="qctl user remove ada@example.com\nqctl user remove ada@example.com --yes", changes=True)
def remove(
    session: Session, email: Email, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Forget a user. An admin's rights end at once; a token is good for own jobs until it expires. Jobs stay."""
    if not yes:
        ask_yes_no(session.out, f"Forget the user {escape_line(email)}?")
    done = session.ops.users.remove(email)
    _tell(session, "remove", done, "is no user any more", "was removed by somebody else")


@command(
    "password",
    examples="qctl user password ada@example.com --generate\nqctl user password ada@example.com",
    changes=True,
)
def password(session: Session, email: Email, generate: Generate = False) -> None:
    """Give a user a new password, which is asked for, or read from stdin. An admin has to log in again."""
    done = session.ops.users.password(email, None if generate else passwords.ask())
    _tell(session, "password", done, "has a new password")


def _tell(session: Session, verb: str, done: AccountChange, words: str, otherwise: str = "") -> None:
    line = f"{escape_line(done.account.email)} {words if done.changed else otherwise}"
    lines = [Cell(line, "good" if done.changed else "")]
    if done.password is not None:
        lines.append(Cell(f"  password: {done.password}"))
    session.out.report(documents.user_act(verb, done), lines)
