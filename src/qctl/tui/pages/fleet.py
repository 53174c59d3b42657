"""Page 0, Fleet: all contexts of config.toml, a row each. Enter switches to one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qctl import view
from qctl.safe import escape_line
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.data.site_list import SiteAnswer
from qctl.tui.page import TablePage
from qctl.tui.widgets.grid import GridSpec
from qctl.view import Cell, Column

NO_CONTEXTS = "no contexts: write [contexts.NAME] tables to config.toml (qctl context list)"


def site_columns(now: datetime) -> list[Column[SiteAnswer]]:
    """The columns of contexts."""

    def total(site: SiteAnswer, field: str) -> str:
        return view.count(getattr(site.stats.totals, field)) if site.stats else view.NO_VALUE

    return [
        Column("CONTEXT", lambda s: Cell(escape_line(s.name) + (" (shown)" if s.is_current else "")), min_width=8),
        Column("STATE", _state),
        Column("PENDING", lambda s: Cell(total(s, "pending")), right=True),
        Column("RUNNING", lambda s: Cell(total(s, "running")), right=True, drop=3),
        Column("DEAD", lambda s: _dead(s), right=True),
        Column("OUT/S", lambda s: Cell(_out_rate(s)), right=True, drop=2),
        Column("OLDEST", lambda s: Cell(_oldest(s)), right=True, drop=1),
        Column("READ", lambda s: Cell(view.age(s.read_at, now)), right=True, drop=4),
        Column("WORST PROBLEM", _worst, long=True),
    ]


def _state(site: SiteAnswer) -> Cell:
    if site.error:
        return Cell("○ away", "bad") if site.stats or site.error != "no answer yet" else Cell("○ connecting", "dim")
    problems = site.health.problems if site.health else []
    if not problems:
        return Cell("● ok", "good")
    grave = problems[0].severity in ("critical", "error")
    return Cell(f"{'✖' if grave else '▲'} {view.quantity(len(problems), 'problem')}", "bad" if grave else "warn")


def _dead(site: SiteAnswer) -> Cell:
    if site.stats is None:
        return Cell(view.NO_VALUE)
    return Cell(view.count(site.stats.totals.failed), "bad" if site.stats.totals.failed else "dim")


def _out_rate(site: SiteAnswer) -> str:
    rates = [queue.out_rate for queue in site.stats.queues if queue.out_rate is not None] if site.stats else []
    return view.rate(sum(rates) if rates else None)


def _oldest(site: SiteAnswer) -> str:
    ages = [queue.oldest_age for queue in site.stats.queues if queue.oldest_age is not None] if site.stats else []
    return view.duration(max(ages, default=None))


def _worst(site: SiteAnswer) -> Cell:
    if site.error:
        return Cell(escape_line(site.error), "bad")
    problems = site.health.problems if site.health else []
    return Cell(escape_line(f"{problems[0].subject or problems[0].check}: {problems[0].reason}") if problems else "")


class FleetPage(TablePage):
    """All contexts. Each is read in a thread of its own."""

    digit = "0"
    heading = "Fleet"
    short = "Flt"
    spec = GridSpec(
        site_columns,
        lambda site: site.name,
        NO_CONTEXTS,
        {"CONTEXT": lambda site: site.name, "STATE": lambda site: site.error or (site.health and site.health.status)},
    )

    def read(self, _: MonitorData) -> Sequence[SiteAnswer]:
        """Return the last answers of all contexts."""
        return self.host.sites.read() if self.host.sites else []

    def open_row(self, row: SiteAnswer) -> None:
        """Switch the monitor to the context."""
        self.host.switch_to(row.name)
