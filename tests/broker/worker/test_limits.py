"""Test that claims obey limits, at once and for all claimants."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import pytest
from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.admin import limits as limits_admin
from qctl.broker.query import limits
from qctl.broker.redis import clock, keys, limit_keys
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.recovery import Recoverer
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import RefusedError
from qctl.models import Limit, LimitScope


def put(connection: Redis, scope: LimitScope, name: str, *labels: str, **parts: object) -> None:
    values = {"rate": None, "seconds": 0.0, "concurrency": None} | parts
    limit = Limit(scope, name, by="ops", **values)  # type: ignore[arg-type]
    limits_admin.put(connection, limit, labels=list(labels))


@pytest.fixture
def claimants(connection: Redis) -> Callable[[], Claimant]:
    return lambda: Claimant(connection)


def taken(claimant: Claimant, *queues: str) -> str | None:
    claim = claimant.claim(queues or ("work",), None)
    return claim.job_id if claim else None


def test_rate_holds_for_all_claimants_in_any_period(
    connection: Redis, queue: Queue, claimants: Callable[[], Claimant]
) -> None:
    ids = [queue.enqueue("support.jobs.give").id for _ in range(4)]
    put(connection, "queue", "work", rate=2, seconds=3600.0)
    assert [taken(claimants()) for _ in range(3)] == [ids[0], ids[1], None]
    (limit,) = limits.read(connection)
    assert (limit.started, limit.is_reached, limit.text) == (2, True, "2/h")
    # An hour passes for the first of the two.
    connection.lset(limit_keys.times("queue:work"), 1, clock.now_ms(connection) - 3_600_001)
    assert [taken(claimants()) for _ in range(2)] == [ids[2], None]


def test_concurrency_is_freed_by_the_end_of_a_run(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    ids = [queue.enqueue("support.jobs.give").id for _ in range(20)]
    put(connection, "queue", "work", concurrency=1)
    worker.work(burst=True)
    assert connection.zcard(keys.finished("work")) == len(ids)
    (limit,) = limits.read(connection)
    assert limit.running == 0


def test_concurrency_is_freed_when_a_killed_worker_is_recovered(
    connection: Redis, queue: Queue, claimants: Callable[[], Claimant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qctl.broker.worker.recovery.CONFIRMATION_SECONDS", 0.0)
    first, second = (queue.enqueue("support.jobs.give").id for _ in range(2))
    put(connection, "queue", "work", concurrency=1)
    assert taken(claimants()) == first
    assert taken(claimants()) is None
    connection.delete(keys.LEASES)  # as after its death
    Recoverer(connection, "test", ["work"]).run()
    assert taken(claimants()) == first
    assert taken(claimants()) is None
    connection.hdel(keys.claims("work"), first)
    assert taken(claimants()) == second


def test_other_jobs_pass_those_of_a_paused_name(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    held = [queue.enqueue("support.jobs.nap", 0).id for _ in range(3)]
    free = [queue.enqueue("support.jobs.give", n).id for n in range(3)]
    put(connection, "job", "support.jobs.nap", "support.jobs.nap", concurrency=0)
    inline.work(burst=True)
    assert [id_.decode() for id_ in connection.lrange(keys.queue("work"), 0, -1)] == held
    assert sorted(id_.decode() for id_ in connection.zrange(keys.finished("work"), 0, -1)) == sorted(free)


def test_owner_is_limited_in_every_queue(connection: Redis, claimants: Callable[[], Claimant]) -> None:
    queues = [Queue(name, connection=connection, serializer=JSONSerializer) for name in ("a", "b")]
    ids = [queue.enqueue("support.jobs.give", meta={"owner": "ada"}).id for queue in queues]
    other = queues[1].enqueue("support.jobs.give", meta={"owner": "bob"}).id
    put(connection, "owner", "ada", concurrency=1)
    assert [taken(claimants(), "a", "b") for _ in range(3)] == [ids[0], other, None]


def test_limit_of_a_queue_holds_for_its_lanes_together(connection: Redis, claimants: Callable[[], Claimant]) -> None:
    for name, job_id in (("work.high", "high"), ("work", "normal")):
        Queue(name, connection=connection).enqueue("support.jobs.give", job_id=job_id)
    put(connection, "queue", "work", concurrency=1)
    assert [taken(claimants(), "work.high", "work") for _ in range(2)] == ["high", None]


def test_limits_that_ended_or_cannot_be_read_stop_nothing(
    connection: Redis, queue: Queue, claimants: Callable[[], Claimant]
) -> None:
    ended = {"concurrency": 0, "until": round(time.time() * 1000) - 1000}
    connection.hset(
        limit_keys.LIMITS,
        mapping={
            "queue:work": json.dumps(ended),
            "job:support.jobs.give": "[" * 100,
            "owner:x": '{"concurrency": null, "labels": 3}',
        },
    )
    job_id = queue.enqueue("support.jobs.give").id
    assert taken(claimants()) == job_id
    assert [limit.name for limit in limits.read(connection)] == ["x"]
    assert limits_admin.delete_ended(connection) == 2


def test_without_limits_a_claim_looks_at_one_key_once(connection: Redis, queue: Queue) -> None:
    queue.enqueue("support.jobs.give")
    with connection.monitor() as monitor:
        taken(Claimant(connection))
        connection.echo("end")
        seen = []
        for entry in monitor.listen():
            if entry["command"].startswith("ECHO"):
                break
            if entry["client_type"] == "lua" and "limit" in entry["command"]:
                seen.append(entry["command"])
    assert seen == [f"EXISTS {limit_keys.LIMITS}"]


def test_half_of_a_limit_is_kept_or_lifted(connection: Redis) -> None:
    put(connection, "queue", "work", rate=5, seconds=1.0)
    put(connection, "queue", "work", concurrency=2)
    assert [limit.text for limit in limits.read(connection)] == ["5/s, 2 at a time"]
    limit = Limit("queue", "work", None, 0.0, None, by="ops")
    assert limits_admin.put(connection, limit, labels=[], lift_rate=True).text == "2 at a time"
    assert limits_admin.put(connection, limit, labels=[], lift_concurrency=True).text == ""
    assert not connection.exists(limit_keys.LIMITS)


def test_limits_are_bounded(connection: Redis) -> None:
    for n in range(limits_admin.MAX_LIMITS):
        put(connection, "owner", str(n), concurrency=1)
    with pytest.raises(RefusedError, match="200 limits are set"):
        put(connection, "owner", "more", concurrency=1)


def window(connection: Redis, *, starts: float, ends: float) -> tuple[datetime, datetime]:
    """A window so many seconds from now, by Redis's clock."""
    now = clock.now_ms(connection)
    return clock.to_datetime(now + 1000 * starts), clock.to_datetime(now + 1000 * ends)


