"""Jobs of the queue `report`: reports into EXPORTS_DIR, and the old ones out of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from qctl import old_files
from qctl.broker.worker import job_context
from qctl.errors import RejectedError
from qctl.files.folder import Folder
from qctl.jobs import activity_reports, log_context, stock_reports
from qctl.jobs.batches import settings
from qctl.jobs.common_arguments import Days, named
from qctl.jobs.follow_up_jobs import follow, token
from qctl.mail.compose import address
from qctl.reports.report import Report
from qctl.reports.writing import WRITERS
from qctl.settings import Settings

log = logging.getLogger(__name__)

REPORTS: Mapping[str, Callable[[Settings, str, Days], Report]] = {
    "inventory-summary": stock_reports.inventory_summary,
    "sales-analysis": stock_reports.sales_analysis,
    "queue-activity": activity_reports.queue_activity,
    "sensor-summary": activity_reports.sensor_summary,
}


def generate_report(
    businessId: str | int,
    reportType: str,
    filters: Mapping[str, Any] | None = None,
    format: str | None = None,
    userEmail: str | None = None,
) -> dict[str, Any]:
    """Make a report of the days of the filters, in a `format` or all of them, then mail `userEmail` that it is ready.

    Returns the names of its `files` in EXPORTS_DIR, and how many `rows` it has. A retry writes the same files anew.
    Raises RejectedError where something is asked that cannot be, SinkError where the data cannot be read now or the
    folder cannot be used.
    """
    business = named("businessId", businessId)
    if reportType not in REPORTS:
        raise RejectedError(f"there is no report {reportType!r:.80}: {', '.join(REPORTS)} are all")
    if format is not None and format not in WRITERS:
        raise RejectedError(f"there is no format {format!r:.80}: {', '.join(WRITERS)} are all")
    to = None if userEmail is None else address(userEmail)
    made = REPORTS[reportType](settings(), business, Days.of(filters, settings().timezone))
    folder = Folder(settings().exports)
    files = []
    for form in [format] if format else list(WRITERS):
        name = f"{old_files.REPORT}{reportType}-{token()}.{form}"
        with folder.writing(name) as out:
            WRITERS[form](made, out)
        files.append(name)
    job_context.progress(len(made.rows), len(made.rows), "written")
    log.info("%s made, %d rows", reportType, len(made.rows), extra=log_context.of("reported"))
    if to:
        told = {"userEmail": to, "businessId": business, "reportType": reportType, "reportFile": files[-1]}
        follow("report-ready", told)
    return {"files": files, "rows": len(made.rows)}


def cleanup_reports(olderThan: float | None = None) -> dict[str, int]:
    """Delete old reports. Returns how many files went. Raises QctlError where that is not allowed."""
    age = settings().keep_reports if olderThan is None else max(0.0, olderThan)
    gone = sum(each.remove() for each in old_files.outdated(settings().exports, "reports", time.time() - age))
    log.info("deleted %d reports", gone, extra=log_context.of("cleaned"))
    return {"deleted": gone}
