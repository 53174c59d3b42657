"""Notes and wishes in SQLite and in a real MariaDB."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from qctl.errors import UsageError
from qctl.settings import Settings
from qctl.store import notifications
from qctl.store.database import Database
from qctl.store.notifications import Note, Wish


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
    notifications.prefer(db, "bob", "webhook", "https://a.example/")
    notifications.prefer(db, "bob", "email", "bob@example.org")
    assert notifications.wish(db, "bob") == Wish("email", "bob@example.org")
    for how, target in (("pigeon", "x"), ("email", None)):
        with pytest.raises(UsageError):
            notifications.prefer(db, "bob", how, target)  # type: ignore[arg-type]
