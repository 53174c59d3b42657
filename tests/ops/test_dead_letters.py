"""Choosing dead letters and running them again."""

from __future__ import annotations

import pytest
from redis import Redis

from qctl.broker import keys, retry
from qctl.errors import NotFoundError, UsageError
from qctl.models import Outcome
from qctl.ops import Ops
from support import stock


@pytest.fixture
def dead(connection: Redis) -> list[str]:
    """Four dead letters in three queues, oldest first."""
    for n, queue in enumerate(("mail", "mail.high", "files", "mail")):
        stock.die(connection, stock.enqueue(connection, queue, f"d{n}"), ttl=1000 + n)
        connection.hset(keys.job(f"d{n}"), "ended_at", f"2026-01-01T00:00:0{n}.000000Z")
    return ["d0", "d1", "d2", "d3"]


def test_lists_by_name_and_pattern(ops: Ops, dead: list[str]) -> None:
    def ids(queue: str | None, **page: int) -> list[str]:
        return [letter.id for letter in ops.dead_letters.list(queue, **page).letters]

    assert ids(None) == dead[::-1]
    assert ids("mail") == ["d3", "d0"]
    assert ids("mail*") == ["d3", "d1", "d0"]
    assert ids("nothing*") == []
    assert ids(None, limit=1, offset=1) == ["d2"]
    assert (ops.dead_letters.count(), ops.dead_letters.count("mail*")) == (4, 3)
    with pytest.raises(NotFoundError) as caught:
        ops.dead_letters.list("mial")
    assert "mail" in caught.value.close
    with pytest.raises(UsageError):
        ops.dead_letters.list(limit=-1)


def test_shows_one_without_being_told_its_queue(ops: Ops, dead: list[str]) -> None:
    assert ops.dead_letters.show("d2").letter.queue == "files"
    with pytest.raises(NotFoundError, match="there is no dead letter x"):
        ops.dead_letters.show("x")


def test_retries_by_id(ops: Ops, connection: Redis, dead: list[str]) -> None:
    result = ops.dead_letters.retry(["d2", "x", "d0", "d2"])
    assert result.done == 2
    assert result.outcomes == [
        Outcome("x", "", False, "it is no dead letter"),
        Outcome("d2", "files", True),
        Outcome("d0", "mail", True),
    ]
    assert ops.dead_letters.retry(["d1"], queue="mail").done == 0
    assert ops.dead_letters.count() == 2


def test_retries_all_of_a_pattern(ops: Ops, connection: Redis, dead: list[str]) -> None:
    told: list[tuple[int, int | None]] = []
    assert ops.dead_letters.retry(all=True, queue="mail*", progress=lambda *now: told.append(now)).done == 3
    assert told[-1] == (3, 3)
    assert [letter.id for letter in ops.dead_letters.list().letters] == ["d2"]
    assert sorted(stock.waiting(connection, "mail")) == ["d0", "d3"]


def test_a_limit_takes_those_that_waited_longest(ops: Ops, connection: Redis, dead: list[str]) -> None:
    assert [outcome.id for outcome in ops.dead_letters.retry(all=True, limit=2).outcomes] == ["d0", "d1"]
    assert [outcome.id for outcome in ops.dead_letters.retry(["d2", "d3"], limit=1).outcomes] == ["d2"]
    assert ops.dead_letters.retry(all=True, limit=0).outcomes == []
    assert ops.dead_letters.count() == 1


def test_a_dry_run_changes_nothing(ops: Ops, connection: Redis, dead: list[str]) -> None:
    result = ops.dead_letters.retry(all=True, dry_run=True)
    assert (result.done, {outcome.detail for outcome in result.outcomes}) == (0, {"would be retried"})
    assert ops.dead_letters.count() == 4


def test_asks_what_is_meant(ops: Ops, dead: list[str]) -> None:
    for ids, every in ((["d0"], True), ([], False)):
        with pytest.raises(UsageError):
            ops.dead_letters.retry(ids, all=every)
    with pytest.raises(UsageError):
        ops.dead_letters.retry(all=True, limit=-1)
    assert ops.dead_letters.count() == 4


def test_an_interrupt_between_steps_is_the_callers(ops: Ops, connection: Redis) -> None:
    ids = stock.fill(connection, "mail", retry.STEP + 1)
    connection.delete(keys.queue("mail"))
    for id_ in ids:
        connection.hset(keys.job(id_), "status", "failed")
    connection.zadd(keys.failed("mail"), dict.fromkeys(ids, -1))

    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ops.dead_letters.retry(all=True, progress=interrupt)
    assert ops.dead_letters.count() == 1
