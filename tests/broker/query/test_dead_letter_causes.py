"""Dead letters by cause: from the index, without one, and with one that stock tools did not update."""

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
from support.ingest import stage_letter


def add_dead_letters(connection: Redis, queue: str, count: int, message: str = "no {}", prefix: str = "d") -> None:
    with connection.pipeline() as pipe:
        for n in range(count):
            reason = f"ValueError: {message.format(n)}"
            stage_letter(pipe, queue, "app.take", [n], reason, f"{prefix}{n}")
        pipe.execute()


def only(connection: Redis, *queues: str, scan: int | None = None) -> Cause:
    (cause,) = dead_letter_causes.groups(connection, queues, scan).causes
    return cause


def ids(connection: Redis, fingerprint: str, *queues: str, scan: int | None = None) -> list[str]:
    pages, _ = dead_letter_causes.letters(connection, queues, fingerprint, scan)
    return [entry.id.decode() for *_, page in pages for entry in page]


def test_letters_with_different_messages_of_one_cause_form_one_group(connection: Redis) -> None:
    add_dead_letters(connection, "mail", 3)
    add_dead_letters(connection, "mail", 2, "yes", prefix="e")
    causes = dead_letter_causes.groups(connection, ["mail", "news"], None)
    assert [(cause.count, cause.exception, cause.message) for cause in causes.causes] == [
        (3, "ValueError", "no *"),
        (2, "ValueError", "yes"),
    ]
    assert (causes.grouped, causes.total) == (5, 5)
    first = causes.causes[0]
    assert (first.function, first.queues, first.sample) == ("app.take", ["mail"], "d2")
    assert first.first_seen is not None
    assert first.last_seen is not None
    assert first.first_seen <= first.last_seen
    assert ids(connection, first.fingerprint, "mail", "news") == ["d0", "d1", "d2"]


def test_cause_in_two_queues_forms_one_group(connection: Redis) -> None:
    add_dead_letters(connection, "mail", 2)
    add_dead_letters(connection, "news", 3, prefix="n")
    cause = only(connection, "mail", "news")
    assert (cause.count, cause.queues) == (5, ["mail", "news"])
    assert set(ids(connection, cause.fingerprint, "mail", "news")) == {"d0", "d1", "n0", "n1", "n2"}


def test_letters_of_stock_workers_join_the_groups_of_the_index(connection: Redis) -> None:
    for n in range(3):
        stock.die(connection, stock.enqueue(connection, "mail", f"s{n}"), f"Traceback\nKeyError: {n}")
    stock.die(connection, stock.enqueue(connection, "mail", "i"), "Traceback\nKeyError: 7")
    with connection.pipeline() as pipe:
        dead_letter_index.add(pipe, "mail", "i", "app.tasks.send", "Traceback\nKeyError: 7")
        pipe.execute()
    cause = only(connection, "mail")
    assert (cause.count, cause.message) == (4, "*")
    assert sorted(ids(connection, cause.fingerprint, "mail")) == ["i", "s0", "s1", "s2"]


def test_unread_letters_are_counted(connection: Redis) -> None:
    """Large registries of stock workers cost a bounded time, and the result says what is missing."""
    for n in range(8):
        stock.die(connection, stock.enqueue(connection, "mail", f"s{n}"))
    add_dead_letters(connection, "mail", 2)
    causes = dead_letter_causes.groups(connection, ["mail"], 5)
    assert causes.total == 10
    assert causes.grouped == 5, "two that the index knows, and three of the first five"
    _, scan = dead_letter_causes.letters(connection, ["mail"], "0" * 12, 5)
    assert scan is not None
    assert (scan.scanned, scan.total) == (3, 8)
    assert dead_letter_causes.groups(connection, ["mail"], None).grouped == 10


def test_quarantined_jobs_are_grouped_by_reason(connection: Redis) -> None:
    for n in range(2):
        note = {"reason": f"its worker died {n} times", "at": 1000 * n, "recoveries": 3}
        connection.hset(keys.quarantine("mail"), f"q{n}", json.dumps(note))
    cause = only(connection, "mail")
    assert (cause.count, cause.exception, cause.message) == (2, "quarantined", "its worker died * times")
    assert sorted(ids(connection, cause.fingerprint, "mail")) == ["q0", "q1"]


