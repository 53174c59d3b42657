"""Times up to which users have read each other's chat messages, beside the messages: in MongoDB or SQLite."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timezone

from qctl.databases import mongodb
from qctl.settings import Settings
from qctl.store import chat
from qctl.store.sql import TableSchema, Transaction, format_time, open_sqlite

COLLECTION = "chat_reads"

CHAT_READS = TableSchema(
    COLLECTION,
    """
    reader_id VARCHAR(64) NOT NULL,
    sender_id VARCHAR(64) NOT NULL,
    read_to   DATETIME(6) NOT NULL,
    PRIMARY KEY (reader_id, sender_id)
    """,
)


def mark_read(settings: Settings, reader: str, sender: str, to: datetime) -> None:
    """Record that `reader` has read the messages of `sender` up to a time; an earlier one changes nothing. Raises
    SinkError."""
    if settings.mongodb_uri:
        client, collection = mongodb.connect(settings.mongodb_uri, COLLECTION)
        moment = to.astimezone(timezone.utc)
        with closing(client), mongodb.translate_errors(settings.mongodb_uri):
            collection.update_one({"_id": [reader, sender]}, {"$max": {"readTo": moment}}, upsert=True)
        return

    def work(transaction: Transaction) -> None:
        key, moment = (reader, sender), format_time(to)
        query = "SELECT read_to FROM chat_reads WHERE reader_id = ? AND sender_id = ?"
        rows = transaction.select(query, key)
        if rows and rows[0][0] >= moment:
            return
        transaction.write("DELETE FROM chat_reads WHERE reader_id = ? AND sender_id = ?", [key])
        statement = "INSERT INTO chat_reads (reader_id, sender_id, read_to) VALUES (?, ?, ?)"
        transaction.write(statement, [(*key, moment)])

    with open_sqlite(settings, CHAT_READS) as db:
        db.run(work)


def count_unread(settings: Settings, reader: str) -> Mapping[str, int]:
    """The number of messages that a user has not read, by their sender. Raises SinkError."""
    if settings.mongodb_uri:
        return _unread_in_mongodb(settings.mongodb_uri, reader)
    query = (
        "SELECT m.sender_id, COUNT(*) FROM chat_messages m LEFT JOIN chat_reads r "
        "ON r.reader_id = m.receiver_id AND r.sender_id = m.sender_id "
        "WHERE m.receiver_id = ? AND m.sender_id <> ? AND (r.read_to IS NULL OR m.sent_at > r.read_to) "
        "GROUP BY m.sender_id"
    )
    with open_sqlite(settings, chat.CHAT_MESSAGES, CHAT_READS) as db:
        return {sender: int(count) for sender, count in db.select(query, (reader, reader))}


def _unread_in_mongodb(uri: str, reader: str) -> Mapping[str, int]:
    client, reads = mongodb.connect(uri, COLLECTION)
    with closing(client), mongodb.translate_errors(uri):
        messages = reads.database[chat.COLLECTION]
        senders = [sender for sender in messages.distinct("senderId", {"receiverId": reader}) if sender != reader]
        read_to = {
            document["_id"][1]: document["readTo"]
            for document in reads.find({"_id": {"$in": [[reader, sender] for sender in senders]}})
        }
        counts = {}
        for sender in senders:
            unread = {"receiverId": reader, "senderId": sender}
            later = {"sentAt": {"$gt": read_to[sender]}} if sender in read_to else {}
            counts[sender] = int(messages.count_documents({**unread, **later}))
        return {sender: count for sender, count in counts.items() if count}
