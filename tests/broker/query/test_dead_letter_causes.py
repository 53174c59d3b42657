"""Dead letters by cause: by the index, without one, and where a stock tool knows of none."""

from __future__ import annotations

import json

import pytest
from redis import Redis
from rq.registry import FailedJobRegistry

from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.query import dead_letter_causes
from qctl.broker.redis import keys
from qctl.models import Cause, Causes
from support import stock


def bury(connection: Redis, queue: str, count: int, message: str = "no {}", prefix: str = "d") -> None:
    with connection.pipeline() as pipe:
        for n in range(count):
            reason = f"ValueError: {message.format(n)}"
            dead_letter_index.add_rejected(pipe, "readings", queue, "app.take", [n], reason, f"{prefix}{n}")
        pipe.execute()


def only(connection: Redis, *queues: str, scan: int | None = None) -> Cause:
    (cause,) = dead_letter_causes.groups(connection, queues, scan).causes
    return cause


def ids(connection: Redis, fingerprint: str, *queues: str, scan: int | None = None) -> list[str]:
    found, _ = dead_letter_causes.letters(connection, queues, fingerprint, scan)
    return [each.id.decode() for *_, step in found for each in step]


def test_letters_of_one_cause_are_one_line_whatever_differs_in_their_messages(connection: Redis) -> None:
    bury(connection, "mail", 3)
    bury(connection, "mail", 2, "yes", prefix="e")
    found = dead_letter_causes.groups(connection, ["mail", "news"], None)
    assert [(cause.count, cause.exception, cause.message) for cause in found.causes] == [
        (3, "ValueError", "no *"),
        (2, "ValueError", "yes"),
    ]
    assert (found.grouped, found.total) == (5, 5)
    first = found.causes[0]
    assert (first.function, first.queues, first.sample) == ("app.take", ["mail"], "d2")
    assert first.first_seen is not None
    assert first.last_seen is not None
    assert first.first_seen <= first.last_seen
    assert ids(connection, first.fingerprint, "mail", "news") == ["d0", "d1", "d2"]


def test_one_cause_in_two_queues_is_one_line(connection: Redis) -> None:
    bury(connection, "mail", 2)
    bury(connection, "news", 3, prefix="n")
    cause = only(connection, "mail", "news")
    assert (cause.count, cause.queues) == (5, ["mail", "news"])
    assert set(ids(connection, cause.fingerprint, "mail", "news")) == {"d0", "d1", "n0", "n1", "n2"}


def test_letters_of_stock_workers_join_those_of_the_index(connection: Redis) -> None:
    for n in range(3):
        stock.die(connection, stock.enqueue(connection, "mail", f"s{n}"), f"Traceback\nKeyError: {n}")
    stock.die(connection, stock.enqueue(connection, "mail", "i"), "Traceback\nKeyError: 7")
    with connection.pipeline() as pipe:
        dead_letter_index.add(pipe, "mail", "i", "app.tasks.send", "Traceback\nKeyError: 7")
        pipe.execute()
    cause = only(connection, "mail")
    assert (cause.count, cause.message) == (4, "*")
    assert sorted(ids(connection, cause.fingerprint, "mail")) == ["i", "s0", "s1", "s2"]


def test_what_was_not_read_is_told(connection: Redis) -> None:
    """peers.md section 4, 15: large registries of stock workers cost a bounded time, and it is said what is missing."""
    for n in range(8):
        stock.die(connection, stock.enqueue(connection, "mail", f"s{n}"))
    bury(connection, "mail", 2)
    found = dead_letter_causes.groups(connection, ["mail"], 5)
    assert found.total == 10
    assert found.grouped == 5, "two that the index knows, and three of the first five"
    _, scan = dead_letter_causes.letters(connection, ["mail"], "0" * 12, 5)
    assert scan is not None
    assert (scan.scanned, scan.total) == (3, 8)
    assert dead_letter_causes.groups(connection, ["mail"], None).grouped == 10


def test_the_quarantine_is_grouped_by_its_reason(connection: Redis) -> None:
    for n in range(2):
        note = {"reason": f"its worker died {n} times", "at": 1000 * n, "recoveries": 3}
        connection.hset(keys.quarantine("mail"), f"q{n}", json.dumps(note))
    cause = only(connection, "mail")
    assert (cause.count, cause.exception, cause.message) == (2, "quarantined", "its worker died * times")
    assert sorted(ids(connection, cause.fingerprint, "mail")) == ["q0", "q1"]


