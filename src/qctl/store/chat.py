"""Chat messages: in MongoDB if MONGODB_URI is set, else in the SQLite file. Each id is stored once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from qctl.databases import mongodb, sqlite
from qctl.models import MessageFile
from qctl.settings import Settings
from qctl.store.sql import Params, TableSchema, Transaction, format_time, open_read_only, open_sqlite, parse_time

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

CHAT_FILES = TableSchema(
    "chat_files",
    """
    message_id VARCHAR(200) NOT NULL PRIMARY KEY,
    file_id    VARCHAR(36)  NOT NULL,
    name       VARCHAR(120) NOT NULL,
    size       BIGINT       NOT NULL
    """,
)
"""Files of messages. The table is created with the first of them."""

_SELECT = """
SELECT m.id, m.sender_id, m.receiver_id, m.text, m.image, m.sent_at, f.file_id, f.name, f.size
FROM chat_messages m LEFT JOIN {files} f ON f.message_id = m.id
"""

_NO_FILES = "(SELECT '' message_id, NULL file_id, NULL name, NULL size)"


@dataclass(frozen=True)
class ChatMessage:
    """A message between two users. `image` names a file in QCTL_IMAGES_DIR or an object in QCTL_S3_BUCKET."""

    id: str
    sender: str
    receiver: str
    text: str | None
    image: str | None
    sent_at: datetime
    file: MessageFile | None = None


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


def find_message(settings: Settings, id_: str) -> ChatMessage | None:
    """A message, None if there is none of this id. Creates nothing. Raises SinkError."""
    if settings.mongodb_uri:
        client, collection = mongodb.connect(settings.mongodb_uri, COLLECTION)
        with closing(client), mongodb.translate_errors(settings.mongodb_uri):
            document = collection.find_one({"_id": id_})
        return None if document is None else _from_document(document)
    found = _select(settings, "WHERE m.id = ?", (id_,))
    return found[0] if found else None


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
    return [_from_document(document) for document in documents]


def _from_document(document: Mapping[str, Any]) -> ChatMessage:
    file = document.get("file")
    return ChatMessage(
        str(document["_id"]),
        document["senderId"],
        document["receiverId"],
        document.get("text"),
        document.get("image"),
        document["sentAt"].replace(tzinfo=timezone.utc),
        None if file is None else MessageFile(**file),
    )


def _conversation_in_sqlite(settings: Settings, one: str, other: str, skip: int, limit: int) -> list[ChatMessage]:
    condition = (
        "WHERE (m.sender_id = ? AND m.receiver_id = ?) OR (m.sender_id = ? AND m.receiver_id = ?) "
        "ORDER BY m.sent_at DESC, m.id DESC LIMIT ? OFFSET ?"
    )
    return _select(settings, condition, (one, other, other, one, limit, skip))


def _select(settings: Settings, condition: str, params: Params) -> list[ChatMessage]:
    """Messages of the SQLite file, with their files."""
    with open_read_only(settings, COLLECTION) as db:
        if db is None:
            return []
        files = CHAT_FILES.name if sqlite.has_table(db, CHAT_FILES.name) else _NO_FILES
        rows = db.execute(_SELECT.format(files=files) + condition, params).fetchall()
    return [
        ChatMessage(
            id_,
            sender,
            receiver,
            text,
            image,
            parse_time(sent_at),
            None if file_id is None else MessageFile(file_id, name, size),
        )
        for id_, sender, receiver, text, image, sent_at, file_id, name, size in rows
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


def files_in_use(settings: Settings, ids: Sequence[str]) -> set[str]:
    """The ids of files that messages carry. Creates nothing. Raises SinkError.

    Returns all ids if there are no messages, as `images_in_use` does.
    """
    if settings.mongodb_uri:
        client, collection = mongodb.connect(settings.mongodb_uri, COLLECTION)
        with closing(client), mongodb.translate_errors(settings.mongodb_uri):
            if collection.find_one({}, {"_id": 1}) is None:
                return set(ids)
            return set(collection.distinct("file.id", {"file.id": {"$in": list(ids)}}))
    query = f"SELECT file_id FROM chat_files WHERE file_id IN ({', '.join('?' * len(ids))})"  # noqa: S608 - placeholders
    with open_read_only(settings, COLLECTION) as db:
        if db is None or not db.execute("SELECT 1 FROM chat_messages LIMIT 1").fetchone():
            return set(ids)
        return {id_ for (id_,) in db.execute(query, ids)} if sqlite.has_table(db, CHAT_FILES.name) else set()


def _store_in_mongodb(uri: str, message: ChatMessage) -> None:
    client, collection = mongodb.connect(uri, COLLECTION)
    document: dict[str, Any] = {
        "senderId": message.sender,
        "receiverId": message.receiver,
        "text": message.text,
        "image": message.image,
        "sentAt": message.sent_at.astimezone(timezone.utc),
    }
    if message.file is not None:
        document["file"] = asdict(message.file)
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
            if message.file is not None:
                statement = "INSERT INTO chat_files (message_id, file_id, name, size) VALUES (?, ?, ?, ?)"
                transaction.write(statement, [(message.id, message.file.id, message.file.name, message.file.size)])

    with open_sqlite(settings, CHAT_MESSAGES, *([] if message.file is None else [CHAT_FILES])) as db:
        db.run(work)
