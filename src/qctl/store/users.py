"""Users of the gateway: in MongoDB where MONGODB_URI is set, else in the SQLite file. One user an address.

An address is compared as it was given: whoever stores it has made it lower case. A user is told from a later one of
the same address by the id.
"""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from qctl.models import Role
from qctl.settings import Settings
from qctl.sinks import mongodb
from qctl.store.sql import Rows, Table, moment, opened_file, opened_to_read, stamp

COLLECTION = "users"

USER: Role = "user"
ADMIN: Role = "admin"
"""The role of users who may do what an operator may."""

ADDRESS = r"^[^\s@\x00-\x1f\x7f-\x9f]{1,64}@[^\s@\x00-\x1f\x7f-\x9f]{1,189}$"
"""What may be an address. Whether it is one only a mail can tell."""

NAME_LENGTH = 64
"""Characters of a name at most."""

PASSWORD_LENGTH = (6, 256)
"""Characters of a password."""

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
    role: Role
    created: datetime
    modified: datetime


def new_user(email: str, username: str, password: str, role: Role = USER) -> User:
    """Somebody who comes now. `password` is the hash."""
    now = now_in_milliseconds()
    return User(email, secrets.token_hex(12), username, password, role, now, now)


def now_in_milliseconds() -> datetime:
    """The time, as exactly as MongoDB keeps it."""
    now = datetime.now(timezone.utc)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class Users(Protocol):
    """A store of users, for any number of threads. Its methods raise SinkError."""

    def add(self, user: User) -> bool:
        """Store a user. False where the address is another's; nothing is changed then."""

    def find(self, email: str) -> User | None:
        """The user of this address."""

    def by_id(self, id: str) -> User | None:
        """The user of this id."""

    def list(self, role: Role | None, limit: int) -> tuple[builtins.list[User], int]:
        """The newest `limit` users, all or those of a role, and how many there are. Nothing is made or changed."""

    def change(self, user: User) -> bool:
        """Store the role, password and time of change of a user. False where there is no such user any more."""

    def remove(self, user: User) -> bool:
        """Forget a user. False where there was none any more."""

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
        return self._one("email", email)

    def by_id(self, id: str) -> User | None:
        """The user of this id."""
        return self._one("id", id)

    def list(self, role: Role | None, limit: int) -> tuple[builtins.list[User], int]:
        """The newest users, of a file that may not be there yet."""
        which = "" if role is None else "WHERE role = ?"
        wanted = () if role is None else (role,)
        with opened_to_read(self._settings, USERS.name) as db:
            if db is None:
                return [], 0
            rows = db.execute(
                f"SELECT {_NAMES} FROM users {which} ORDER BY created_at DESC, email LIMIT ?",  # noqa: S608 - constants
                (*wanted, limit),
            ).fetchall()
            ((count,),) = db.execute(f"SELECT count(*) FROM users {which}", wanted)  # noqa: S608 - constants
        return [_user(row) for row in rows], count

    def change(self, user: User) -> bool:
        """Store what may change."""
        statement = "UPDATE users SET role = ?, password = ?, modified_at = ? WHERE email = ? AND id = ?"
        return self._act(user, statement, (user.role, user.password, stamp(user.modified), user.email, user.id))

    def remove(self, user: User) -> bool:
        """Forget a user."""
        return self._act(user, "DELETE FROM users WHERE email = ? AND id = ?", (user.email, user.id))

    def _one(self, column: str, value: str) -> User | None:
        with opened_file(self._settings, USERS) as db:
            found = db.all(f"SELECT {_NAMES} FROM users WHERE {column} = ?", (value,))  # noqa: S608 - constants
        return _user(found[0]) if found else None

    def _act(self, user: User, statement: str, params: Sequence[Any]) -> bool:
        def act(rows: Rows) -> bool:
            if not rows.all("SELECT 1 FROM users WHERE email = ? AND id = ?", (user.email, user.id)):
                return False
            rows.write(statement, [params])
            return True

        with opened_file(self._settings, USERS) as db:
            return db.run(act)

    def close(self) -> None:
        """Nothing is kept open."""


def _user(row: Sequence[Any]) -> User:
    """A row of the table, in the order of `_NAMES`."""
    email, id_, username, password, role, created, modified = row
    return User(email, id_, username, password, role, moment(created), moment(modified))


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
        return self._one({"_id": email})

    def by_id(self, id: str) -> User | None:
        """The user of this id, looked for among all: there is no index, for what admins alone are asked."""
        return self._one({"userId": id})

    def list(self, role: Role | None, limit: int) -> tuple[builtins.list[User], int]:
        """The newest users."""
        wanted = {} if role is None else {"role": role}
        with mongodb.translated(self._uri):
            found = self._collection.find(wanted).sort([("con", -1), ("_id", 1)]).limit(limit)
            return [_document(each) for each in found], self._collection.count_documents(wanted)

    def change(self, user: User) -> bool:
        """Store what may change."""
        news = {"role": user.role, "password": user.password, "mon": user.modified.astimezone(timezone.utc)}
        with mongodb.translated(self._uri):
            done = self._collection.update_one({"_id": user.email, "userId": user.id}, {"$set": news})
        return bool(done.matched_count)

    def remove(self, user: User) -> bool:
        """Forget a user."""
        with mongodb.translated(self._uri):
            return bool(self._collection.delete_one({"_id": user.email, "userId": user.id}).deleted_count)

    def _one(self, wanted: dict[str, str]) -> User | None:
        with mongodb.translated(self._uri):
            found: dict[str, Any] | None = self._collection.find_one(wanted)
        return _document(found) if found else None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _document(found: dict[str, Any]) -> User:
    """A document of the collection."""
    created, modified = (found[name].replace(tzinfo=timezone.utc) for name in ("con", "mon"))
    words = (found["userId"], found["username"], found["password"], found["role"])
    return User(found["_id"], *words, created, modified)
