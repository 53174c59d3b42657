"""The pages of the monitor, in the order of their digits and letters."""

from qctl.tui.page import Page
from qctl.tui.pages.audit import AuditPage
from qctl.tui.pages.dead_letters import DeadLettersPage
from qctl.tui.pages.events import EventsPage
from qctl.tui.pages.fleet import FleetPage
from qctl.tui.pages.ingest import IngestPage
from qctl.tui.pages.jobs import JobsPage
from qctl.tui.pages.metrics import MetricsPage
from qctl.tui.pages.overview import OverviewPage
from qctl.tui.pages.queues import QueuesPage
from qctl.tui.pages.schedules import SchedulesPage
from qctl.tui.pages.workers import WorkersPage

PAGES: tuple[type[Page], ...] = (
    OverviewPage,
    QueuesPage,
    JobsPage,
    DeadLettersPage,
    SchedulesPage,
    WorkersPage,
    IngestPage,
    MetricsPage,
    EventsPage,
    AuditPage,
)

FLEET_PAGES: tuple[type[Page], ...] = (*PAGES, FleetPage)
"""The pages of a monitor with several contexts."""

__all__ = ["FLEET_PAGES", "PAGES"]
