"""Chat messages: in MongoDB where MONGODB_URI is set, else in the SQLite file. The same id is the same message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from qctl.settings import Settings
from qctl.sinks import mongodb
from qctl.store.database import Rows, Table, opened_file, stamp

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