@pytest.mark.parametrize("gone", [1, 3])
def test_letter_requeued_by_stock_tool_is_not_counted(connection: Redis, gone: int) -> None:
    add_dead_letters(connection, "mail", 3)
    fingerprint = only(connection, "mail").fingerprint
    registry = FailedJobRegistry("mail", connection=connection)
    for n in range(gone):
        connection.hset(keys.job(f"d{n}"), "data", b"x")
        registry.requeue(f"d{n}")
    causes = dead_letter_causes.groups(connection, ["mail"], None)
    assert sum(cause.count for cause in causes.causes) == causes.total == causes.grouped == 3 - gone
    assert ids(connection, fingerprint, "mail") == [f"d{n}" for n in range(gone, 3)]


def test_index_with_matching_count_shows_no_missing_sample(connection: Redis) -> None:
    add_dead_letters(connection, "mail", 1)
    FailedJobRegistry("mail", connection=connection).remove("d0")
    stock.die(connection, stock.enqueue(connection, "mail", "s"))
    cause = only(connection, "mail")
    assert (cause.sample, cause.exception) == ("s", "ValueError")


@pytest.mark.parametrize("key", [keys.causes, keys.failed, keys.quarantine])
def test_key_of_wrong_type_hides_no_other(connection: Redis, key: object) -> None:
    assert callable(key)
    add_dead_letters(connection, "good", 1)
    connection.set(key("bad"), "text")
    assert only(connection, "bad", "good").count == 1


def test_damaged_index_is_read_around(connection: Redis) -> None:
    add_dead_letters(connection, "mail", 1)
    (name,) = connection.hkeys(keys.causes("mail"))
    connection.hset(keys.causes("mail"), name, b"\xff[")
    connection.hset(keys.causes("mail"), "empty", "{}")
    assert only(connection, "mail").count == 1


def test_round_trips_do_not_depend_on_the_number_of_letters(connection: Redis) -> None:
    """A thousand letters here; benchmarks/dead_letters.py has a hundred thousand."""

    def calls() -> int:
        before = connection.info("stats")["total_commands_processed"]
        dead_letter_causes.groups(connection, ["mail"], None)
        return int(connection.info("stats")["total_commands_processed"]) - before

    add_dead_letters(connection, "mail", 10)
    few = calls()
    add_dead_letters(connection, "mail", 1000, prefix="m")
    assert calls() == few


def test_only_the_last_letters_are_read(connection: Redis) -> None:
    for n in range(12):
        with connection.pipeline() as pipe:
            stage_letter(pipe, f"q{n % 3}", "app.take", [n], "ValueError: no 1", f"d{n:02}")
            pipe.execute()
        (cause,) = dead_letter_causes.groups(connection, [f"q{n % 3}"], None).causes
        connection.zadd(keys.cause(f"q{n % 3}", cause.fingerprint), {f"d{n:02}": 1000 + n})
    queues = ["q0", "q1", "q2", "empty"]
    every = [f"d{n:02}" for n in reversed(range(12))]
    for most in (0, 1, 2, 3, 5, 12, 50):
        newest = dead_letter_causes.newest_letters(connection, queues, cause.fingerprint, most)
        assert newest is not None
        assert [id_ for _, id_, _ in newest[0]] == every[:most]
        assert newest[1] == 12
    assert dead_letter_causes.newest_letters(connection, queues, "0" * 12, 5) == ([], 0)
    connection.zrem(keys.failed("q2"), "d11")  # a stock tool knows of no index
    assert dead_letter_causes.newest_letters(connection, queues, cause.fingerprint, 5) is None
    stock.die(connection, stock.enqueue(connection, "empty", "s"))
    assert dead_letter_causes.newest_letters(connection, queues, cause.fingerprint, 5) is None, (
        "the index does not know of that one"
    )


def test_causes_of_queues_are_merged_from_those_of_each(connection: Redis) -> None:
    add_dead_letters(connection, "mail", 2)
    add_dead_letters(connection, "news", 3, prefix="n")
    stock.die(connection, stock.enqueue(connection, "news", "s"))
    by_queue = dead_letter_causes.by_queue(connection, ["mail", "news"], None)
    assert {name: (causes.grouped, causes.total) for name, causes in by_queue.items()} == {
        "mail": (2, 2),
        "news": (4, 4),
    }
    assert Causes.merged(by_queue.values()) == dead_letter_causes.groups(connection, ["mail", "news"], None)
