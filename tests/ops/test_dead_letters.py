"""Dead letters of any queue."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from redis import Redis

from qctl.broker.redis import keys
from qctl.errors import NotFoundError, UsageError
from qctl.models import Selector
from qctl.ops import Ops
from support import stock


@pytest.fixture
def dead(connection: Redis) -> list[str]:
    """Create four dead letters in three queues, oldest first."""
    for n, queue in enumerate(("mail", "mail.high", "files", "mail")):
        stock.die(connection, stock.enqueue(connection, queue, f"d{n}"), ttl=1000 + n)
        connection.hset(keys.job(f"d{n}"), "ended_at", f"2026-01-01T00:00:0{n}.000000Z")
    return ["d0", "d1", "d2", "d3"]


def test_lists_by_name_and_pattern(ops: Ops, dead: list[str]) -> None:
    def ids(queue: str | None, **page: int) -> list[str]:
        return [letter.id for letter in ops.dead_letters.list(Selector(queue=queue), **page).letters]

    assert ids(None) == dead[::-1]
    assert ids("mail") == ["d3", "d0"]
    assert ids("mail*") == ["d3", "d1", "d0"]
    assert ids("nothing*") == []
    assert ids(None, limit=1, offset=1) == ["d2"]
    assert (ops.dead_letters.count(), ops.dead_letters.count("mail*")) == (4, 3)
    with pytest.raises(NotFoundError) as caught:
        ops.dead_letters.list(Selector(queue="mial"))
    assert "mail" in caught.value.close
    with pytest.raises(UsageError):
        ops.dead_letters.list(limit=-1)


def test_shows_a_dead_letter_without_its_queue(ops: Ops, dead: list[str]) -> None:
    assert ops.dead_letters.show("d2").letter.queue == "files"
    with pytest.raises(NotFoundError, match="dead letter 'x' not found"):
        ops.dead_letters.show("x")


def test_causes_count_the_letters_that_died_lately(ops: Ops, connection: Redis, dead: list[str]) -> None:
    for n in range(2):
        stock.die(connection, stock.enqueue(connection, "mail", f"new{n}"))
    connection.hset(keys.job("new0"), "ended_at", f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}")
    connection.hset(keys.job("new1"), "ended_at", "2026-01-01T00:00:00.000000Z")
    (cause,) = ops.dead_letters.groups().causes
    assert (cause.count, cause.new) == (6, 1)
