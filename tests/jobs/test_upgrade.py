"""An upgrade loses nothing: what the version before left in Redis is done by this one, and its daemons may go on
beside this one's until they are restarted.

`tests/data/before` holds what an earlier version wrote by its own programs (producers, sources, workers that were
killed, commands of an operator), key by key, and the scripts by which its workers claim and start.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from qctl.broker.ingest.buffer import Buffer
from qctl.broker.redis import keys
from qctl.broker.scheduler.cron import CronScheduler
from qctl.broker.scheduler.promoter import DelayedJobPromoter
from qctl.broker.worker import current_pauses, pauses, recovery
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.catalog import PIPELINES, lanes
from qctl.models import Selector
from qctl.ops import Ops
from qctl.settings import Settings

BEFORE = Path(__file__).parents[1] / "data" / "before"
WAITED = ("waiting-0", "waiting-1", "waiting-2", "welcome", "note", "readings-0", "messages-0")
HELD = ("killed", "claimed")
"""Jobs that one worker had started, and another claimed, when they were killed."""


def put(connection: Redis, key: str, kind: str, value: Any) -> None:
    """Write one key as it was. Bytes are Latin-1 in the file."""
    name = key.encode("latin-1")
    if kind == "string":
        connection.set(name, value.encode("latin-1"))
    elif kind == "hash":
        connection.hset(name, mapping=_bytes(value))
    elif kind == "list":
        connection.rpush(name, *(each.encode("latin-1") for each in value))
    elif kind == "set":
        connection.sadd(name, *(each.encode("latin-1") for each in value))
    elif kind == "zset":
        connection.zadd(name, {member.encode("latin-1"): score for member, score in value.items()})
    else:
        for id_, fields in value:
            connection.xadd(name, _bytes(fields), id=id_)


def _bytes(fields: dict[str, str]) -> dict[bytes, bytes]:
    return {field.encode("latin-1"): value.encode("latin-1") for field, value in fields.items()}


@pytest.fixture
def before(connection: Redis) -> None:
    """Redis as the version before left it."""
    for key, stored in json.loads((BEFORE / "redis.json").read_text()).items():
        put(connection, key, stored["type"], stored["value"])


@pytest.fixture
def ours(make_settings: Callable[..., Settings]) -> Settings:
    """Settings under which the jobs that were left may run."""
    return make_settings(QCTL_ALLOWED_JOBS="support.jobs.*")


@pytest.fixture
def ops(ours: Settings) -> Iterator[Ops]:
    """Operations of this version."""
    operations = Ops(ours)
    yield operations
    operations.close()


def work(connection: Redis, settings: Settings) -> None:
    """Run all that waits."""
    queues = [
        lane for name in ("theirs", "email", "notification", "sensor-data", "socket-data") for lane in lanes(name)
    ]
    QctlWorker(queues, connection, settings, "inline").work(burst=True)


def status(connection: Redis, job: str) -> str:
    return (connection.hget(keys.job(job), "status") or b"gone").decode()


def rows(settings: Settings, table: str) -> int:
    with sqlite3.connect(settings.home / "qctl.db") as database:
        (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a name of ours
    return int(count)


@pytest.mark.usefixtures("before")
def test_what_waits_and_what_dead_workers_held_is_done(
    connection: Redis, ours: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "CONFIRMATION_SECONDS", 0.0)
    assert recovery.Recoverer(connection, "new").run() == len(HELD)
    assert DelayedJobPromoter(connection).tick() == len(("retrying", "delayed"))
    work(connection, ours)
    assert {job: status(connection, job) for job in (*WAITED, *HELD, "delayed")} == dict.fromkeys(
        (*WAITED, *HELD, "delayed"), "finished"
    )
    assert status(connection, "retrying") == "scheduled"  # it failed again, and has retries left
    assert rows(ours, "messages") == 1
    assert rows(ours, "readings") == 4
    assert Buffer(connection, PIPELINES["readings"], ours).cut_batches(max_age=0) == 2
    work(connection, ours)
    assert rows(ours, "readings") == 6
    assert connection.hlen(keys.claims("theirs")) == connection.llen(keys.intermediate("theirs")) == 0


@pytest.mark.usefixtures("before")
def test_an_operator_sees_and_does_all_that_was_possible_before(connection: Redis, ours: Settings, ops: Ops) -> None:
    assert ops.jobs.show("finished").attempts[-1].value == '"kept"'
    assert max(cause.count for cause in ops.dead_letters.groups().causes) == 2
    assert {letter.id for letter in ops.dead_letters.list().letters} >= {"dead-1", "dead-2", "forbidden"}
    assert ops.jobs.retry(ops.jobs.choose("retry", Selector(ids=("dead-1", "dead-2")))).done == 2
    held = current_pauses.parse(connection.hgetall(keys.PAUSED), 0)["report"]
    assert held.reason == "stock-taking"
    assert ops.queues.resume("report").changed
    assert ops.trash.restore(ops.trash.list()[0].id).restored == 2
    assert {event.event for event in ops.events.list(limit=1000)} >= {"cleared", "paused", "dead", "quarantined"}
    work(connection, ours)
    assert status(connection, "trash-1") == status(connection, "trash-2") == "finished"


@pytest.mark.usefixtures("before")
def test_schedules_go_on_and_those_that_were_paused_stay_so(connection: Redis, ops: Ops) -> None:
    rows = {row.name: row for row in ops.schedules.list().rows}
    assert rows["nightly"].next_at is not None
    assert rows["often"].next_at is None
    after = 4_000_000_000  # a time by which both would have come
    made = CronScheduler(connection, now=lambda: after).enqueue_jobs()
    assert [job.partition("-")[2].rpartition("-")[0] for job in made] == ["nightly"]


class WorkerBefore:
    """Claims and starts as the version before did, by its scripts."""

    name = "host.1.abcdef"

    def __init__(self, connection: Redis) -> None:
        self._redis = connection
        self._scripts = {name: (BEFORE / f"{name}.lua").read_text() for name in ("claim", "start")}

    def _run(self, script: str, places: list[str], *args: object) -> Any:
        return self._redis.eval(self._scripts[script], len(places), *places, *args)

    def claim(self, queue: str) -> str | None:
        """The id of the job that it claimed."""
        places = ["qctl:paused", "rq:suspended", "qctl:leases", "qctl:events", "qctl:quiet"]
        base = f"rq:queue:{queue}"
        places += [base, f"{base}:intermediate", f"qctl:claims:{queue}", f"rq:wip:{queue}"]
        args = (self.name, "rq:job:", 15000, 1000, queue, queue, f"qctl:counts:{queue}:")
        kind, _, job, *_ = self._run("claim", places, *args)
        return job.decode() if kind == 1 else None

    def start(self, queue: str, job: str) -> bool:
        """True if the worker may run the job that it claimed."""
        intermediate = f"rq:queue:{queue}:intermediate"
        places = [f"rq:job:{job}", intermediate, f"qctl:claims:{queue}", f"rq:worker:{self.name}", "qctl:events"]
        now = "2026-01-01T00:00:00.000000Z"
        return bool(self._run("start", places, job, self.name, now, self.name, 90, queue, 1000, ""))


@pytest.mark.usefixtures("before")
def test_a_worker_of_before_obeys_a_pause_of_now(connection: Redis) -> None:
    old = WorkerBefore(connection)
    claimed = old.claim("theirs")
    assert claimed == "waiting-0"
    held = pauses.pause(connection, "theirs", actor="ada")
    assert ("theirs", claimed) in held.claims
    assert pauses.is_unstarted(connection, "theirs", claimed)
    assert old.claim("theirs") is None
    assert old.start("theirs", claimed)
    assert not pauses.is_unstarted(connection, "theirs", claimed)
    pauses.resume(connection, "theirs", actor="ada")
    assert old.claim("theirs") == "waiting-1"


@pytest.mark.usefixtures("before")
def test_what_a_worker_of_before_runs_is_nobody_elses_until_it_is_dead(
    connection: Redis, ours: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "CONFIRMATION_SECONDS", 0.0)
    old = WorkerBefore(connection)
    job = old.claim("theirs")
    assert job is not None
    assert old.start("theirs", job)
    recovery.Recoverer(connection, "new").run()
    work(connection, ours)
    assert status(connection, job) == "started"
    connection.zrem(keys.LEASES, old.name)
    recovery.Recoverer(connection, "new").run()
    assert not old.start("theirs", job)
    work(connection, ours)
    assert status(connection, job) == "finished"


@pytest.mark.usefixtures("before")
def test_a_job_enqueued_now_is_taken_by_a_worker_of_before(connection: Redis, ops: Ops) -> None:
    old = WorkerBefore(connection)
    connection.delete(keys.queue("notification"))
    made = ops.jobs.enqueue("notify", {"receiverId": "7", "text": "now"})
    assert old.claim("notification") == made
