"""Users in SQLite and MongoDB: addresses are unique, and never interpreted as queries."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from qctl.settings import Settings
from qctl.store.users import User, UserStore, open_user_store

AT = datetime(2024, 3, 20, 10, 30, 0, 123000, timezone.utc)
LATER = datetime(2099, 3, 20, 10, 30, 0, 456000, timezone.utc)


@pytest.fixture(params=["sqlite", "mongodb"])
def users(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Iterator[UserStore]:
    env = {"MONGODB_URI": request.getfixturevalue("mongodb").url} if request.param == "mongodb" else {}
    opened = open_user_store(make_settings(**env))
    yield opened
    opened.close()


@pytest.fixture
def ada() -> User:
    return User(f"{secrets.token_hex(8)}@example.com", secrets.token_hex(12), "Ada", "$hash", "user", AT, AT)


def test_user_is_found_as_stored(users: UserStore, ada: User) -> None:
    assert users.find(ada.email) is None
    assert users.add(ada)
    assert users.find(ada.email) == ada


def test_concurrent_adds_store_one_user(users: UserStore, ada: User) -> None:
    others = [replace(ada, id=secrets.token_hex(12), username=f"No. {n}") for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(users.add, others))
    assert added.count(True) == 1
    assert users.find(ada.email) == others[added.index(True)]


@pytest.mark.parametrize("email", ["' OR '1'='1", "x'; DROP TABLE users; --", '{"$gt": ""}', "$where", "a.b\\c%_"])
def test_address_is_never_a_query(users: UserStore, ada: User, email: str) -> None:
    assert users.add(ada)
    assert users.find(email) is None
    hostile = replace(ada, email=f"{secrets.token_hex(4)}{email}", id=secrets.token_hex(12))
    assert users.add(hostile)
    assert users.find(hostile.email) == hostile
    assert users.find(ada.email) == ada


def test_user_is_updated_listed_and_deleted(users: UserStore, ada: User) -> None:
    eve = replace(ada, email=f"eve-{ada.email}", id=secrets.token_hex(12), role="admin", created=LATER, modified=LATER)
    assert users.add(ada)
    assert users.add(eve)
    assert users.find_by_id(ada.id) == ada
    assert users.find_by_id("nobody") is None
    newest, count = users.list(None, 1)
    assert newest == [eve]
    assert count >= 2
    assert eve in users.list("admin", 1000)[0]
    assert ada not in users.list("admin", 1000)[0]
    changed = replace(ada, role="admin", password="$other", modified=LATER)
    assert users.update(changed)
    assert users.find(ada.email) == changed
    another = replace(ada, id=secrets.token_hex(12))
    assert not users.update(another), "another user with the same address"
    assert not users.delete(another)
    assert users.find(ada.email) == changed
    assert users.delete(changed)
    assert users.find_by_id(ada.id) is None
    assert not users.update(changed)
    assert users.delete(eve)


def test_businesses_are_those_set_last(users: UserStore, ada: User) -> None:
    assert not users.set_businesses(ada, ["17"])
    users.add(ada)
    assert users.businesses(ada.id) == frozenset()
    assert users.set_businesses(ada, ["17", "18"])
    assert users.set_businesses(ada, ["18", "19"])
    assert users.businesses(ada.id) == {"18", "19"}
    assert users.businesses("another") == frozenset()
    assert users.update(replace(ada, role="admin"))
    assert users.businesses(ada.id) == {"18", "19"}
    users.delete(ada)
    assert users.businesses(ada.id) == frozenset()
