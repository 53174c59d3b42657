"""The jobs that qctl itself brings: their handlers, arguments and limits. The names are the seed documents'."""

from __future__ import annotations

from qctl.catalog.arguments import Argument, optional
from qctl.catalog.specs import JobSpec

BULK = 100
"""Items of one `bulk-update` job, by the third seed document."""

_USER_EMAIL = Argument("userEmail", doc="address that the mail goes to")
_BUSINESS = Argument("businessId", "id", "whose data it is")
_ITEMS = Argument("items", "list", "objects {sku, quantity}")
_RESULT_TO = optional("userEmail", doc="address that is told when it is done")
_FILTERS = optional("filters", "object", "startDate and endDate as YYYY-MM-DD")
_OLDER_THAN = optional("olderThan", "number", "age in seconds from which files go; default: by settings")

JOBS = (
    JobSpec("write-readings", "qctl.jobs.reading_batches.write_readings", "sensor-data", batch=True),
    JobSpec(
        "ingest-reading",
        "qctl.jobs.reading_batches.ingest_reading",
        "sensor-data",
        (Argument("topic"), Argument("payload_b64"), Argument("received_ns", "whole")),
    ),
    JobSpec("write-messages", "qctl.jobs.message_batches.write_messages", "socket-data", batch=True),
    JobSpec(
        "ingest-message",
        "qctl.jobs.message_batches.ingest_message",
        "socket-data",
        (Argument("event_json"), optional("user"), Argument("received_ns", "whole")),
    ),
    JobSpec(
        "welcome-email",
        "qctl.jobs.email.welcome_email",
        "email",
        (_USER_EMAIL, Argument("userName")),
        timeout=60,
        doc="mail to a new user",
    ),
    JobSpec(
        "password-reset",
        "qctl.jobs.email.password_reset",
        "email",
        (_USER_EMAIL, optional("userName"), Argument("resetUrl", doc="link in the mail")),
        timeout=60,
        doc="mail with a link to set a new password",
    ),
    JobSpec(
        "low-stock-alert",
        "qctl.jobs.email.low_stock_alert",
        "email",
        (_USER_EMAIL, optional("businessId", "id"), _ITEMS),
        priority=1,
        timeout=60,
        doc="alert: these products are running out",
    ),
    JobSpec(
        "report-ready",
        "qctl.jobs.email.report_ready",
        "email",
        (
            _USER_EMAIL,
            optional("businessId", "id"),
            Argument("reportType"),
            optional("reportFile", doc="name of the file in the folder of exports"),
        ),
        timeout=60,
        doc="mail: a report can be fetched",
    ),
    JobSpec(
        "alert-email",
        "qctl.jobs.email.alert_email",
        "email",
        (_USER_EMAIL, Argument("subject"), Argument("text")),
        priority=1,
        timeout=60,
        doc="mail to an operator, by a rule of `qctl alert`",
    ),
    JobSpec(
        "notification-email",
        "qctl.jobs.email.notification_email",
        "email",
        (_USER_EMAIL, Argument("text"), optional("kind", doc="what it is about")),
        timeout=60,
        doc="mail: a note to a receiver who wants them by mail",
    ),
    JobSpec(
        "sync-external",
        "qctl.jobs.inventory.sync_external",
        "inventory",
        (
            _BUSINESS,
            Argument("externalSystem", doc="name of a source in settings"),
            optional("syncType", doc="default: incremental", choices=("full", "incremental")),
        ),
        timeout=900,
        doc="take over the stock of another system",
    ),
    JobSpec(
        "bulk-update",
        "qctl.jobs.inventory.bulk_update",
        "inventory",
        (_BUSINESS, _ITEMS),
        doc=f"set quantities, at most {BULK} items a job",
    ),
    JobSpec(
        "stock-check",
        "qctl.jobs.inventory.stock_check",
        "inventory",
        (optional("businessId", "id", "default: all"),),
        doc="look for products that run out; once a product and day it alerts",
    ),
    JobSpec(
        "generate-report",
        "qctl.jobs.report.generate_report",
        "report",
        (
            _BUSINESS,
            Argument(
                "reportType",
                choices=("inventory-summary", "sales-analysis", "queue-activity", "sensor-summary"),
            ),
            _FILTERS,
            optional("format", doc="default: all of them", choices=("csv", "json", "html")),
            _RESULT_TO,
        ),
        timeout=900,
        doc="make a report, then mail that it is ready",
    ),
    JobSpec(
        "cleanup-reports",
        "qctl.jobs.report.cleanup_reports",
        "report",
        (_OLDER_THAN,),
        priority=10,
        doc="delete old reports",
    ),
    JobSpec(
        "process-inventory-import",
        "qctl.jobs.file.process_inventory_import",
        "file",
        (_BUSINESS, Argument("file", doc="path of a CSV file inside UPLOAD_DIR"), _RESULT_TO),
        timeout=900,
        doc="import a CSV file; rows that are refused come out with line and reason",
    ),
    JobSpec(
        "process-inventory-export",
        "qctl.jobs.file.process_inventory_export",
        "file",
        (_BUSINESS, optional("format", doc="default: csv", choices=("csv", "json")), _FILTERS, _RESULT_TO),
        timeout=900,
        doc="write the stock to a file in EXPORTS_DIR",
    ),
    JobSpec(
        "cleanup-exports",
        "qctl.jobs.file.cleanup_exports",
        "file",
        (_OLDER_THAN,),
        priority=10,
        doc="delete old exports",
    ),
    JobSpec(
        "cleanup-images",
        "qctl.jobs.images.cleanup_images",
        "file",
        (_OLDER_THAN,),
        priority=10,
        timeout=900,
        doc="delete images that no chat message has any more",
    ),
    JobSpec(
        "process-message",
        "qctl.jobs.chat.process_message",
        "message",
        (
            Argument("senderId", "id"),
            Argument("receiverId", "id"),
            optional("text"),
            optional("image", doc="path inside UPLOAD_DIR, or a data: URL"),
        ),
        priority=1,
        timeout=60,
        doc="store a chat message, deliver it, tell the receiver",
    ),
    JobSpec(
        "notify",
        "qctl.jobs.notification.notify",
        "notification",
        (
            Argument("receiverId", "id"),
            Argument("text"),
            optional("kind", doc="what it is about: message, alert, ..."),
            optional("data", "object", "whatever the app needs to show it"),
        ),
        timeout=60,
        doc="tell a receiver, in the way they chose",
    ),
    JobSpec(
        "set-notification-preference",
        "qctl.jobs.notification.set_notification_preference",
        "notification",
        (
            Argument("receiverId", "id"),
            Argument("by", choices=("app", "webhook", "email")),
            optional("target", doc="URL of the webhook, or address of the mail"),
        ),
        priority=1,
        timeout=60,
        doc="have a receiver be told in the app alone, by webhook too, or by mail",
    ),
)
