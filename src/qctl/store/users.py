"""Users of the gateway: in MongoDB where MONGODB_URI is set, else in the SQLite file. One user an address.

An address is compared as it was given: whoever stores it has made it lower case.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from qctl.settings import Settings
from qctl.sinks import mongodb
from qctl.store.database import Rows, Table, moment, opened_file, stamp

COLLECTION = "users"

USERS = Table(
    COLLECTION,
    """
    email       VARCHAR(254) NOT NULL PRIMARY KEY,
    id          VARCHAR(32)  NOT NULL UNIQUE,
    username    VARCHAR(64)  NOT NULL,
    password    VARCHAR(200) NOT NULL,
    role        VARCHAR(16)  NOT NULL,
    created_at  DATETIME(6)  NOT NULL,
    modified_at DATETIME(6)  NOT NULL
    """,
)

_NAMES = "email, id, username, password, role, created_at, modified_at"


@dataclass(frozen=True)
class User:
    """Who may use the gateway. `password` is its hash, `role` is `user` or `admin`."""

    email: str
    id: str
    username: str
    password: str
    role: str
    created: datetime
    modified: datetime


class Users(Protocol):
    """A store of users, for any number of threads. Its methods raise SinkError."""

    def add(self, user: User) -> bool:
        """Store a user. False where the address is another's; nothing is changed then."""

    def find(self, email: str) -> User | None:
        """The user of this address."""

    def close(self) -> None:
        """Close connections."""


def open_users(settings: Settings) -> Users:
    """The store of the settings. Nothing is asked of a server yet. Raises SinkError, and SettingsError where QCTL_HOME
    cannot be made."""
    if settings.mongodb_uri:
        return MongoUsers(settings.mongodb_uri)
    settings.make_home()
    return SqliteUsers(settings)


class SqliteUsers:
    """Users in the table `users`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def add(self, user: User) -> bool:
        """Store a user whose address is new."""

        def act(rows: Rows) -> bool:
            if rows.all("SELECT 1 FROM users WHERE email = ?", (user.email,)):
                return False
            row = (user.email, user.id, user.username, user.password, user.role)
            times = (stamp(user.created), stamp(user.modified))
            rows.write(f"INSERT INTO users ({_NAMES}) VALUES (?, ?, ?, ?, ?, ?, ?)", [(*row, *times)])  # noqa: S608
            return True

        with opened_file(self._settings, USERS) as db:
            return db.run(act)

    def find(self, email: str) -> User | None:
        """The user of this address."""
        with opened_file(self._settings, USERS) as db:
            found = db.all(f"SELECT {_NAMES} FROM users WHERE email = ?", (email,))  # noqa: S608 - a constant
        if not found:
            return None
        address, id_, username, password, role, created, modified = found[0]
        return User(address, id_, username, password, role, moment(created), moment(modified))

    def close(self) -> None:
        """Nothing is kept open."""


class MongoUsers:
    """Users in the collection `users`, the address their `_id`: it is unique without an index of its own."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client, self._collection = mongodb.connect(uri, COLLECTION)

    def add(self, user: User) -> bool:
        """Store a user whose address is new."""
        document = {
            "userId": user.id,
            "username": user.username,
            "password": user.password,
            "role": user.role,
            "con": user.created.astimezone(timezone.utc),
            "mon": user.modified.astimezone(timezone.utc),
        }
        with mongodb.translated(self._uri):
            done = self._collection.update_one({"_id": user.email}, {"$setOnInsert": document}, upsert=True)
        return done.upserted_id is not None

    def find(self, email: str) -> User | None:
        """The user of this address."""
        with mongodb.translated(self._uri):
            found: dict[str, Any] | None = self._collection.find_one({"_id": email})
        if found is None:
            return None
        created, modified = (found[name].replace(tzinfo=timezone.utc) for name in ("con", "mon"))
        words = (found["userId"], found["username"], found["password"], found["role"])
        return User(email, *words, created, modified)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
