"""The jobs that come with qctl: their handlers, arguments and limits. docs/compatibility.md explains the names."""

from __future__ import annotations

from dataclasses import replace

from qctl.catalog.arguments import Argument, optional
from qctl.catalog.specs import JobSpec

MAX_BULK_UPDATE_ITEMS = 100
"""Maximum items of one `bulk-update` job; QueueService splits longer lists, the job itself refuses them."""

SIMULATION_QUEUE = "simulation"
"""Queue of the job `simulate`."""

MAX_TEXT_CHARS = 10_000
"""Maximum length of a chat message or a notification."""

_USER_EMAIL = Argument("userEmail", doc="email address of the recipient")
_BUSINESS = Argument("businessId", "id", "business that owns the data")
_OWN_BUSINESS = replace(_BUSINESS, caller="business")
_ITEMS = Argument("items", "list", "list of {sku, quantity} objects")
_RESULT_TO = optional("userEmail", doc="email address to notify when the result is ready")
_FILTERS = optional("filters", "object", "startDate and endDate, YYYY-MM-DD")
_OLDER_THAN = optional("olderThan", "number", "minimum age (s) of files to delete; default: from the settings")

JOBS = (
    JobSpec("write-readings", "qctl.jobs.reading_batches.write_readings", "sensor-data", batch=True, access="internal"),
    JobSpec(
        "ingest-reading",
        "qctl.jobs.reading_batches.ingest_reading",
        "sensor-data",
        (Argument("topic"), Argument("payload_b64"), Argument("received_ns", "whole")),
        access="internal",
    ),
    JobSpec("write-messages", "qctl.jobs.message_batches.write_messages", "socket-data", batch=True, access="internal"),
    JobSpec(
        "ingest-message",
        "qctl.jobs.message_batches.ingest_message",
        "socket-data",
        (Argument("event_json"), optional("user"), Argument("received_ns", "whole")),
        access="internal",
    ),
    JobSpec(
        "welcome-email",
        "qctl.jobs.email.welcome_email",
        "email",
        (_USER_EMAIL, Argument("userName")),
        timeout=60,
        doc="send a welcome email to a new user",
        access="operator",
    ),
    JobSpec(
        "password-reset",
        "qctl.jobs.email.password_reset",
        "email",
        (_USER_EMAIL, optional("userName"), Argument("resetUrl", doc="link to put in the email")),
        timeout=60,
        doc="send a link to set a new password",
        access="operator",
    ),
    JobSpec(
        "low-stock-alert",
        "qctl.jobs.email.low_stock_alert",
        "email",
        (_USER_EMAIL, optional("businessId", "id"), _ITEMS),
        priority=1,
        timeout=60,
        doc="send an alert that products are running low",
        access="operator",
    ),
    JobSpec(
        "report-ready",
        "qctl.jobs.email.report_ready",
        "email",
        (
            _USER_EMAIL,
            optional("businessId", "id"),
            Argument("reportType"),
            optional("reportFile", doc="name of the file in EXPORTS_DIR"),
        ),
        timeout=60,
        doc="send an email that a report is ready",
        access="operator",
    ),
    JobSpec(
        "alert-email",
        "qctl.jobs.email.alert_email",
        "email",
        (_USER_EMAIL, Argument("subject"), Argument("text")),
        priority=1,
        timeout=60,
        doc="send an operator the email of an alert rule",
        access="operator",
    ),
    JobSpec(
        "notification-email",
        "qctl.jobs.email.notification_email",
        "email",
        (_USER_EMAIL, Argument("text"), optional("kind", doc="topic of the notification")),
        timeout=60,
        doc="send a notification by email",
        access="operator",
    ),
    JobSpec(
        "sync-external",
        "qctl.jobs.inventory.sync_external",
        "inventory",
        (
            _OWN_BUSINESS,
            Argument("externalSystem", doc="name of a source in QCTL_SOURCES"),
            optional("syncType", doc="default: incremental", choices=("full", "incremental")),
        ),
        timeout=900,
        doc="import the stock of another system",
        access="member",
    ),
    JobSpec(
        "bulk-update",
        "qctl.jobs.inventory.bulk_update",
        "inventory",
        (_OWN_BUSINESS, _ITEMS),
        doc=f"set stock quantities, at most {MAX_BULK_UPDATE_ITEMS} items a job",
        access="member",
    ),
    JobSpec(
        "stock-check",
        "qctl.jobs.inventory.stock_check",
        "inventory",
        (optional("businessId", "id", "default: all", caller="business"),),
        doc="find products that run low; alert once a day for each",
        access="member",
    ),
    JobSpec(
        "generate-report",
        "qctl.jobs.report.generate_report",
        "report",
        (
            _BUSINESS,
            Argument(
                "reportType",
                choices=("inventory-summary", "sales-analysis", "queue-activity", "sensor-summary", "chat-delivery"),
            ),
            _FILTERS,
            optional("format", doc="default: all formats", choices=("csv", "json", "html")),
            _RESULT_TO,
        ),
        timeout=900,
        doc="generate a report, then send an email that it is ready",
        access="operator",
    ),
    JobSpec(
        "cleanup-reports",
        "qctl.jobs.report.cleanup_reports",
        "report",
        (_OLDER_THAN,),
        priority=10,
        doc="delete old reports",
        access="operator",
    ),
    JobSpec(
        "process-inventory-import",
        "qctl.jobs.file.process_inventory_import",
        "file",
        (
            _BUSINESS,
            Argument("file", doc="path of a CSV or .xlsx file inside UPLOAD_DIR"),
            _RESULT_TO,
            optional("encoding", doc="of a CSV file that is not UTF-8; default: QCTL_SHEET_ENCODING"),
            optional("mapping", kind="object", doc="headings by field, if others match too: {price: Regular price}"),
            optional("decimal", doc="decimal separator; default: by the file", choices=(".", ",")),
        ),
        timeout=900,
        doc="import a sheet; rejected rows go to a file with line and reason",
        access="operator",
    ),
    JobSpec(
        "process-inventory-export",
        "qctl.jobs.file.process_inventory_export",
        "file",
        (_BUSINESS, optional("format", doc="default: csv", choices=("csv", "excel", "json")), _FILTERS, _RESULT_TO),
        timeout=900,
        doc="export the stock to a file in EXPORTS_DIR",
        access="operator",
    ),
    JobSpec(
        "cleanup-exports",
        "qctl.jobs.file.cleanup_exports",
        "file",
        (_OLDER_THAN,),
        priority=10,
        doc="delete old exports",
        access="operator",
    ),
    JobSpec(
        "cleanup-images",
        "qctl.jobs.images.cleanup_images",
        "file",
        (_OLDER_THAN,),
        priority=10,
        timeout=900,
        doc="delete images and files that no chat message uses",
        access="operator",
    ),
    JobSpec(
        "simulate",
        "qctl.jobs.simulation.simulate",
        SIMULATION_QUEUE,
        (Argument("name"), optional("data", "object", "not used")),
        isolation="inline",
        doc="take QCTL_SIMULATED_SECONDS, and fail if the name contains `fail`",
    ),
    JobSpec(
        "process-message",
        "qctl.jobs.chat.process_message",
        "message",
        (
            Argument("senderId", "id", caller="id"),
            Argument("receiverId", "id"),
            Argument("text", required=False, max_chars=MAX_TEXT_CHARS),
            optional("image", doc="path inside UPLOAD_DIR, or a data: URL", user_prefix="data:"),
            optional("file", "object", "id, name and size of a file that a gateway stored", caller="gateway"),
        ),
        priority=1,
        timeout=60,
        doc="store and deliver a chat message, and notify the receiver",
        access="user",
    ),
    JobSpec(
        "notify",
        "qctl.jobs.notification.notify",
        "notification",
        (
            Argument("receiverId", "id"),
            Argument("text", max_chars=MAX_TEXT_CHARS),
            optional("kind", doc="topic: message, alert, ..."),
            optional("data", "object", "extra data for the application that shows it", caller="sender"),
        ),
        timeout=60,
        doc="notify a receiver by the channel they chose",
        access="user",
    ),
    JobSpec(
        "set-notification-preference",
        "qctl.jobs.notification.set_notification_preference",
        "notification",
        (
            Argument("receiverId", "id", caller="id"),
            Argument("by", choices=("app", "webhook", "ntfy", "push", "email")),
            optional("target", doc="webhook URL or email address", caller="address"),
        ),
        priority=1,
        timeout=60,
        doc="set the channel for a receiver's notifications",
        access="user",
    ),
)
