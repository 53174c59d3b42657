"""Operations that meet a key of another type change nothing, because Redis does not undo an aborted script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from redis import Redis
from rq import Queue

from qctl.broker.redis import keys
from qctl.broker.worker import pauses
from qctl.errors import QctlError
from qctl.ops import Ops
from support import stock


def edit(ops: Ops) -> None:
    ops.jobs.edit(ops.jobs.editable("w"), '{"args": ["new"]}')


ACTS: dict[str, Callable[[Ops], object]] = {
    "pause": lambda ops: ops.queues.pause("mail"),
    "resume": lambda ops: ops.queues.resume("held"),
    "delete": lambda ops: ops.queues.delete("empty"),
    "edit": edit,
    "run": lambda ops: ops.schedules.run("later"),
    "quiet": lambda ops: ops.workers.quiet("ours"),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
def test_nothing_changes_if_events_cannot_be_written(ops: Ops, connection: Redis, act: Callable[[Ops], object]) -> None:
    stock.enqueue(connection, "mail", "w", "old", json=True)
    Queue("mail", connection=connection).enqueue_in(timedelta(hours=1), "app.tasks.send", job_id="later")
    pauses.pause(connection, "held", actor="me")
    connection.sadd(keys.QUEUES, keys.queue("held"), keys.queue("empty"))
    stock.register_worker(connection, "ours", "mail")
    connection.zadd(keys.LEASES, {"ours": 9e15})
    connection.delete(keys.EVENTS)
    connection.set(keys.EVENTS, "text")
    before = {key: connection.dump(key) for key in connection.scan_iter()}
    with pytest.raises(QctlError, match="WRONGTYPE qctl:events is a string, not a stream"):
        act(ops)
    assert {key: connection.dump(key) for key in connection.scan_iter()} == before
