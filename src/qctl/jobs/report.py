"""Jobs of the queue `report`: write reports to EXPORTS_DIR, and delete old ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from qctl import old_files
from qctl.broker.worker import job_context
from qctl.errors import RejectedError
from qctl.files.folder import Folder
from qctl.jobs import activity_reports, stock_reports
from qctl.jobs.batches import settings
from qctl.jobs.common_arguments import DateRange, parse_id
from qctl.jobs.follow_up_jobs import enqueue_follow_up, file_suffix
from qctl.mail.compose import parse_address
from qctl.reports.report import Report
from qctl.reports.writing import WRITERS
from qctl.settings import Settings

log = logging.getLogger(__name__)

REPORTS: Mapping[str, Callable[[Settings, str, DateRange], Report]] = {
    "inventory-summary": stock_reports.inventory_summary,
    "sales-analysis": stock_reports.sales_analysis,
    "queue-activity": activity_reports.queue_activity,
    "sensor-summary": activity_reports.sensor_summary,
    "chat-delivery": activity_reports.chat_delivery,
}


def generate_report(
    businessId: str | int,
    reportType: str,
    filters: Mapping[str, Any] | None = None,
    format: str | None = None,
    userEmail: str | None = None,
) -> dict[str, Any]:
    """Generate a report for the days of the filters, in one `format` or all, then notify `userEmail` that it is ready.

    Returns the names of its `files` in EXPORTS_DIR, and its number of `rows`. A retry overwrites the same files. Raises
    RejectedError for an invalid argument, SinkError if the data cannot be read now or the folder cannot be used.
    """
    business = parse_id("businessId", businessId)
    if reportType not in REPORTS:
        raise RejectedError(f"unknown reportType {reportType!r:.80}; allowed: {', '.join(REPORTS)}")
    if format is not None and format not in WRITERS:
        raise RejectedError(f"unknown format {format!r:.80}; allowed formats: {', '.join(WRITERS)}")
    to = None if userEmail is None else parse_address(userEmail)
    report = REPORTS[reportType](settings(), business, DateRange.of(filters, settings().timezone))
    folder = Folder(settings().exports)
    files = []
    for file_format in [format] if format else list(WRITERS):
        name = f"{old_files.REPORT_PREFIX}{reportType}-{file_suffix()}.{file_format}"
        with folder.writing(name) as out:
            WRITERS[file_format](report, out)
        files.append(name)
    job_context.progress(len(report.rows), len(report.rows), "written")
    log.info("report %s written, %d rows", reportType, len(report.rows), extra={"event": "reported"})
    if to:
        data = {"userEmail": to, "businessId": business, "reportType": reportType, "reportFile": files[-1]}
        enqueue_follow_up("report-ready", data)
    return {"files": files, "rows": len(report.rows)}


def cleanup_reports(olderThan: float | None = None) -> dict[str, int]:
    """Delete old reports. Returns how many files were `deleted`. Raises QctlError if the folder cannot be used."""
    age = settings().keep_reports if olderThan is None else max(0.0, olderThan)
    deleted = sum(file.remove() for file in old_files.find_outdated(settings().exports, "reports", time.time() - age))
    log.info("deleted %d reports", deleted, extra={"event": "cleaned"})
    return {"deleted": deleted}
