"""Users of the gateway, as operators create and change them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from qctl.errors import NotFoundError, RedisUnreachableError, RefusedError, UsageError
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.store import passwords
from qctl.store.users import open_user_store
from support.process import free_port

EMAIL = "ada@example.com"


@pytest.fixture
def ops(settings: Settings) -> Iterator[Ops]:
    ops = Ops(settings)
    yield ops
    ops.close()


def test_a_user_is_created_promoted_and_removed(ops: Ops, settings: Settings) -> None:
    assert ops.users.list().accounts == []
    assert not settings.database.exists(), "to look makes nothing"
    made = ops.users.create("Ada@Example.com", "Ada", "correct horse")
    assert (made.account.email, made.account.role, made.password) == (EMAIL, "user", None)
    users = open_user_store(settings)
    assert passwords.verify_password("correct horse", getattr(users.find(EMAIL), "password", None))
    assert ops.users.promote("ADA@example.com").account.role == "admin"
    assert ops.users.promote(EMAIL).changed is False
    found = ops.users.list(role="admin")
    assert ([each.email for each in found.accounts], found.total) == ([EMAIL], 1)
    assert ops.users.list(role="user").total == 0
    assert ops.users.demote(EMAIL).changed is True
    new = ops.users.password(EMAIL, None)
    assert new.password
    assert len(new.password) == 24
    stored = users.find(EMAIL)
    assert stored is not None
    assert passwords.verify_password(new.password, stored.password)
    assert not passwords.verify_password("correct horse", stored.password)
    assert stored.modified >= stored.created
    assert ops.users.remove(EMAIL).changed is True
    assert ops.users.list().total == 0
    with pytest.raises(NotFoundError):
        ops.users.remove(EMAIL)


def test_invalid_users_are_refused(ops: Ops) -> None:
    for email, name, password in (
        ("ada", "Ada", "correct horse"),
        (f"{EMAIL}\n", "Ada", "correct horse"),
        (EMAIL, "", "correct horse"),
        (EMAIL, "a\x1b[31m", "correct horse"),
        (EMAIL, "Ada", "short"),
        (EMAIL, "Ada", "x" * 257),
    ):
        with pytest.raises(UsageError):
            ops.users.create(email, name, password)
    assert ops.users.create(EMAIL, "Ada", None, role="admin").password
    with pytest.raises(RefusedError):
        ops.users.create(EMAIL.upper(), "Eve", "correct horse")
    assert ops.users.list().total == 1


def test_a_change_needs_a_reachable_redis(make_settings: Callable[..., Settings]) -> None:
    away = Ops(make_settings(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0"))
    with pytest.raises(RedisUnreachableError):
        away.users.create(EMAIL, "Ada", "correct horse")
    assert away.users.list().total == 0
    away.close()