def store(connection: Redis, field: str, *windows: tuple[datetime, datetime], labels: Sequence[str] = ()) -> None:
    """Store a blackout with these windows, as `limit set` does."""
    scope, name = field.split(":")
    limit = Limit(scope, name, None, 0.0, None, blackout="22:00-06:00", zone="UTC", windows=windows)  # type: ignore[arg-type]
    connection.hset(limit_keys.LIMITS, field, limits.encode(limit, list(labels)))


def test_no_job_is_claimed_in_a_window_whether_a_scheduler_runs_or_not(
    connection: Redis, queue: Queue, claimants: Callable[[], Claimant]
) -> None:
    job = queue.enqueue("support.jobs.give").id
    store(connection, "queue:work", window(connection, starts=-3600, ends=3600))
    assert taken(claimants()) is None
    (limit,) = limits.read(connection)
    assert limit.is_reached
    assert limit.dark_until is not None
    store(connection, "queue:work", window(connection, starts=3600, ends=7200), window(connection, starts=-9, ends=-1))
    assert taken(claimants()) == job


def test_other_names_pass_those_that_have_a_blackout(
    connection: Redis, queue: Queue, claimants: Callable[[], Claimant]
) -> None:
    held, free = queue.enqueue("support.jobs.nap", 0).id, queue.enqueue("support.jobs.give").id
    dark = window(connection, starts=-3600, ends=3600)
    store(connection, "job:support.jobs.nap", dark, labels=["support.jobs.nap"])
    assert [taken(claimants()) for _ in range(2)] == [free, None]
    connection.delete(limit_keys.LIMITS)
    assert taken(claimants()) == held


@pytest.mark.parametrize("windows", ["x", [1], [[1]], [["a", "b"]], [[0, None]], {"0": 1}, [None]])
def test_windows_that_cannot_be_read_hold_nothing_up(
    connection: Redis, queue: Queue, claimants: Callable[[], Claimant], windows: object
) -> None:
    job = queue.enqueue("support.jobs.give").id
    connection.hset(limit_keys.LIMITS, "queue:work", json.dumps({"blackout": "x", "windows": windows}))
    assert limits.read(connection)[0].dark_until is None
    assert taken(claimants()) == job


def test_half_used_windows_are_extended_and_other_parts_stay(connection: Redis) -> None:
    put(connection, "queue", "work", concurrency=3, blackout="22:00-06:00", zone="UTC")
    assert limits_admin.extend_blackouts(connection) == 0
    (before,) = limits.read(connection)
    assert len(before.windows) == limits.MAX_STORED_WINDOWS
    data = json.loads(connection.hget(limit_keys.LIMITS, "queue:work"))
    connection.hset(limit_keys.LIMITS, "queue:work", json.dumps(data | {"windows": data["windows"][:5]}))
    assert limits_admin.extend_blackouts(connection) == 1
    assert limits.read(connection) == [before]
    put(connection, "queue", "work", rate=5, seconds=60.0)
    (after,) = limits.read(connection)
    assert (after.text, after.windows) == ("5/m, 3 at a time, blackout 22:00-06:00 UTC", before.windows)
