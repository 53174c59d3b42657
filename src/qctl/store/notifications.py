"""Notes to receivers, which the application shows, and how each of them wants to be told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from qctl.settings import Settings
from qctl.store import sql
from qctl.store.sql import Database, Rows, Table, moment, stamp

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
WISHES = Table(
    "notification_wishes",
    """
    receiver_id VARCHAR(64) NOT NULL PRIMARY KEY,
    how         VARCHAR(16) NOT NULL,
    target      VARCHAR(500),
    wished_at   DATETIME(6) NOT NULL
    """,
)

LONGEST_TARGET = 500
"""Characters of a URL or an address."""


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
    """How a receiver wants to be told: `app` alone, by `webhook` or by `email`; `target` is the URL or the address.

    A note is in the app in any case.
    """

    how: str
    target: str | None


def opened(settings: Settings) -> AbstractContextManager[Database]:
    """The database with these tables in it."""
    return sql.opened(settings, NOTIFICATIONS, WISHES)


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
    found = db.all("SELECT how, target FROM notification_wishes WHERE receiver_id = ?", (receiver,))
    return Wish(*found[0]) if found else Wish("app", None)


def prefer(db: Database, receiver: str, wish: Wish, at: datetime) -> bool:
    """Write down how a receiver wanted to be told at that time. False where they wished something else since."""

    def act(rows: Rows) -> bool:
        statement = f"SELECT wished_at FROM notification_wishes WHERE receiver_id = ?{rows.lock}"  # noqa: S608 - fixed words
        found = rows.all(statement, (receiver,))
        if found and moment(found[0][0]) > at:
            return False
        rows.write("DELETE FROM notification_wishes WHERE receiver_id = ?", [(receiver,)])
        statement = "INSERT INTO notification_wishes (receiver_id, how, target, wished_at) VALUES (?, ?, ?, ?)"
        rows.write(statement, [(receiver, wish.how, wish.target, stamp(at))])
        return True

    return db.run(act)
