"""The audit: who changed what, from which host."""

from __future__ import annotations

import pytest
from redis import Redis

from qctl.broker.bookkeeping import audit, events
from qctl.broker.redis import keys
from qctl.errors import QctlError, UsageError
from qctl.ops import Ops


def test_an_entry_is_stored_unchanged(ops: Ops) -> None:
    ops.audit.note("qctl clear", "qctl clear email", via="cli", outcome="refused", problem="not confirmed", seconds=0.5)
    (entry,) = ops.audit.list()
    assert (entry.actor, entry.command, entry.line) == (events.actor(), "qctl clear", "qctl clear email")
    assert "@" in entry.actor
    assert (entry.outcome, entry.problem, entry.seconds, entry.via) == ("refused", "not confirmed", 0.5, "cli")
    assert entry.at.year > 2020


def test_secrets_are_not_stored(ops: Ops, connection: Redis) -> None:
    line = 'qctl --redis-url redis://u:hunter2@h/0 job enqueue x --data \'{"password": "hunter2"}\''
    ops.audit.note("qctl job enqueue", line, via="cli", outcome="failed", problem="token=hunter2 is bad")
    assert b"hunter2" not in str(connection.xrange(keys.AUDIT)).encode()
    assert "redis://u:***@h/0" in ops.audit.list()[0].line


def test_entries_are_searched_by_every_field(ops: Ops) -> None:
    for actor, command, outcome in (("a@x", "clear", "done"), ("b@x", "dlq retry", "done"), ("a@y", "clear", "failed")):
        ops.audit.note(f"qctl {command}", command, via="cli", outcome=outcome, actor=actor)
    assert [entry.actor for entry in ops.audit.list(command="CLEAR")] == ["a@x", "a@y"]
    assert [entry.actor for entry in ops.audit.list(actor="a@")] == ["a@x", "a@y"]
    assert [entry.actor for entry in ops.audit.list(outcome="done", limit=1)] == ["b@x"]
    ops.audit.note("qctl pause", "qctl pause", via="gateway", outcome="done", trace="t-1")
    assert [entry.command for entry in ops.audit.list(trace="t-1")] == ["qctl pause"]
    assert ops.audit.list(trace="t") == []
    assert len(ops.audit.list(since=60)) == 4
    assert ops.audit.list(since=-60) == []
    with pytest.raises(UsageError):
        ops.audit.list(limit=0)


def test_job_events_do_not_evict_the_audit_which_is_bounded(ops: Ops, connection: Redis) -> None:
    with connection.pipeline(transaction=False) as pipe:
        for _ in range(audit.MAX_ENTRIES + 1000):
            pipe.xadd(keys.AUDIT, {"actor": "a"})
        pipe.execute()
    ops.audit.note("qctl pause", "x" * 10_000, via="cli", outcome="done")
    assert connection.xlen(keys.AUDIT) < audit.MAX_ENTRIES + 1000
    assert len(ops.audit.list()[-1].line) == audit.MAX_TEXT_CHARACTERS
    assert keys.AUDIT != keys.EVENTS


def test_damaged_entries_are_shown_as_far_as_possible(ops: Ops, connection: Redis) -> None:
    connection.xadd(keys.AUDIT, {"ms": "soon", b"line": b"\xff\x1b"})
    (entry,) = ops.audit.list()
    assert (entry.actor, entry.seconds, entry.outcome) == ("?", None, "?")
    connection.delete(keys.AUDIT)
    connection.set(keys.AUDIT, "text")
    with pytest.raises(QctlError, match="WRONGTYPE"):
        ops.audit.list()


def test_changes_on_behalf_of_a_user_are_recorded_under_their_name(ops: Ops) -> None:
    ops.queues.pause("email")
    with ops.audit.acting_as("ada@gateway"):
        ops.queues.resume("email")
        ops.audit.note("qctl resume", "qctl resume email", via="gateway", outcome="done", trace="t1")
    ops.audit.note("qctl stats", "qctl stats", via="cli", outcome="done")
    mine = events.actor()
    assert [event.fields.get("actor") for event in ops.events.list()] == [mine, "ada@gateway"]
    assert [(act.actor, act.trace) for act in ops.audit.list()] == [("ada@gateway", "t1"), (mine, "")]
