"""Notifications, which the application shows, and the delivery preference of each receiver."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from qctl.settings import Settings
from qctl.store import sql
from qctl.store.sql import Database, TableSchema, Transaction, format_time, parse_time

NOTIFICATIONS = TableSchema(
    "notifications",
    """
    id          VARCHAR(200) NOT NULL PRIMARY KEY,
    receiver_id VARCHAR(64)  NOT NULL,
    kind        VARCHAR(64),
    text        MEDIUMTEXT   NOT NULL,
    data        MEDIUMTEXT,
    created_at  DATETIME(6)  NOT NULL,
    sent_by     VARCHAR(16),
    sent_at     DATETIME(6)
    """,
)
PREFERENCES = TableSchema(
    "notification_wishes",
    """
    receiver_id VARCHAR(64) NOT NULL PRIMARY KEY,
    how         VARCHAR(16) NOT NULL,
    target      VARCHAR(500),
    wished_at   DATETIME(6) NOT NULL
    """,
)

MAX_TARGET_CHARACTERS = 500
"""Maximum length of a URL or an address."""


@dataclass(frozen=True)
class Notification:
    """A message to a receiver. `data` is for the application, which shows it."""

    id: str
    receiver: str
    text: str
    kind: str | None
    data: Mapping[str, Any] | None


@dataclass(frozen=True)
class DeliveryPreference:
    """Delivery to the `app` only, or by `webhook`, `ntfy`, `push` or `email` too. `target`: the URL or the address."""

    how: str
    target: str | None


def open_database(settings: Settings) -> AbstractContextManager[Database]:
    """The database with the tables of this module."""
    return sql.open_database(settings, NOTIFICATIONS, PREFERENCES)


def store_notification(db: Database, notification: Notification) -> bool:
    """Store a notification, unless its id exists. Returns True if it was sent to its receiver before."""

    def work(transaction: Transaction) -> bool:
        rows = transaction.select("SELECT sent_at FROM notifications WHERE id = ?", (notification.id,))
        if rows:
            return rows[0][0] is not None
        data = None if notification.data is None else json.dumps(dict(notification.data))
        created_at = format_time(datetime.now(timezone.utc))
        row = (notification.id, notification.receiver, notification.kind, notification.text, data, created_at)
        statement = (
            "INSERT INTO notifications (id, receiver_id, kind, text, data, created_at) VALUES (?, ?, ?, ?, ?, ?)"
        )
        transaction.write(statement, [row])
        return False

    return db.run(work)


def record_sent(db: Database, notification_id: str, how: str) -> None:
    """Record that a notification was sent to its receiver."""
    statement = "UPDATE notifications SET sent_by = ?, sent_at = ? WHERE id = ?"
    row = (how, format_time(datetime.now(timezone.utc)), notification_id)
    db.run(lambda transaction: transaction.write(statement, [row]))


def read_preference(db: Database, receiver: str) -> DeliveryPreference:
    """The delivery preference of a receiver, by default `app`."""
    rows = db.select("SELECT how, target FROM notification_wishes WHERE receiver_id = ?", (receiver,))
    return DeliveryPreference(*rows[0]) if rows else DeliveryPreference("app", None)


def set_preference(db: Database, receiver: str, preference: DeliveryPreference, at: datetime) -> bool:
    """Store the preference that a receiver set at the time `at`. Returns False if a later one is stored."""

    def work(transaction: Transaction) -> bool:
        lock = transaction.lock_clause
        statement = f"SELECT wished_at FROM notification_wishes WHERE receiver_id = ?{lock}"  # noqa: S608 - constants
        rows = transaction.select(statement, (receiver,))
        if rows and parse_time(rows[0][0]) > at:
            return False
        transaction.write("DELETE FROM notification_wishes WHERE receiver_id = ?", [(receiver,)])
        statement = "INSERT INTO notification_wishes (receiver_id, how, target, wished_at) VALUES (?, ?, ?, ?)"
        transaction.write(statement, [(receiver, preference.how, preference.target, format_time(at))])
        return True

    return db.run(work)
