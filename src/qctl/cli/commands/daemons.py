"""`qctl daemon list|status|start|stop|restart|logs|scale|install`: the daemons under systemd."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import Daemon
from qctl.systemd import Installation, Systemd
from qctl.view import Cell

if TYPE_CHECKING:
    from qctl.systemd.manager import Verb

EMPTY = "No systemd units. Write them with `qctl daemon install`, or run everything with `qctl up`."

User = Annotated[bool, typer.Option("--user", help="Units of your user manager instead of the system.")]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[DAEMON]...", show_default=False, help="Names as shown by list: scheduler, email."),
]
All = Annotated[bool, typer.Option("--all", help="All daemons.")]
Timeout = Annotated[str, typer.Option(metavar="TIME", help="Maximum time to wait for completion; 0s does not wait.")]


@command("list", examples="qctl daemon list\nqctl daemon list --user --json", local=True)
def list_daemons(session: Session, user: User = False) -> None:
    """List the systemd units of qctl.

    Shows the state of each, since when, its restarts, and its status text.
    """
    _print_states(session, Systemd(user=user).list(), "list")


@command("status", examples="qctl daemon status scheduler email\nqctl daemon status --json", local=True)
def status(session: Session, names: Names = None, user: User = False) -> ExitCode:
    """Show the state of daemons.

    Exits 1 if one of them has failed.
    """
    systemd = Systemd(user=user)
    daemons = systemd.select(names) if names else systemd.list()
    _print_states(session, daemons, "status")
    return ExitCode.FAILED if any(daemon.active == "failed" for daemon in daemons) else ExitCode.DONE


@command("start", examples="qctl daemon start --all\nqctl daemon start email scheduler", changes=True, local=True)
def start(
    session: Session, names: Names = None, everyone: All = False, timeout: Timeout = "20s", user: User = False
) -> ExitCode:
    """Start daemons.

    A daemon that waits for its server, as the bridge for its broker, stays `activating` until the server answers.
    """
    return _control(session, "start", names, everyone, timeout, user)


@command("stop", examples="qctl daemon stop email\nqctl daemon stop --all --timeout 5m", changes=True, local=True)
def stop(
    session: Session, names: Names = None, everyone: All = False, timeout: Timeout = "60s", user: User = False
) -> ExitCode:
    """Stop daemons after their current work.

    Exits 7 if one still runs after the timeout.
    """
    return _control(session, "stop", names, everyone, timeout, user)


@command("restart", examples="qctl daemon restart scheduler\nqctl daemon restart --all", changes=True, local=True)
def restart(
    session: Session, names: Names = None, everyone: All = False, timeout: Timeout = "60s", user: User = False
) -> ExitCode:
    """Restart daemons after their current work.

    They start with the current settings.
    """
    return _control(session, "restart", names, everyone, timeout, user)


@command(
    "logs",
    examples="qctl daemon logs email --lines 100\nqctl daemon logs scheduler --follow\nqctl daemon logs",
    local=True,
)
def logs(
    session: Session,
    names: Names = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, metavar="N", help="Number of last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines until Ctrl-C.")] = False,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Maximum age of lines: 90s, 30m, 2d.")] = None,
    user: User = False,
) -> ExitCode:
    """Show the journal of daemons, by default of all."""
    systemd = Systemd(user=user)
    daemons = systemd.select(names) if names else systemd.list()
    if not daemons:
        session.out.say(EMPTY)
        return ExitCode.NOT_FOUND
    relative = None if since is None else f"-{durations.parse(since, '--since'):.0f}s"
    return ExitCode.FAILED if systemd.logs(daemons, lines=lines, follow=follow, since=relative) else ExitCode.DONE


@command("scale", examples="qctl daemon scale email 3\nqctl daemon scale report 1", changes=True, local=True)
def scale(
    session: Session,
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help="Queue of the workers.")],
    count: Annotated[int, typer.Argument(metavar="N", help="Number of workers; 0 for none.")],
    timeout: Timeout = "60s",
    user: User = False,
) -> ExitCode:
    """Set the number of workers of a queue, also after a reboot.

    Surplus workers finish their job first.
    """
    daemons = Systemd(user=user).scale(queue, count, timeout=durations.parse(timeout, "--timeout"))
    _print_states(session, daemons, "scale")
    return ExitCode.DONE if all(daemon.is_stable for daemon in daemons) else ExitCode.TIMED_OUT


@command(
    "install",
    examples="qctl daemon install --print\nqctl daemon install\nqctl daemon install --user",
    changes=True,
    local=True,
)
def install(
    session: Session,
    user: User = False,
    show: Annotated[bool, typer.Option("--print", help="Print the files instead of writing them.")] = False,
) -> None:
    """Write and enable systemd units for this installation.

    As root: system units that run as user qctl, sandboxed. With --user: units of your user manager, not sandboxed.
    """
    units = Installation(user=user)
    if show:
        texts = units.texts()
        cells = [Cell(line) for name, text in texts.items() for line in (f"# --- {name}", *text.splitlines(), "")]
        session.out.report(documents.daemon_install([], texts), cells)
        return
    written = units.install()
    flag = " --user" if user else ""
    lines = [Cell(f"{path} written", "good") for path in written]
    hint = Cell(f"  start everything with: qctl daemon start --all{flag}", "dim")
    session.out.report(documents.daemon_install(written, {}), [*lines, hint])


def _control(
    session: Session, verb: Verb, names: Sequence[str] | None, everyone: bool, timeout: str, user: bool
) -> ExitCode:
    if bool(names) == everyone:
        raise UsageError(f"give the daemons to {verb}, or --all", "list them with `qctl daemon list`")
    seconds = durations.parse(timeout, "--timeout")
    systemd = Systemd(user=user)
    selected = systemd.select(names) if names else systemd.enabled()
    daemons = systemd.act(verb, selected, timeout=seconds, target=everyone) if selected else []
    _print_states(session, daemons, verb)
    if any(daemon.active == "failed" for daemon in daemons) and verb != "stop":
        return ExitCode.FAILED
    return ExitCode.DONE if all(daemon.is_stable for daemon in daemons) or not seconds else ExitCode.TIMED_OUT


def _print_states(session: Session, daemons: Sequence[Daemon], verb: str) -> None:
    table = view.Table(view.daemon_columns(datetime.now(timezone.utc)), daemons, EMPTY)
    session.out.listing(documents.daemon_states(daemons, verb), table)
