"""Web Push subscriptions: the browsers to which a receiver's notifications are pushed."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timezone

from qctl.settings import Settings
from qctl.store import sql
from qctl.store.sql import Database, TableSchema, Transaction, format_time

SUBSCRIPTIONS = TableSchema(
    "push_subscriptions",
    """
    receiver_id VARCHAR(64)   NOT NULL,
    id          CHAR(64)      NOT NULL,
    endpoint    VARCHAR(1000) NOT NULL,
    public_key  VARCHAR(100)  NOT NULL,
    secret      VARCHAR(30)   NOT NULL,
    created_at  DATETIME(6)   NOT NULL,
    PRIMARY KEY (receiver_id, id)
    """,
)
PUSHED = TableSchema(
    "push_sent",
    """
    notification_id VARCHAR(200) NOT NULL,
    subscription_id CHAR(64)     NOT NULL,
    PRIMARY KEY (notification_id, subscription_id)
    """,
)

MAX_SUBSCRIPTIONS = 10
"""Subscriptions of one receiver; a further one replaces the oldest."""

MAX_ENDPOINT_CHARACTERS = 1000


@dataclass(frozen=True)
class PushSubscription:
    """A browser: the URL of its push service, its public key (`p256dh`) and secret (`auth`), both in base64url."""

    endpoint: str
    public_key: str
    secret: str

    @property
    def id(self) -> str:
        """A hash of the endpoint, which no other subscription shares."""
        return hashlib.sha256(self.endpoint.encode()).hexdigest()


def open_database(settings: Settings) -> AbstractContextManager[Database]:
    """The database with the tables of this module."""
    return sql.open_database(settings, SUBSCRIPTIONS, PUSHED)


def add(db: Database, receiver: str, subscription: PushSubscription) -> int:
    """Store a subscription, which is no longer another receiver's: two users of one browser have one endpoint.

    Returns the number of the receiver's subscriptions.
    """

    def work(transaction: Transaction) -> int:
        transaction.write("DELETE FROM push_subscriptions WHERE id = ?", [(subscription.id,)])
        query = "SELECT id FROM push_subscriptions WHERE receiver_id = ? ORDER BY created_at DESC, id"
        ids = [row[0] for row in transaction.select(query + transaction.lock_clause, (receiver,))]
        remaining, replaced = ids[: MAX_SUBSCRIPTIONS - 1], ids[MAX_SUBSCRIPTIONS - 1 :]
        statement = "DELETE FROM push_subscriptions WHERE receiver_id = ? AND id = ?"
        transaction.write(statement, [(receiver, id_) for id_ in replaced])
        row = (
            *(receiver, subscription.id, subscription.endpoint, subscription.public_key, subscription.secret),
            format_time(datetime.now(timezone.utc)),
        )
        statement = (
            "INSERT INTO push_subscriptions (receiver_id, id, endpoint, public_key, secret, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?)"
        )
        transaction.write(statement, [row])
        return len(remaining) + 1

    return db.run(work)


def remove(db: Database, receiver: str, subscription_id: str) -> bool:
    """Delete a receiver's subscription. Returns False if there is none."""

    def work(transaction: Transaction) -> bool:
        key = (receiver, subscription_id)
        query = "SELECT 1 FROM push_subscriptions WHERE receiver_id = ? AND id = ?"
        if not transaction.select(query, key):
            return False
        transaction.write("DELETE FROM push_subscriptions WHERE receiver_id = ? AND id = ?", [key])
        return True

    return db.run(work)


def read(db: Database, receiver: str) -> list[PushSubscription]:
    """The subscriptions of a receiver, oldest first."""
    query = "SELECT endpoint, public_key, secret FROM push_subscriptions WHERE receiver_id = ? ORDER BY created_at, id"
    return [PushSubscription(*row) for row in db.select(query, (receiver,))]


def pushed_to(db: Database, notification_id: str) -> set[str]:
    """Ids of the subscriptions to which a notification was pushed, until `clear_pushed`."""
    rows = db.select("SELECT subscription_id FROM push_sent WHERE notification_id = ?", (notification_id,))
    return {row[0] for row in rows}


def record_pushed(db: Database, notification_id: str, subscription_id: str) -> None:
    """Record that a notification was pushed to a subscription, so that a retry leaves it out."""
    statement = "INSERT INTO push_sent (notification_id, subscription_id) VALUES (?, ?)"
    db.run(lambda transaction: transaction.write(statement, [(notification_id, subscription_id)]))


def clear_pushed(db: Database, notification_id: str) -> None:
    """Delete the records of a notification that no retry follows."""
    statement = "DELETE FROM push_sent WHERE notification_id = ?"
    db.run(lambda transaction: transaction.write(statement, [(notification_id,)]))
