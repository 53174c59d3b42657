"""Delivery to inboxes, and the rate limit of notifications."""

from __future__ import annotations

from redis import Redis

from qctl.broker.bookkeeping import inbox
from qctl.broker.redis import keys


def test_message_is_delivered_once_and_read_after_a_position(connection: Redis) -> None:
    assert inbox.deliver(connection, "bob", "m1", {"text": "hi \u202e"})
    assert inbox.deliver(connection, "bob", "m2", {"text": "again"})
    assert not inbox.deliver(connection, "bob", "m1", {"text": "hi"})
    (first, hi), (last, _) = inbox.read(connection, "bob")
    assert hi == {"text": "hi \u202e"}
    assert [message["text"] for _, message in inbox.read(connection, "bob", first)] == ["again"]
    assert inbox.read(connection, "bob", last) == inbox.read(connection, "ann") == []
    assert 0 < connection.ttl(keys.inbox("bob")) <= inbox.RETENTION_SECONDS


def test_notification_counts_once_and_limit_applies(connection: Redis) -> None:
    allowed = [inbox.allow_notification(connection, "bob", id_, 2) for id_ in ("a", "a", "b", "c", "b")]
    assert allowed == [True, True, True, False, True]
    assert inbox.allow_notification(connection, "ann", "c", 2)
    assert inbox.allow_notification(connection, "bob", "c", 0)
    connection.zadd(keys.notified("bob"), {"a": 1})  # outside the window
    assert inbox.allow_notification(connection, "bob", "c", 2)