@pytest.mark.parametrize("gone", [1, 3])
def test_a_letter_that_a_stock_tool_requeued_is_not_counted(connection: Redis, gone: int) -> None:
    bury(connection, "mail", 3)
    fingerprint = only(connection, "mail").fingerprint
    registry = FailedJobRegistry("mail", connection=connection)
    for n in range(gone):
        connection.hset(keys.job(f"d{n}"), "data", b"x")
        registry.requeue(f"d{n}")
    found = dead_letter_causes.groups(connection, ["mail"], None)
    assert sum(cause.count for cause in found.causes) == found.total == found.grouped == 3 - gone
    assert ids(connection, fingerprint, "mail") == [f"d{n}" for n in range(gone, 3)]


def test_an_index_that_fits_by_chance_shows_no_sample_that_is_gone(connection: Redis) -> None:
    bury(connection, "mail", 1)
    FailedJobRegistry("mail", connection=connection).remove("d0")
    stock.die(connection, stock.enqueue(connection, "mail", "s"))
    cause = only(connection, "mail")
    assert (cause.sample, cause.exception) == ("s", "ValueError")


@pytest.mark.parametrize("key", [keys.causes, keys.failed, keys.quarantine])
def test_a_key_of_a_wrong_type_hides_no_other(connection: Redis, key: object) -> None:
    assert callable(key)
    bury(connection, "good", 1)
    connection.set(key("bad"), "text")
    assert only(connection, "bad", "good").count == 1


def test_a_damaged_index_is_no_reason_to_stop(connection: Redis) -> None:
    bury(connection, "mail", 1)
    (name,) = connection.hkeys(keys.causes("mail"))
    connection.hset(keys.causes("mail"), name, b"\xff[")
    connection.hset(keys.causes("mail"), "empty", "{}")
    assert only(connection, "mail").count == 1


def test_a_hundred_thousand_letters_cost_as_many_round_trips_as_ten(connection: Redis) -> None:
    """In fact a thousand here; benchmarks/dead_letters.py has the hundred thousand."""

    def calls() -> int:
        before = connection.info("stats")["total_commands_processed"]
        dead_letter_causes.groups(connection, ["mail"], None)
        return int(connection.info("stats")["total_commands_processed"]) - before

    bury(connection, "mail", 10)
    few = calls()
    bury(connection, "mail", 1000, prefix="m")
    assert calls() == few


def test_the_letters_that_died_last_are_read_alone(connection: Redis) -> None:
    for n in range(12):
        with connection.pipeline() as pipe:
            dead_letter_index.add_rejected(
                pipe, "readings", f"q{n % 3}", "app.take", [n], "ValueError: no 1", f"d{n:02}"
            )
            pipe.execute()
        (cause,) = dead_letter_causes.groups(connection, [f"q{n % 3}"], None).causes
        connection.zadd(keys.cause(f"q{n % 3}", cause.fingerprint), {f"d{n:02}": 1000 + n})
    queues = ["q0", "q1", "q2", "empty"]
    every = [f"d{n:02}" for n in reversed(range(12))]
    for most in (0, 1, 2, 3, 5, 12, 50):
        found = dead_letter_causes.newest_letters(connection, queues, cause.fingerprint, most)
        assert found is not None
        assert [id_ for _, id_, _ in found[0]] == every[:most]
        assert found[1] == 12
    assert dead_letter_causes.newest_letters(connection, queues, "0" * 12, 5) == ([], 0)
    connection.zrem(keys.failed("q2"), "d11")  # a stock tool knows of no index
    assert dead_letter_causes.newest_letters(connection, queues, cause.fingerprint, 5) is None
    stock.die(connection, stock.enqueue(connection, "empty", "s"))
    assert dead_letter_causes.newest_letters(connection, queues, cause.fingerprint, 5) is None, (
        "the index does not know of that one"
    )


def test_causes_of_some_queues_are_those_of_each_put_together(connection: Redis) -> None:
    bury(connection, "mail", 2)
    bury(connection, "news", 3, prefix="n")
    stock.die(connection, stock.enqueue(connection, "news", "s"))
    each = dead_letter_causes.by_queue(connection, ["mail", "news"], None)
    assert {name: (found.grouped, found.total) for name, found in each.items()} == {"mail": (2, 2), "news": (4, 4)}
    assert Causes.merged(each.values()) == dead_letter_causes.groups(connection, ["mail", "news"], None)
