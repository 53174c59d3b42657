"""Notes and wishes in SQLite and in a real MariaDB."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from qctl.settings import Settings
from qctl.store import notifications
from qctl.store.notifications import Note, Wish
from qctl.store.sql import Database


@pytest.fixture
def db(database_settings: Settings) -> Iterator[Database]:
    with notifications.opened(database_settings) as opened:
        yield opened


def test_a_note_is_kept_once_and_known_to_be_sent(db: Database) -> None:
    note = Note("n1", "bob", "hallo 🐍 % ? %s", "message", {"a": [1, "?"]})
    assert not notifications.keep(db, note)
    assert not notifications.keep(db, Note("n1", "bob", "other", None, None))
    ((text, data, sent_by),) = db.all("SELECT text, data, sent_by FROM notifications")
    assert (text, json.loads(data), sent_by) == (note.text, note.data, None)
    notifications.note_sent(db, "n1", "email")
    assert notifications.keep(db, note)


def test_what_a_receiver_wants(db: Database) -> None:
    assert notifications.wish(db, "bob") == Wish("app", None)
    monday = datetime(2026, 1, 5, tzinfo=timezone.utc)
    hook, mail = Wish("webhook", "https://a.example/"), Wish("email", "bob@example.org")
    assert notifications.prefer(db, "bob", hook, monday)
    assert notifications.prefer(db, "bob", mail, monday + timedelta(microseconds=1))
    assert notifications.wish(db, "bob") == mail
    assert not notifications.prefer(db, "bob", hook, monday)
    assert notifications.wish(db, "bob") == mail
    assert notifications.wish(db, "ann") == Wish("app", None)
