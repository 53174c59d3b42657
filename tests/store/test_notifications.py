"""Notifications and delivery preferences in SQLite and in MariaDB."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from qctl.settings import Settings
from qctl.store import notifications
from qctl.store.notifications import DeliveryPreference, Notification
from qctl.store.sql import Database


@pytest.fixture
def db(database_settings: Settings) -> Iterator[Database]:
    with notifications.open_database(database_settings) as opened:
        yield opened


def test_notification_is_stored_once_and_marked_as_sent(db: Database) -> None:
    notification = Notification("n1", "bob", "hallo 🐍 % ? %s", "message", {"a": [1, "?"]})
    assert not notifications.store_notification(db, notification)
    assert not notifications.store_notification(db, Notification("n1", "bob", "other", None, None))
    ((text, data, sent_by),) = db.select("SELECT text, data, sent_by FROM notifications")
    assert (text, json.loads(data), sent_by) == (notification.text, notification.data, None)
    notifications.record_sent(db, "n1", "email")
    assert notifications.store_notification(db, notification)


def test_latest_preference_of_a_receiver_counts(db: Database) -> None:
    assert notifications.read_preference(db, "bob") == DeliveryPreference("app", None)
    monday = datetime(2026, 1, 5, tzinfo=timezone.utc)
    hook, mail = DeliveryPreference("webhook", "https://a.example/"), DeliveryPreference("email", "bob@example.org")
    assert notifications.set_preference(db, "bob", hook, monday)
    assert notifications.set_preference(db, "bob", mail, monday + timedelta(microseconds=1))
    assert notifications.read_preference(db, "bob") == mail
    assert not notifications.set_preference(db, "bob", hook, monday)
    assert notifications.read_preference(db, "bob") == mail
    assert notifications.read_preference(db, "ann") == DeliveryPreference("app", None)
