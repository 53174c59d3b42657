"""Deliveries of chat messages, beside the messages: in MongoDB or SQLite. Counts of them for each day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timezone
from typing import Any

from qctl.databases import mongodb, sqlite
from qctl.models import DeliveryDay
from qctl.settings import Settings
from qctl.store import chat, chat_reads
from qctl.store.sql import TableSchema, Transaction, format_time, open_read_only, open_sqlite

CHAT_DELIVERIES = TableSchema(
    "chat_deliveries",
    """
    message_id   VARCHAR(200) NOT NULL PRIMARY KEY,
    delivered_at DATETIME(6)  NOT NULL
    """,
)

_BY_DAY = """
SELECT SUBSTR(m.sent_at, 1, 10), COUNT(*), COUNT(d.message_id), SUM(m.sent_at <= COALESCE(r.read_to, ''))
FROM chat_messages m
LEFT JOIN {deliveries} d ON d.message_id = m.id
LEFT JOIN {reads} r ON r.reader_id = m.receiver_id AND r.sender_id = m.sender_id
WHERE m.sent_at >= ? AND m.sent_at < ? GROUP BY 1 ORDER BY 1
"""


def record_delivered(settings: Settings, message_id: str, at: datetime) -> None:
    """Record when a message reached its receiver's inbox; a later time changes nothing. Raises SinkError."""
    if settings.mongodb_uri:
        client, messages = mongodb.connect(settings.mongodb_uri, chat.COLLECTION)
        moment = at.astimezone(timezone.utc)
        with closing(client), mongodb.translate_errors(settings.mongodb_uri):
            messages.update_one({"_id": message_id}, {"$min": {"deliveredAt": moment}})
        return

    def work(transaction: Transaction) -> None:
        if not transaction.select("SELECT 1 FROM chat_deliveries WHERE message_id = ?", (message_id,)):
            statement = "INSERT INTO chat_deliveries (message_id, delivered_at) VALUES (?, ?)"
            transaction.write(statement, [(message_id, format_time(at))])

    with open_sqlite(settings, CHAT_DELIVERIES) as db:
        db.run(work)


def count_by_day(settings: Settings, since: datetime, until: datetime) -> list[DeliveryDay]:
    """Messages sent from `since` on and before `until`, by the day of UTC on which they were sent. Days without any are
    missing. Creates nothing. Raises SinkError."""
    if settings.mongodb_uri:
        return _by_day_in_mongodb(settings.mongodb_uri, since, until)
    with open_read_only(settings, chat.COLLECTION) as db:
        if db is None:
            return []
        tables = {
            "deliveries": "chat_deliveries" if sqlite.has_table(db, "chat_deliveries") else "(SELECT '' message_id)",
            "reads": "chat_reads"
            if sqlite.has_table(db, chat_reads.COLLECTION)
            else "(SELECT '' reader_id, '' sender_id, '' read_to)",
        }
        rows = db.execute(_BY_DAY.format(**tables), (format_time(since), format_time(until)))
        return [DeliveryDay(day, sent, delivered, read or 0) for day, sent, delivered, read in rows]


def _by_day_in_mongodb(uri: str, since: datetime, until: datetime) -> list[DeliveryDay]:
    client, messages = mongodb.connect(uri, chat.COLLECTION)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    with closing(client), mongodb.translate_errors(uri):
        read_to: Mapping[tuple[str, str], Any] = {
            tuple(document["_id"]): document["readTo"]
            for document in messages.database[chat_reads.COLLECTION].find({}, {"readTo": 1})
        }
        period = {"sentAt": {"$gte": since.astimezone(timezone.utc), "$lt": until.astimezone(timezone.utc)}}
        fields = {"senderId": 1, "receiverId": 1, "sentAt": 1, "deliveredAt": 1}
        for message in messages.find(period, fields):
            day = counts[message["sentAt"].date().isoformat()]
            last_read = read_to.get((message["receiverId"], message["senderId"]))
            day[0] += 1
            day[1] += "deliveredAt" in message
            day[2] += last_read is not None and message["sentAt"] <= last_read
    return [DeliveryDay(day, *numbers) for day, numbers in sorted(counts.items())]
