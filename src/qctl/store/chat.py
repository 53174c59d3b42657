"""Chat messages: in MongoDB if MONGODB_URI is set, else in the SQLite file. Each id is stored once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone

from qctl.databases import mongodb
from qctl.settings import Settings
from qctl.store.sql import TableSchema, Transaction, format_time, open_read_only, open_sqlite, parse_time

COLLECTION = "chat_messages"

CHAT_MESSAGES = TableSchema(
    COLLECTION,
    """
    id          VARCHAR(200) NOT NULL PRIMARY KEY,
    sender_id   VARCHAR(64)  NOT NULL,
    receiver_id VARCHAR(64)  NOT NULL,
    text        TEXT,
    image       VARCHAR(100),
    sent_at     DATETIME(6)  NOT NULL
    """,
)


@dataclass(frozen=True)
class ChatMessage:
    """A message between two users. `image` names a file in QCTL_IMAGES_DIR or an object in QCTL_S3_BUCKET."""

    id: str
    sender: str
    receiver: str
    text: str | None
    image: str | None
    sent_at: datetime


def store_message(settings: Settings, message: ChatMessage) -> None:
    """Store a message, unless its id exists. Raises SinkError."""
    if settings.mongodb_uri:
        _store_in_mongodb(settings.mongodb_uri, message)
    else:
        _store_in_sqlite(settings, message)


def read_conversation(settings: Settings, one: str, other: str, *, skip: int, limit: int) -> list[ChatMessage]:
    """Messages between two users, oldest first: the `limit` newest after the `skip` newest. Creates nothing. Raises
    SinkError."""
    if settings.mongodb_uri:
        newest_first = _conversation_in_mongodb(settings.mongodb_uri, one, other, skip, limit)
    else:
        newest_first = _conversation_in_sqlite(settings, one, other, skip, limit)
    return newest_first[::-1]


def newest_message_time(settings: Settings, *, sender: str, receiver: str) -> datetime | None:
    """The time of the newest message from one user to another, None if there is none. Raises SinkError."""
    if settings.mongodb_uri:
        client, collection = mongodb.connect(settings.mongodb_uri, COLLECTION)
        with closing(client), mongodb.translate_errors(settings.mongodb_uri):
            newest = collection.find_one({"senderId": sender, "receiverId": receiver}, sort=[("sentAt", -1)])
        return None if newest is None else newest["sentAt"].replace(tzinfo=timezone.utc)
    query = "SELECT MAX(sent_at) FROM chat_messages WHERE sender_id = ? AND receiver_id = ?"
    with open_read_only(settings, COLLECTION) as db:
        newest_text = None if db is None else db.execute(query, (sender, receiver)).fetchone()[0]
    return None if newest_text is None else parse_time(newest_text)


def _conversation_in_mongodb(uri: str, one: str, other: str, skip: int, limit: int) -> list[ChatMessage]:
    client, collection = mongodb.connect(uri, COLLECTION)
    pairs = [{"senderId": one, "receiverId": other}, {"senderId": other, "receiverId": one}]
    with closing(client), mongodb.translate_errors(uri):
        documents = list(collection.find({"$or": pairs}).sort([("sentAt", -1), ("_id", -1)]).skip(skip).limit(limit))
    return [
        ChatMessage(
            str(each["_id"]),
            each["senderId"],
            each["receiverId"],
            each.get("text"),
            each.get("image"),
            each["sentAt"].replace(tzinfo=timezone.utc),
        )
        for each in documents
    ]


def _conversation_in_sqlite(settings: Settings, one: str, other: str, skip: int, limit: int) -> list[ChatMessage]:
    query = (
        "SELECT id, sender_id, receiver_id, text, image, sent_at FROM chat_messages "
        "WHERE (sender_id = ? AND receiver_id = ?) OR (sender_id = ? AND receiver_id = ?) "
        "ORDER BY sent_at DESC, id DESC LIMIT ? OFFSET ?"
    )
    with open_read_only(settings, COLLECTION) as db:
        rows = [] if db is None else db.execute(query, (one, other, other, one, limit, skip)).fetchall()
    return [
        ChatMessage(id_, sender, receiver, text, image, parse_time(sent_at))
        for id_, sender, receiver, text, image, sent_at in rows
    ]


def images_in_use(settings: Settings, names: Sequence[str]) -> set[str]:
    """The names of images that messages refer to. Creates nothing. Raises SinkError.

    Returns all names if there are no messages, because the messages may then be in another database.
    """
    if settings.mongodb_uri:
        return _images_in_mongodb(settings.mongodb_uri, names)
    return _images_in_sqlite(settings, names)


def _images_in_mongodb(uri: str, names: Sequence[str]) -> set[str]:
    client, collection = mongodb.connect(uri, COLLECTION)
    with closing(client), mongodb.translate_errors(uri):
        if collection.find_one({}, {"_id": 1}) is None:
            return set(names)
        return set(collection.distinct("image", {"image": {"$in": list(names)}}))


def _images_in_sqlite(settings: Settings, names: Sequence[str]) -> set[str]:
    placeholders = ", ".join("?" * len(names))
    query = f"SELECT DISTINCT image FROM chat_messages WHERE image IN ({placeholders})"  # noqa: S608 - placeholders
    with open_read_only(settings, COLLECTION) as db:
        if db is None or not db.execute("SELECT 1 FROM chat_messages LIMIT 1").fetchone():
            return set(names)
        return {name for (name,) in db.execute(query, names)}


def _store_in_mongodb(uri: str, message: ChatMessage) -> None:
    client, collection = mongodb.connect(uri, COLLECTION)
    document = {
        "senderId": message.sender,
        "receiverId": message.receiver,
        "text": message.text,
        "image": message.image,
        "sentAt": message.sent_at.astimezone(timezone.utc),
    }
    with closing(client), mongodb.translate_errors(uri):
        collection.update_one({"_id": message.id}, {"$setOnInsert": document}, upsert=True)


def _store_in_sqlite(settings: Settings, message: ChatMessage) -> None:
    row = (message.id, message.sender, message.receiver, message.text, message.image, format_time(message.sent_at))

    def work(transaction: Transaction) -> None:
        if not transaction.select("SELECT 1 FROM chat_messages WHERE id = ?", (message.id,)):
            statement = (
                "INSERT INTO chat_messages (id, sender_id, receiver_id, text, image, sent_at) VALUES (?, ?, ?, ?, ?, ?)"
            )
            transaction.write(statement, [row])

    with open_sqlite(settings, CHAT_MESSAGES) as db:
        db.run(work)
