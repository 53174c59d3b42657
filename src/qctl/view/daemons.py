"""Table of daemons under systemd."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE, age, count, size

if TYPE_CHECKING:
    from qctl.models import Daemon
    from qctl.view.table import Style

_STYLES: dict[str, Style] = {"active": "good", "failed": "bad", "inactive": "dim"}


def daemon_columns(now: datetime) -> list[Column[Daemon]]:
    """Return the columns of daemons."""
    return [
        Column("DAEMON", lambda d: Cell(escape_line(d.name)), min_width=10),
        Column("STATE", daemon_state),
        Column("FOR", lambda d: Cell(age(d.since, now)), right=True),
        Column("PID", lambda d: Cell(NO_VALUE if d.pid is None else str(d.pid)), right=True, drop=3),
        Column("RESTARTS", lambda d: Cell(count(d.restarts), "warn" if d.restarts else ""), right=True, drop=2),
        Column("MEM", lambda d: Cell(NO_VALUE if d.memory is None else size(d.memory)), right=True, drop=4),
        Column("ENABLED", lambda d: Cell(escape_line(d.enabled or NO_VALUE)), drop=5),
        Column("STATUS", lambda d: Cell(escape_line(d.said)), long=True),
    ]


def daemon_state(daemon: Daemon) -> Cell:
    """Format systemd's active state, and the sub-state if it adds anything."""
    redundant = daemon.sub in ("running", "dead", daemon.active)
    text = daemon.active if redundant else f"{daemon.active} ({daemon.sub})"
    return Cell(escape_line(text), _STYLES.get(daemon.active, "warn"))
