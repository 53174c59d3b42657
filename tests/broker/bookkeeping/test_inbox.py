"""Messages are put into an inbox once, and receivers are sent no more notes than they should."""

from __future__ import annotations

from redis import Redis

from qctl.broker.bookkeeping import inbox
from qctl.broker.redis import keys


def test_a_message_is_delivered_once_and_read_from_where_one_left_off(connection: Redis) -> None:
    assert inbox.deliver(connection, "bob", "m1", {"text": "hi \u202e"})
    assert inbox.deliver(connection, "bob", "m2", {"text": "again"})
    assert not inbox.deliver(connection, "bob", "m1", {"text": "hi"})
    (first, hi), (last, _) = inbox.read(connection, "bob")
    assert hi == {"text": "hi \u202e"}
    assert [message["text"] for _, message in inbox.read(connection, "bob", first)] == ["again"]
    assert inbox.read(connection, "bob", last) == inbox.read(connection, "ann") == []
    assert 0 < connection.ttl(keys.inbox("bob")) <= inbox.KEEP


def test_a_note_counts_once_and_what_is_above_the_limit_is_not_let_through(connection: Redis) -> None:
    assert [inbox.admit(connection, "bob", note, 2) for note in ("a", "a", "b", "c", "b")] == [True] * 3 + [False, True]
    assert inbox.admit(connection, "ann", "c", 2)
    assert inbox.admit(connection, "bob", "c", 0)
    connection.zadd(keys.notified("bob"), {"a": 1})  # it is no longer in the last minute
    assert inbox.admit(connection, "bob", "c", 2)
