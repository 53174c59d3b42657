"""Page 1, Overview: is anything wrong? Four numbers, the problems, the queues with the worst first, the last events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from qctl import view
from qctl.models import Event, Finding, Health, QueueStats, Selector, Series, Stats
from qctl.tui import actions
from qctl.tui.data.minute_values import MinuteValues
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.host import Host
from qctl.tui.pages import tiles
from qctl.tui.pages.events import EVENTS, open_event
from qctl.tui.pages.problems import FINDING_PAGES, PROBLEMS, command_of
from qctl.tui.pages.queue_acts import QueueActsPage
from qctl.tui.pages.queues import LINKS, overview_spec
from qctl.tui.widgets.grid import Grid
from qctl.tui.widgets.prompt import PromptRequest
from qctl.tui.widgets.tile import Tile

MAX_EVENTS = 50
"""Last events that are shown."""

PROBLEM_SHARE = 3
"""The problems get at most one of so many parts of the height; the others scroll."""


@dataclass(frozen=True)
class OverviewData:
    """Data of the page. `health` and `hour` are None at first: the numbers are shown before the rest was read."""

    stats: Stats
    health: Health | None
    events: Sequence[Event]
    hour: Series | None


def severity(queue: QueueStats) -> tuple[Any, ...]:
    """Sort key: unreadable, without workers, paused, failing, slow, with dead letters, long."""
    return (
        queue.error is not None,
        bool(queue.waiting and not queue.workers),
        queue.paused is not None,
        queue.error_rate or 0.0,
        queue.oldest_age or 0.0,
        queue.dead,
        queue.waiting,
    )


class OverviewPage(QueueActsPage):
    """The first page. Enter leads from each row to the page that has more about it, and `f` to what mends it."""

    digit = "1"
    heading = "Overview"
    short = "Ovw"
    DEFAULT_CSS = """
    OverviewPage > #tiles { height: 1; min-height: 1; }
    OverviewPage > #problems { height: 3; }
    OverviewPage > Horizontal { height: 2fr; min-height: 4; }
    OverviewPage #worst { width: 1fr; height: 1fr; }
    OverviewPage > #last { height: 1fr; min-height: 4; }
    """

    main = "#worst"

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._is_new = True
        self._has_health = False
        self._oldest = MinuteValues(60)
        self._tiles = {title: Tile(title, digit) for title, digit in tiles.TITLES.items()}
        self._queues: dict[str, QueueStats] = {}

    def compose(self) -> ComposeResult:
        """Place the numbers and three tables."""
        with Horizontal(id="tiles"):
            yield from self._tiles.values()
        yield Grid(PROBLEMS, id="problems", title="Problems")
        yield from self.beside(Grid(overview_spec(self.host.depths), id="worst", title="Queues by trouble"))
        yield Grid(EVENTS, id="last", title="Last events")

    def read(self, data: MonitorData) -> OverviewData:
        """Read queues, health, events and the last hour; the first time only queues, so that something is shown at
        once."""
        if self._is_new:
            self._is_new = False
            return OverviewData(data.stats.read(), None, (), None)
        return OverviewData(
            data.stats.read(),
            data.health.check(),
            data.events.list(limit=MAX_EVENTS)[::-1],
            data.metrics.series(seconds=tiles.HOUR_SECONDS, step=tiles.MINUTE_SECONDS),
        )

    @property
    def is_complete(self) -> bool:
        """True once the problems are there."""
        return self._has_health

    def present(self, data: OverviewData, now: datetime) -> None:
        """Fill the numbers and all tables."""
        self.host.depths.record(data.stats)
        queues = data.stats.in_use.queues
        ages = (queue.oldest_age for queue in data.stats.queues if queue.oldest_age is not None)
        self._oldest.record(data.stats.at, max(ages, default=0.0))
        self._queues = {queue.name: queue for queue in queues}
        for title, content in tiles.contents(queues, data.hour, self._oldest.values).items():
            self._tiles[title].show(content)
        worst = self.query_one("#worst", Grid)
        worst.set_title("Queues by trouble", view.totals_line(data.stats))
        worst.fill(sorted(queues, key=severity, reverse=True), now)
        if data.health is None:
            self.post_message(self.ReloadRequested())
            return
        self._has_health = True
        self._present_problems(data.health, now)
        self.query_one("#last", Grid).fill(data.events, now)
        self.refresh_detail()

    def _present_problems(self, health: Health, now: datetime) -> None:
        grid, problems = self.query_one("#problems", Grid), health.problems
        passed = view.quantity(len(health.passed), "check")
        frame = grid.gutter.height
        height = min(len(problems) + 1, max(3, self.size.height // PROBLEM_SHARE)) if problems else 1
        if grid.styles.height is None or grid.styles.height.value != height + frame:
            grid.styles.height = height + frame
        grid.set_title(f"Problems {len(problems)}" if problems else "Problems", f"{passed} ok" if problems else "")
        grid.fill(problems, now, f"none: {passed} ok")

    def queue_of(self, row: Any) -> QueueStats | None:
        """The queue of the row, or the one that the problem is about."""
        if isinstance(row, QueueStats):
            return row
        return self._queues.get(row.subject) if isinstance(row, Finding) else None

    def do_fix(self) -> None:
        """Open the dialog that mends the problem, or offer its command line."""
        row = self.grid.current
        if not isinstance(row, Finding):
            self.host.show_status("choose a problem first: Tab")
            return
        if row.check == "paused" and self.queue and self.queue.paused:
            pause = self.queue.paused
            self.confirm(actions.resume(self.ops, pause.queue, self.queue.waiting, pause))
            return
        line = command_of(row.fix)
        if line is None:
            self.host.show_status(row.fix or "no command mends this")
        else:
            self.host.prompt(PromptRequest(":", "a command line", self.host.run_command, line))

    @on(Tile.Pressed)
    def _open_tile(self, message: Tile.Pressed) -> None:
        message.stop()
        self.host.go_to(message.digit)

    def open_row(self, row: Any) -> None:
        """Go to the queue or to the page of the problem; show the event."""
        if isinstance(row, QueueStats):
            self.host.go_to("2", select=row.name)
        elif isinstance(row, Finding):
            digit = FINDING_PAGES.get(row.check, "2" if row.subject in self._queues else None)
            if digit is None:
                self.host.show_text(row.check, lambda: "\n\n".join(filter(None, (row.reason, row.fix))))
                return
            is_queue = row.subject in self._queues
            scope = Selector(queue=row.subject) if is_queue and digit != "2" else Selector()
            self.host.go_to(digit, scope, row.subject if is_queue and digit == "2" else None)
        else:
            open_event(self, row)

    def open_link(self, row: QueueStats, title: str) -> None:
        """Go to the rows that a number counts."""
        digit, states = LINKS[title]
        self.host.go_to(digit, Selector(queue=row.name, states=states))
