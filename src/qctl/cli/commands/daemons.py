"""`qctl daemon list|status|start|stop|restart|logs|scale|install`: the daemons under systemd."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exits import ExitCode
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import Daemon
from qctl.view import Cell

if TYPE_CHECKING:
    from qctl.systemd.manager import Verb

EMPTY = "No units of qctl. Write them with `qctl daemon install`, or run everything with `qctl up`."

User = Annotated[bool, typer.Option("--user", help="Units of your own manager, not the machine's.")]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[DAEMON]...", show_default=False, help="As list names them: scheduler, email."),
]
All = Annotated[bool, typer.Option("--all", help="Every daemon.")]
Timeout = Annotated[str, typer.Option(metavar="TIME", help="Most to wait until it is done; 0s: not at all.")]


@command("list", examples="qctl daemon list\nqctl daemon list --user --json", here=True)
def everything(session: Session, user: User = False) -> None:
    """List the units of qctl: how each is, since when, how often it was started again, what it says."""
    from qctl.systemd import Systemd

    _show(session, Systemd(user=user).list(), "list")


@command("status", examples="qctl daemon status scheduler email\nqctl daemon status --json", here=True)
def status(session: Session, names: Names = None, user: User = False) -> ExitCode:
    """Show daemons. Exits 1 where one of them failed."""
    from qctl.systemd import Systemd

    systemd = Systemd(user=user)
    found = systemd.select(names) if names else systemd.list()
    _show(session, found, "status")
    return ExitCode.FAILED if any(one.active == "failed" for one in found) else ExitCode.DONE


@command("start", examples="qctl daemon start --all\nqctl daemon start email scheduler", changes=True, here=True)
def start(
    session: Session, names: Names = None, everyone: All = False, timeout: Timeout = "20s", user: User = False
) -> ExitCode:
    """Start daemons. One that waits for its server, as the bridge for its broker, stays activating until that comes."""
    return _act(session, "start", names, everyone, timeout, user)


@command("stop", examples="qctl daemon stop email\nqctl daemon stop --all --timeout 5m", changes=True, here=True)
def stop(
    session: Session, names: Names = None, everyone: All = False, timeout: Timeout = "60s", user: User = False
) -> ExitCode:
    """Stop daemons: each finishes what it has in hand first. Exits 7 where one still does after the time."""
    return _act(session, "stop", names, everyone, timeout, user)


@command("restart", examples="qctl daemon restart scheduler\nqctl daemon restart --all", changes=True, here=True)
def restart(
    session: Session, names: Names = None, everyone: All = False, timeout: Timeout = "60s", user: User = False
) -> ExitCode:
    """Stop daemons as `stop` does and start them again, with the settings as they are now."""
    return _act(session, "restart", names, everyone, timeout, user)


@command(
    "logs",
    examples="qctl daemon logs email --lines 100\nqctl daemon logs scheduler --follow\nqctl daemon logs",
    here=True,
)
def logs(
    session: Session,
    names: Names = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, metavar="N", help="The last N lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only of the last: 90s, 30m, 2d.")] = None,
    user: User = False,
) -> ExitCode:
    """Show what daemons logged, by journalctl. Default: all of them."""
    from qctl.systemd import Systemd

    systemd = Systemd(user=user)
    found = systemd.select(names) if names else systemd.list()
    if not found:
        session.out.say(EMPTY)
        return ExitCode.NOT_FOUND
    ago = None if since is None else f"-{durations.parse(since, '--since'):.0f}s"
    return ExitCode.FAILED if systemd.logs(found, lines=lines, follow=follow, since=ago) else ExitCode.DONE


@command("scale", examples="qctl daemon scale email 3\nqctl daemon scale report 1", changes=True, here=True)
def scale(
    session: Session,
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help="Whose workers.")],
    count: Annotated[int, typer.Argument(metavar="N", help="How many of them; 0 is none.")],
    timeout: Timeout = "60s",
    user: User = False,
) -> ExitCode:
    """Have so many workers of a queue, now and after the next start. Those too many finish their job first."""
    from qctl.systemd import Systemd

    found = Systemd(user=user).scale(queue, count, timeout=durations.parse(timeout, "--timeout"))
    _show(session, found, "scale")
    return ExitCode.DONE if all(one.settled for one in found) else ExitCode.TIMED_OUT


@command(
    "install",
    examples="qctl daemon install --print\nqctl daemon install\nqctl daemon install --user",
    changes=True,
    here=True,
)
def install(
    session: Session,
    user: User = False,
    show: Annotated[bool, typer.Option("--print", help="Only show the files, and write nothing.")] = False,
) -> None:
    """Write the units, with the place of this very qctl in them, and have them start with the machine.

    As root: for the machine, as the user qctl, shut in. With --user: for your own manager, without the shutting in.
    """
    from qctl.systemd import Installation

    units = Installation(user=user)
    if show:
        texts = units.texts()
        cells = [Cell(line) for name, text in texts.items() for line in (f"# --- {name}", *text.splitlines(), "")]
        session.out.report(documents.installed([], texts), cells)
        return
    written = units.install()
    flag = " --user" if user else ""
    told = [Cell(f"{place} is written", "good") for place in written]
    session.out.report(
        documents.installed(written, {}), [*told, Cell(f"start everything with: qctl daemon start --all{flag}")]
    )


def _act(
    session: Session, verb: Verb, names: Sequence[str] | None, everyone: bool, timeout: str, user: bool
) -> ExitCode:
    from qctl.systemd import Systemd

    if bool(names) == everyone:
        raise UsageError(f"name the daemons to {verb}, or say --all", "qctl daemon list shows them")
    seconds = durations.parse(timeout, "--timeout")
    systemd = Systemd(user=user)
    chosen = systemd.select(names) if names else systemd.enabled()
    found = systemd.act(verb, chosen, timeout=seconds, target=everyone) if chosen else []
    _show(session, found, verb)
    if any(one.active == "failed" for one in found) and verb != "stop":
        return ExitCode.FAILED
    return ExitCode.DONE if all(one.settled for one in found) or not seconds else ExitCode.TIMED_OUT


def _show(session: Session, found: Sequence[Daemon], verb: str) -> None:
    table = view.Table(view.daemon_columns(datetime.now(timezone.utc)), found, EMPTY)
    session.out.listing(documents.daemons(found, verb), table)
