"""Notes to receivers, and how each wants to get them: the application writes the wishes, and shows the notes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, get_args

from qctl.errors import UsageError
from qctl.settings import Settings
from qctl.store import database
from qctl.store.database import Database, Rows, Table, stamp

How = Literal["app", "webhook", "email"]
"""In the app alone; by a POST to a URL; by mail. A note is in the app in any case."""

NOTIFICATIONS = Table(
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
PREFERENCES = Table(
    "notification_preferences",
    "receiver_id VARCHAR(64) NOT NULL PRIMARY KEY, how VARCHAR(16) NOT NULL, target VARCHAR(500)",
)


@dataclass(frozen=True)
class Note:
    """What somebody is told. `data` is whatever the application needs to show it."""

    id: str
    receiver: str
    text: str
    kind: str | None
    data: Mapping[str, Any] | None


@dataclass(frozen=True)
class Wish:
    """How a receiver wants to be told: `target` is the URL or the address."""

    how: str
    target: str | None


def opened(settings: Settings) -> AbstractContextManager[Database]:
    """The database with these tables in it."""
    return database.opened(settings, NOTIFICATIONS, PREFERENCES)


def keep(db: Database, note: Note) -> bool:
    """Store a note, or leave it as it is where it is there. Returns whether it was sent to its receiver already."""

    def act(rows: Rows) -> bool:
        found = rows.all("SELECT sent_at FROM notifications WHERE id = ?", (note.id,))
        if found:
            return found[0][0] is not None
        data = None if note.data is None else json.dumps(dict(note.data))
        row = (note.id, note.receiver, note.kind, note.text, data, stamp(datetime.now(timezone.utc)))
        statement = (
            "INSERT INTO notifications (id, receiver_id, kind, text, data, created_at) VALUES (?, ?, ?, ?, ?, ?)"
        )
        rows.write(statement, [row])
        return False

    return db.run(act)


def note_sent(db: Database, note_id: str, how: str) -> None:
    """Note that a receiver was sent a note."""
    statement = "UPDATE notifications SET sent_by = ?, sent_at = ? WHERE id = ?"
    db.run(lambda rows: rows.write(statement, [(how, stamp(datetime.now(timezone.utc)), note_id)]))


def wish(db: Database, receiver: str) -> Wish:
    """How a receiver wants to be told: in the app where they said nothing."""
    found = db.all("SELECT how, target FROM notification_preferences WHERE receiver_id = ?", (receiver,))
    return Wish(*found[0]) if found else Wish("app", None)


def prefer(db: Database, receiver: str, how: How, target: str | None = None) -> None:
    """Write down how a receiver wants to be told. Raises UsageError for another way than there is."""
    if how not in get_args(How) or (how != "app" and not target):
        raise UsageError(f"a receiver is told by app, webhook or email, the last two with a target, not by {how!r}")

    def act(rows: Rows) -> None:
        rows.write("DELETE FROM notification_preferences WHERE receiver_id = ?", [(receiver,)])
        statement = "INSERT INTO notification_preferences (receiver_id, how, target) VALUES (?, ?, ?)"
        rows.write(statement, [(receiver, how, target)])

    db.run(act)
