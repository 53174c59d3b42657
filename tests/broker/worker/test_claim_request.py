"""Test claim requests: they write ends and claim jobs, several of each, and every job stays in one place."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from rq import Callback
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.admin import limits
from qctl.broker.redis import keys
from qctl.broker.worker import pauses
from qctl.broker.worker.claim_request import Claim, JobEnd, UnwrittenEndsError
from qctl.broker.worker.claims import SWEEP_SECONDS, Claimant
from qctl.broker.worker.fast_path import FastPathJob, success
from qctl.broker.worker.prefetch import MAX_PREFETCH_JOBS
from qctl.models import Limit
from support.waiting import UNHURRIED


def status(connection: Redis, job_id: str) -> str:
    raw = connection.hget(keys.job(job_id), "status")
    return raw.decode() if raw else "gone"


def names(raws: list[bytes]) -> list[str]:
    return [raw.decode() for raw in raws]


@pytest.fixture
def starter(connection: Redis) -> Claimant:
    """A claimant that starts fast-path jobs."""
    return Claimant(connection, fast_path=True)


def claims(starter: Claimant, most: int = MAX_PREFETCH_JOBS) -> list[Claim]:
    return starter.claim_many(["work"], None, max_jobs=lambda _: most)


def end(claim: Claim, starter: Claimant, connection: Redis) -> JobEnd:
    return success(FastPathJob(claim, starter.name, connection), None, 500)


def test_jobs_behind_a_fast_path_job_are_claimed_with_it_in_order(
    connection: Redis, queue: Queue, starter: Claimant
) -> None:
    ids = [queue.enqueue("support.jobs.give", n).id for n in range(5)]
    taken = claims(starter, 4)
    assert [claim.job_id for claim in taken] == ids[:4]
    assert [claim.prefetched for claim in taken] == [False, True, True, True]
    assert names(connection.lrange(keys.queue("work"), 0, -1)) == ids[4:]
    assert names(connection.lrange(keys.intermediate("work"), 0, -1)) == ids[1:4], "a pause waits for these"
    assert {status(connection, id_) for id_ in ids[:4]} == {"started"}
    runs = {f"{claim.job_id}:{claim.execution_id}" for claim in taken}
    assert len({claim.execution_id for claim in taken}) == 4
    assert set(names(connection.zrange(keys.started("work"), 0, -1))) == runs
    assert set(names(connection.hkeys(keys.claims("work")))) == set(ids[:4])
    hour = int(time.time()) // 3600
    assert sum(int(n) for key, n in connection.hgetall(keys.counts("work", hour)).items() if b"taken" in key) == 4


@pytest.mark.parametrize("odd", ["callback", "gone", "text", "twice"])
def test_prefetch_ends_before_a_job_that_is_not_fast_path(
    connection: Redis, queue: Queue, starter: Claimant, odd: str
) -> None:
    ids = [queue.enqueue("support.jobs.give", n).id for n in range(2)]
    callback = Callback("support.jobs.called_back") if odd == "callback" else None
    third = ids[0] if odd == "twice" else queue.enqueue("support.jobs.give", on_success=callback).id
    if odd == "gone":
        connection.delete(keys.job(third))
    elif odd == "text":
        connection.delete(keys.job(third))
        connection.set(keys.job(third), "text")
    elif odd == "twice":
        connection.rpush(keys.queue("work"), third)
    queue.enqueue("support.jobs.give")
    assert [claim.job_id for claim in claims(starter)] == ids
    assert connection.lindex(keys.queue("work"), 0) == third.encode()


def test_job_that_has_killed_its_worker_is_claimed_alone(connection: Redis, queue: Queue, starter: Claimant) -> None:
    ids = [queue.enqueue("support.jobs.give", n).id for n in range(5)]
    connection.hset(keys.recoveries("work"), ids[2], 1)
    taken = [[claim.job_id for claim in claims(starter)] for _ in range(3)]
    assert taken == [ids[:2], ids[2:3], ids[3:]]


def test_jobs_are_claimed_one_by_one_if_the_key_of_deaths_has_another_type(
    connection: Redis, queue: Queue, starter: Claimant
) -> None:
    for n in range(2):
        queue.enqueue("support.jobs.give", n)
    connection.set(keys.recoveries("work"), "text")
    assert len(claims(starter)) == 1


def ahead(starter: Claimant, queues: list[str], most: int = MAX_PREFETCH_JOBS) -> list[Claim]:
    starter.lease._renewed_at = time.monotonic()
    assert starter.claim_ahead(queues, most, [])
    return starter.read_ahead()


def test_jobs_that_are_claimed_ahead_count_as_prefetched(connection: Redis, queue: Queue, starter: Claimant) -> None:
    ids = [queue.enqueue("support.jobs.give", n).id for n in range(6)]
    first = claims(starter, 2)
    taken = ahead(starter, ["other", "work"], 3)
    assert [claim.job_id for claim in taken] == ids[2:5]
    assert all(claim.prefetched for claim in taken)
    assert names(connection.lrange(keys.intermediate("work"), 0, -1)) == ids[1:5], "a pause waits for these"
    assert len({claim.execution_id for claim in (*first, *taken, *claims(starter))}) == 6
    runs = {f"{claim.job_id}:{claim.execution_id}" for claim in (*first, *taken)}
    assert runs < set(names(connection.zrange(keys.started("work"), 0, -1)))


@pytest.mark.parametrize("reason", ["earlier", "limit", "paused", "callback", "deadly", "type", "suspended"])
def test_nothing_is_claimed_ahead_that_an_ordinary_claim_must_decide(
    connection: Redis, queue: Queue, starter: Claimant, reason: str
) -> None:
    callback = Callback("support.jobs.called_back") if reason == "callback" else None
    waiting = [queue.enqueue("support.jobs.give", on_success=callback).id for _ in range(2)]
    if reason == "earlier":
        Queue("first", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give")
    elif reason == "limit":
        limit = Limit("queue", "work", by="ops", rate=100, seconds=1.0, concurrency=None)
        limits.put(connection, limit, labels=[])
    elif reason == "paused":
        pauses.pause(connection, "work", actor="me")
    elif reason == "deadly":
        connection.hset(keys.recoveries("work"), waiting[0], 1)
    elif reason == "type":
        connection.set(keys.started("work"), "text")
    elif reason == "suspended":
        connection.set(keys.SUSPENDED, 1)
    assert ahead(starter, ["first", "work"]) == []
    assert names(connection.lrange(keys.queue("work"), 0, -1)) == waiting
    assert not connection.exists(keys.claims("work"), keys.intermediate("work"))


def test_nothing_is_claimed_ahead_if_a_sweep_or_a_renewal_is_due(starter: Claimant) -> None:
    assert not starter.claim_ahead(["work"], MAX_PREFETCH_JOBS, []), "its lease was never renewed"
    starter.lease._renewed_at = time.monotonic()
    starter._swept_at -= 2 * SWEEP_SECONDS
    assert not starter.claim_ahead(["work"], MAX_PREFETCH_JOBS, [])


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=UNHURRIED)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["push", "odd", "take", "end", "back", "pause", "resume", "forsake"]), st.integers(1, 5)
        ),
        max_size=40,
    )
)
def test_each_job_is_in_one_place_and_in_order_after_any_operations(
    connection: Redis, operations: list[tuple[str, int]]
) -> None:
    connection.flushdb()
    queue = Queue("work", connection=connection, serializer=JSONSerializer)
    starter = Claimant(connection, fast_path=True)
    waiting: list[str] = []
    claimed: list[Claim] = []
    ended: list[str] = []
    fast_path: set[str] = set()
    paused = False
    for operation, number in operations:
        if operation == "push":
            for _ in range(number):
                waiting.append(queue.enqueue("support.jobs.give").id)
                fast_path.add(waiting[-1])
        elif operation == "odd":
            waiting.append(queue.enqueue("support.jobs.give", on_success=Callback("support.jobs.called_back")).id)
        elif operation == "take":
            taken = claims(starter, number)
            row = next((n for n, id_ in enumerate(waiting) if id_ not in fast_path), len(waiting))
            expected = [] if paused else waiting[: max(1, min(row, number))]
            assert [claim.job_id for claim in taken] == expected
            del waiting[: len(expected)]
            claimed += taken
        elif operation == "end" and (ending := [claim for claim in claimed if claim.execution_id][:number]):
            starter.write_ends([end(claim, starter, connection) for claim in ending])
            claimed = [claim for claim in claimed if claim not in ending]
            ended += [claim.job_id for claim in ending]
        elif operation == "back" and claimed:
            waiting.insert(0, claimed.pop().job_id)
            assert starter.put_back("work", waiting[0])
        elif operation == "forsake":
            assert starter.give_back_all(["work"]) == len(claimed)
            if all(c.execution_id and c.started_at == claimed[0].started_at for c in claimed):
                waiting = [claim.job_id for claim in claimed] + waiting
            else:  # of two claims in one millisecond either may come back first
                returned = names(connection.lrange(keys.queue("work"), 0, len(claimed) - 1))
                assert sorted(returned) == sorted(claim.job_id for claim in claimed)
                waiting = returned + waiting
            claimed = []
        elif operation in ("pause", "resume"):
            paused = operation == "pause"
            (pauses.pause if paused else pauses.resume)(connection, "work", actor="me")
    between = {claim.job_id for claim in claimed if claim.prefetched or not claim.execution_id}
    assert names(connection.lrange(keys.queue("work"), 0, -1)) == waiting
    assert sorted(names(connection.lrange(keys.intermediate("work"), 0, -1))) == sorted(between)
    assert set(names(connection.hkeys(keys.claims("work")))) == {claim.job_id for claim in claimed}
    assert set(names(connection.zrange(keys.finished("work"), 0, -1))) == set(ended)
    assert {status(connection, id_) for id_ in waiting} <= {"queued"}
    assert {status(connection, id_) for id_ in ended} <= {"finished"}
    assert connection.zcard(keys.started("work")) == sum(bool(claim.execution_id) for claim in claimed)


def test_one_end_that_cannot_be_written_does_not_stop_the_others(
    connection: Redis, queue: Queue, starter: Claimant
) -> None:
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(4)]
    ends = [end(claim, starter, connection) for claim in claims(starter)]
    connection.hdel(keys.claims("work"), jobs[1].id)
    queue.enqueue("support.jobs.give", depends_on=jobs[2])
    with pytest.raises(UnwrittenEndsError) as raised:
        starter.claim_many(["work"], None, max_jobs=lambda _: 1, ends=ends)
    assert (raised.value.lost, raised.value.refused) == ([1], [2])
    assert [status(connection, job.id) for job in jobs] == ["finished", "started", "started", "finished"]


def test_pause_waits_for_prefetched_jobs(connection: Redis, queue: Queue, starter: Claimant) -> None:
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(4)]
    first, *rest = claims(starter, 3)
    paused = pauses.pause(connection, "work", actor="me")
    assert paused.claims == [("work", claim.job_id) for claim in rest]
    assert all(pauses.is_unstarted(connection, *claim) for claim in paused.claims)
    starter.write_ends([end(each, starter, connection) for each in (first, rest[0])])
    assert [pauses.is_unstarted(connection, *claim) for claim in paused.claims] == [False, True]
    threading.Timer(0.2, lambda: starter.put_back("work", jobs[2].id)).start()
    assert pauses.wait_for_claims(connection, paused, 10) >= 0.1
    assert claims(starter) == []
    assert names(connection.lrange(keys.queue("work"), 0, -1)) == [jobs[2].id, jobs[3].id]
