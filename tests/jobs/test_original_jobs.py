"""Test every job of the original systems with `qctl-worker`, a real SMTP server, MariaDB, MongoDB and files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from redis import Redis

from qctl.broker.bookkeeping import inbox
from qctl.broker.redis import keys
from qctl.jobs.follow_up_jobs import enqueue_follow_up
from qctl.settings import Settings
from support.databases import MariaDb, MongoDb
from support.mail import smtp_server
from support.process import Program
from support.waiting import PATIENCE_SECONDS

EMAIL = "ann@example.org"
ITEMS = [{"sku": "B", "quantity": 2}]

JOBS: dict[str, dict[str, Any]] = {
    "welcome-email": {"userEmail": EMAIL, "userName": "Ann"},
    "password-reset": {"userEmail": EMAIL, "resetUrl": "https://a.example/r"},
    "low-stock-alert": {"userEmail": EMAIL, "items": ITEMS},
    "report-ready": {"userEmail": EMAIL, "reportType": "sales-analysis"},
    "bulk-update": {"businessId": 123, "items": ITEMS},
    "sync-external": {"businessId": 123, "externalSystem": "warehouse", "syncType": "full"},
    "stock-check": {},
    "generate-report": {"businessId": 123, "reportType": "inventory-summary", "userEmail": EMAIL},
    "cleanup-reports": {},
    "process-inventory-import": {"businessId": 123, "file": "stock.csv"},
    "process-inventory-export": {"businessId": 123, "format": "json"},
    "cleanup-exports": {},
    "process-message": {"senderId": "s", "receiverId": "r", "text": "hello"},
    "notify": {"receiverId": "r", "text": "hello"},
}


def test_every_job_of_the_original_systems_finishes(
    settings: Settings, connection: Redis, mariadb: MariaDb, mongodb: MongoDb, tmp_path: Path
) -> None:
    settings.uploads.mkdir()
    (settings.uploads / "stock.csv").write_text("sku,quantity\nC,500\n")
    source = tmp_path / "warehouse.json"
    source.write_text(json.dumps([{"sku": "D", "quantity": 700}]))
    for name, data in JOBS.items():
        enqueue_follow_up(name, data, id=f"original-{name}")
    queues = ("email", "inventory", "report", "file", "message", "notification")
    with smtp_server() as mailbox:
        env = {
            **mariadb.environ,
            "MONGODB_URI": mongodb.url,
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(mailbox.port),
            "SMTP_SECURITY": "none",
            "QCTL_LOW_STOCK_EMAIL": EMAIL,
            "QCTL_SOURCES": f"warehouse={source}",
            "LOG_FORMAT": "json",
        }
        command = [str(Path(sys.executable).parent / "qctl-worker"), *queues, "--burst"]
        with Program("worker", command, tmp_path, env=env, says="takes jobs from") as worker:
            assert worker.wait(PATIENCE_SECONDS) == 0
    statuses = {name: connection.hget(keys.job(f"original-{name}"), "status") for name in JOBS}
    assert statuses == dict.fromkeys(JOBS, b"finished"), worker.output[-4000:]
    subjects = sorted(str(mail["Subject"]) for mail in mailbox.mails)
    assert len(subjects) == 6, subjects  # four enqueued here, one for the report, one for low stock
    assert mariadb.run("SELECT sku, quantity FROM inventory ORDER BY sku") == [("B", 2), ("C", 500), ("D", 700)]
    assert len(mariadb.run("SELECT id FROM notifications")) == 2
    with mongodb.connect() as client:
        assert client.get_default_database()["chat_messages"].find_one({"_id": "original-process-message"})
    assert len(inbox.read(connection, "r")) == 1
    lines = [json.loads(line) for line in worker.output.splitlines() if line.startswith("{")]
    imported = next(line for line in lines if line.get("event") == "imported")
    assert imported["jobId"] == "original-process-inventory-import"
    assert imported["traceId"]
