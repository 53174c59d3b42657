"""Chat messages: in MongoDB where MONGODB_URI is set, else in the SQLite file. The same id is the same message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from qctl.settings import Settings
from qctl.sinks import mongodb
from qctl.store.sql import Rows, Table, opened_file, opened_to_read, stamp

COLLECTION = "chat_messages"

CHAT = Table(
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
    """A message from one to another; `image` names a file in QCTL_IMAGES_DIR or an object in QCTL_S3_BUCKET."""

    id: str
    sender: str
    receiver: str
    text: str | None
    image: str | None
    sent_at: datetime


def keep(settings: Settings, message: ChatMessage) -> None:
    """Store a message, or leave it as it is where it is there. Raises SinkError."""
    if settings.mongodb_uri:
        _in_mongodb(settings.mongodb_uri, message)
    else:
        _in_sqlite(settings, message)


def with_images(settings: Settings, names: Sequence[str]) -> set[str]:
    """Those of these names of images that a message has; all of them where there is no message at all: then the chat
    is in another database than these settings say. Nothing is made. Raises SinkError."""
    return _found_in_mongodb(settings.mongodb_uri, names) if settings.mongodb_uri else _found_in_sqlite(settings, names)


def _found_in_mongodb(uri: str, names: Sequence[str]) -> set[str]:
    client, collection = mongodb.connect(uri, COLLECTION)
    try:
        with mongodb.translated(uri):
            if collection.find_one({}, {"_id": 1}) is None:
                return set(names)
            return set(collection.distinct("image", {"image": {"$in": list(names)}}))
    finally:
        client.close()


def _found_in_sqlite(settings: Settings, names: Sequence[str]) -> set[str]:
    asked = ", ".join("?" * len(names))
    with opened_to_read(settings, COLLECTION) as db:
        if db is None or not db.execute("SELECT 1 FROM chat_messages LIMIT 1").fetchone():
            return set(names)
        found = db.execute(f"SELECT DISTINCT image FROM chat_messages WHERE image IN ({asked})", names)  # noqa: S608
        return {name for (name,) in found}


def _in_mongodb(uri: str, message: ChatMessage) -> None:
    client, collection = mongodb.connect(uri, COLLECTION)
    document = {
        "senderId": message.sender,
        "receiverId": message.receiver,
        "text": message.text,
        "image": message.image,
        "sentAt": message.sent_at.astimezone(timezone.utc),
    }
    try:
        with mongodb.translated(uri):
            collection.update_one({"_id": message.id}, {"$setOnInsert": document}, upsert=True)
    finally:
        client.close()


def _in_sqlite(settings: Settings, message: ChatMessage) -> None:
    row = (message.id, message.sender, message.receiver, message.text, message.image, stamp(message.sent_at))

    def act(rows: Rows) -> None:
        if not rows.all("SELECT 1 FROM chat_messages WHERE id = ?", (message.id,)):
            statement = (
                "INSERT INTO chat_messages (id, sender_id, receiver_id, text, image, sent_at) VALUES (?, ?, ?, ?, ?, ?)"
            )
            rows.write(statement, [row])

    with opened_file(settings, CHAT) as db:
        db.run(act)
