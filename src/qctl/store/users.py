"""Users of the gateway: in MongoDB if MONGODB_URI is set, else in the SQLite file. Addresses are unique.

Addresses are compared exactly; callers store them in lower case. The id distinguishes a user from a later one with the
same address.
"""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from qctl.databases import mongodb
from qctl.models import Role
from qctl.settings import Settings
from qctl.store.sql import TableSchema, Transaction, format_time, open_read_only, open_sqlite, parse_time

COLLECTION = "users"

USER: Role = "user"
ADMIN: Role = "admin"
"""Role of users with the rights of an operator."""

USERS_SCHEMA = TableSchema(
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

MEMBERSHIPS_SCHEMA = TableSchema(
    "memberships",
    """
    user_id  VARCHAR(32)  NOT NULL,
    business VARCHAR(100) NOT NULL,
    PRIMARY KEY (user_id, business)
    """,
)

_COLUMNS = "email, id, username, password, role, created_at, modified_at"


@dataclass(frozen=True)
class User:
    """A user of the gateway. `password` is its hash, `role` is `user` or `admin`."""

    email: str
    id: str
    username: str
    password: str
    role: Role
    created: datetime
    modified: datetime


def new_user(email: str, username: str, password: str, role: Role = USER) -> User:
    """A user who is created now. `password` is the hash."""
    now = now_in_milliseconds()
    return User(email, secrets.token_hex(12), username, password, role, now, now)


def now_in_milliseconds() -> datetime:
    """The current time, in the precision of MongoDB."""
    now = datetime.now(timezone.utc)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class UserStore(Protocol):
    """Stores users, for any number of threads. Its methods raise SinkError."""

    def add(self, user: User) -> bool:
        """Store a user. Returns False, and changes nothing, if the address exists."""

    def find(self, email: str) -> User | None:
        """The user with this address."""

    def find_by_id(self, id: str) -> User | None:
        """The user with this id."""

    def list(self, role: Role | None, limit: int) -> tuple[builtins.list[User], int]:
        """The newest `limit` users, all or those with a role, and their total number. Creates nothing."""

    def update(self, user: User) -> bool:
        """Store the role, password and time of change of a user. Returns False if the user does not exist."""

    def businesses(self, id: str) -> frozenset[str]:
        """The ids of the businesses that the user with this id is a member of."""

    def set_businesses(self, user: User, businesses: Collection[str]) -> bool:
        """Store the businesses of a user instead of the former ones. Returns False if the user does not exist."""

    def delete(self, user: User) -> bool:
        """Delete a user and its memberships. Returns False if the user does not exist."""

    def close(self) -> None:
        """Close connections."""


def open_user_store(settings: Settings) -> UserStore:
    """The store of the settings. Nothing is sent to a server yet.

    Raises SinkError, and SettingsError if QCTL_HOME cannot be created.
    """
    if settings.mongodb_uri:
        return MongoUsers(settings.mongodb_uri)
    settings.make_home()
    return SqliteUsers(settings)


class SqliteUsers:
    """Users in the table `users`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def add(self, user: User) -> bool:
        """Store a user with a new address."""

        def work(transaction: Transaction) -> bool:
            if transaction.select("SELECT 1 FROM users WHERE email = ?", (user.email,)):
                return False
            row = (user.email, user.id, user.username, user.password, user.role)
            times = (format_time(user.created), format_time(user.modified))
            transaction.write(f"INSERT INTO users ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", [(*row, *times)])  # noqa: S608
            return True

        with open_sqlite(self._settings, USERS_SCHEMA) as db:
            return db.run(work)

    def find(self, email: str) -> User | None:
        """The user with this address."""
        return self._find("email", email)

    def find_by_id(self, id: str) -> User | None:
        """The user with this id."""
        return self._find("id", id)

    def list(self, role: Role | None, limit: int) -> tuple[builtins.list[User], int]:
        """The newest users; none if there is no file."""
        where = "" if role is None else "WHERE role = ?"
        params = () if role is None else (role,)
        with open_read_only(self._settings, USERS_SCHEMA.name) as db:
            if db is None:
                return [], 0
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM users {where} ORDER BY created_at DESC, email LIMIT ?",  # noqa: S608 - constants
                (*params, limit),
            ).fetchall()
            ((count,),) = db.execute(f"SELECT count(*) FROM users {where}", params)  # noqa: S608 - constants
        return [_parse_row(row) for row in rows], count

    def update(self, user: User) -> bool:
        """Store the fields that may change."""
        statement = "UPDATE users SET role = ?, password = ?, modified_at = ? WHERE email = ? AND id = ?"
        params = (user.role, user.password, format_time(user.modified), user.email, user.id)
        return self._execute(user, (statement, [params]))

    def businesses(self, id: str) -> frozenset[str]:
        """The businesses of a user."""
        with open_sqlite(self._settings, MEMBERSHIPS_SCHEMA) as db:
            return frozenset(row[0] for row in db.select("SELECT business FROM memberships WHERE user_id = ?", (id,)))

    def set_businesses(self, user: User, businesses: Collection[str]) -> bool:
        """Replace the memberships of a user."""
        insert = ("INSERT INTO memberships VALUES (?, ?)", [(user.id, business) for business in businesses])
        return self._execute(user, ("DELETE FROM memberships WHERE user_id = ?", [(user.id,)]), insert)

    def delete(self, user: User) -> bool:
        """Delete a user."""
        delete = ("DELETE FROM users WHERE email = ? AND id = ?", [(user.email, user.id)])
        return self._execute(user, ("DELETE FROM memberships WHERE user_id = ?", [(user.id,)]), delete)

    def _find(self, column: str, value: str) -> User | None:
        with open_sqlite(self._settings, USERS_SCHEMA) as db:
            rows = db.select(f"SELECT {_COLUMNS} FROM users WHERE {column} = ?", (value,))  # noqa: S608 - constants
        return _parse_row(rows[0]) if rows else None

    def _execute(self, user: User, *writes: tuple[str, Sequence[Sequence[Any]]]) -> bool:
        """Run statements if the user exists, in one transaction."""

        def work(transaction: Transaction) -> bool:
            if not transaction.select("SELECT 1 FROM users WHERE email = ? AND id = ?", (user.email, user.id)):
                return False
            for statement, rows in writes:
                transaction.write(statement, rows)
            return True

        with open_sqlite(self._settings, USERS_SCHEMA, MEMBERSHIPS_SCHEMA) as db:
            return db.run(work)

    def close(self) -> None:
        """Do nothing: each call opens the file and closes it."""


def _parse_row(row: Sequence[Any]) -> User:
    """The user of a row with `_COLUMNS`."""
    email, id_, username, password, role, created, modified = row
    return User(email, id_, username, password, role, parse_time(created), parse_time(modified))


class MongoUsers:
    """Users in the collection `users`. The address is the `_id`, so it is unique without another index."""

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
        with mongodb.translate_errors(self._uri):
            result = self._collection.update_one({"_id": user.email}, {"$setOnInsert": document}, upsert=True)
        return result.upserted_id is not None

    def find(self, email: str) -> User | None:
        """The user with this address."""
        return self._find({"_id": email})

    def find_by_id(self, id: str) -> User | None:
        """The user with this id. There is no index, because only admins use this query."""
        return self._find({"userId": id})

    def list(self, role: Role | None, limit: int) -> tuple[builtins.list[User], int]:
        """The newest users."""
        query = {} if role is None else {"role": role}
        with mongodb.translate_errors(self._uri):
            documents = self._collection.find(query).sort([("con", -1), ("_id", 1)]).limit(limit)
            return [_parse_document(document) for document in documents], self._collection.count_documents(query)

    def update(self, user: User) -> bool:
        """Store the fields that may change."""
        changes = {"role": user.role, "password": user.password, "mon": user.modified.astimezone(timezone.utc)}
        with mongodb.translate_errors(self._uri):
            result = self._collection.update_one({"_id": user.email, "userId": user.id}, {"$set": changes})
        return bool(result.matched_count)

    def businesses(self, id: str) -> frozenset[str]:
        """The businesses of a user."""
        with mongodb.translate_errors(self._uri):
            document: dict[str, Any] = self._collection.find_one({"userId": id}, {"businesses": True}) or {}
        return frozenset(document.get("businesses", ()))

    def set_businesses(self, user: User, businesses: Collection[str]) -> bool:
        """Replace the businesses of a user."""
        query, change = {"_id": user.email, "userId": user.id}, {"$set": {"businesses": sorted(businesses)}}
        with mongodb.translate_errors(self._uri):
            return bool(self._collection.update_one(query, change).matched_count)

    def delete(self, user: User) -> bool:
        """Delete a user."""
        with mongodb.translate_errors(self._uri):
            return bool(self._collection.delete_one({"_id": user.email, "userId": user.id}).deleted_count)

    def _find(self, query: dict[str, str]) -> User | None:
        with mongodb.translate_errors(self._uri):
            document: dict[str, Any] | None = self._collection.find_one(query)
        return _parse_document(document) if document else None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _parse_document(document: dict[str, Any]) -> User:
    """The user of a document."""
    created, modified = (document[name].replace(tzinfo=timezone.utc) for name in ("con", "mon"))
    fields = (document["userId"], document["username"], document["password"], document["role"])
    return User(document["_id"], *fields, created, modified)
