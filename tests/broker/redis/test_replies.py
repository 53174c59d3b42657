"""Readers of Redis's replies: one type each, empty for a key of another type, other errors raised."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

from qctl.broker.redis import bulk_counts, replies

Reader = Callable[[object], object]

WRONG_TYPE = ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")

EMPTY: dict[str, tuple[Reader, object]] = {
    "integer": (replies.integer, 0),
    "optional_integer": (replies.optional_integer, None),
    "optional_float": (replies.optional_float, None),
    "optional_bytes": (replies.optional_bytes, None),
    "bytes_list": (replies.bytes_list, []),
    "bytes_set": (replies.bytes_set, set()),
    "bytes_dict": (replies.bytes_dict, {}),
    "field_values": (lambda reply: replies.field_values(reply, 2), [None, None]),
    "scores": (lambda reply: replies.scores(reply, 2), [None, None]),
    "scored_members": (replies.scored_members, []),
    "scanned_fields": (replies.scanned_fields, (0, {})),
    "stream_entries": (replies.stream_entries, []),
    "first_stream": (replies.first_stream, []),
    "array": (replies.array, []),
    "word": (replies.word, ""),
}


@pytest.mark.parametrize("name", EMPTY)
def test_key_of_another_type_reads_as_empty(name: str) -> None:
    read, empty = EMPTY[name]
    assert read(WRONG_TYPE) == empty
    assert read(None) == empty


@pytest.mark.parametrize("name", EMPTY)
def test_other_errors_are_raised(name: str) -> None:
    read, _ = EMPTY[name]
    with pytest.raises(NoPermissionError):
        read(NoPermissionError("this user has no permissions"))
    with pytest.raises(TypeError, match="unexpected reply of type object"):
        read(object())


def test_replies_of_redis_are_read(connection: Redis) -> None:
    with connection.pipeline(transaction=False) as pipe:
        pipe.rpush("list", "a", "b")
        pipe.zadd("scores", {"a": 1.5})
        pipe.hset("hash", mapping={"field": "value"})
        pipe.sadd("members", "a")
        pipe.xadd("stream", {"field": "value"}, id="1-1")
        replies.execute(pipe)
        pipe.llen("list")
        pipe.lrange("list", 0, -1)
        pipe.zscore("scores", "a")
        pipe.zrange("scores", 0, -1, withscores=True)
        pipe.zmscore("scores", ["a", "b"])
        pipe.hgetall("hash")
        pipe.hmget("hash", "field", "missing")
        pipe.hscan("hash")
        pipe.hget("hash", "field")
        pipe.smembers("members")
        pipe.xrange("stream")
        pipe.xread({"stream": "0"})
        pipe.llen("hash")
        answers = iter(replies.execute(pipe))
    assert replies.integer(next(answers)) == 2
    assert replies.bytes_list(next(answers)) == [b"a", b"b"]
    assert replies.optional_float(next(answers)) == 1.5
    assert replies.scored_members(next(answers)) == [(b"a", 1.5)]
    assert replies.scores(next(answers), 2) == [1.5, None]
    assert replies.bytes_dict(next(answers)) == {b"field": b"value"}
    assert replies.field_values(next(answers), 2) == [b"value", None]
    assert replies.scanned_fields(next(answers)) == (0, {b"field": b"value"})
    assert replies.optional_bytes(next(answers)) == b"value"
    assert replies.bytes_set(next(answers)) == {b"a"}
    assert replies.stream_entries(next(answers)) == [(b"1-1", {b"field": b"value"})]
    assert replies.first_stream(next(answers)) == [(b"1-1", {b"field": b"value"})]
    assert replies.integer(next(answers)) == 0


def test_counts_of_many_keys_come_in_order_and_hide_no_error(connection: Redis) -> None:
    connection.rpush("list", "a", "b")
    connection.zadd("scores\udcff", {"a": 1})
    commands = (("LLEN", "list"), ("ZCARD", "scores\udcff"), ("LLEN", "scores\udcff"), ("HLEN", "missing"))
    for _ in range(2):  # the second time from the cache
        *counts, missing = bulk_counts.fetch(connection, commands)
        assert counts[:2] == [2, 1]
        assert replies.is_wrong_type(counts[2])
        assert missing == 0
    assert bulk_counts.fetch(connection, ()) == []
