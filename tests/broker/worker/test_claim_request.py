"""What goes to Redis and back in one turn: ends of several jobs, and claims of several, each in exactly one place."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from rq import Callback
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.redis import keys
from qctl.broker.worker import pauses
from qctl.broker.worker.claim_request import Claim, JobEnd, UnwrittenEndsError
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.fast_path import FastPathJob, success
from qctl.broker.worker.prefetch import MAX_PREFETCH_JOBS


def status(connection: Redis, job_id: str) -> str:
    raw = connection.hget(keys.job(job_id), "status")
    return raw.decode() if raw else "gone"


def names(raws: list[bytes]) -> list[str]:
    return [raw.decode() for raw in raws]


@pytest.fixture
def starter(connection: Redis) -> Claimant:
    """A claimant that starts what it claims, where it is plain."""
    return Claimant(connection, fast_path=True)


def claims(starter: Claimant, most: int = MAX_PREFETCH_JOBS) -> list[Claim]:
    return starter.claim_many(["work"], None, max_jobs=lambda _: most)


def end(claim: Claim, starter: Claimant, connection: Redis) -> JobEnd:
    return success(FastPathJob(claim, starter.name, connection), None, 500)


def test_those_behind_a_plain_job_come_with_it_in_order(connection: Redis, queue: Queue, starter: Claimant) -> None:
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
def test_what_is_not_plain_ends_the_row(connection: Redis, queue: Queue, starter: Claimant, odd: str) -> None:
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


def test_a_job_that_has_killed_its_worker_is_claimed_alone(connection: Redis, queue: Queue, starter: Claimant) -> None:
    ids = [queue.enqueue("support.jobs.give", n).id for n in range(5)]
    connection.hset(keys.recoveries("work"), ids[2], 1)
    taken = [[claim.job_id for claim in claims(starter)] for _ in range(3)]
    assert taken == [ids[:2], ids[2:3], ids[3:]]


def test_a_key_of_another_type_for_deaths_has_each_claimed_alone(
    connection: Redis, queue: Queue, starter: Claimant
) -> None:
    for n in range(2):
        queue.enqueue("support.jobs.give", n)
    connection.set(keys.recoveries("work"), "text")
    assert len(claims(starter)) == 1


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["push", "odd", "take", "end", "back", "pause", "resume", "forsake"]), st.integers(1, 5)
        ),
        max_size=40,
    )
)
def test_a_job_is_in_exactly_one_place_and_in_order_whatever_is_done(
    connection: Redis, acts: list[tuple[str, int]]
) -> None:
    connection.flushdb()
    queue = Queue("work", connection=connection, serializer=JSONSerializer)
    starter = Claimant(connection, fast_path=True)
    waiting: list[str] = []
    held: list[Claim] = []
    ended: list[str] = []
    plain: set[str] = set()
    paused = False
    for act, number in acts:
        if act == "push":
            for _ in range(number):
                waiting.append(queue.enqueue("support.jobs.give").id)
                plain.add(waiting[-1])
        elif act == "odd":
            waiting.append(queue.enqueue("support.jobs.give", on_success=Callback("support.jobs.called_back")).id)
        elif act == "take":
            taken = claims(starter, number)
            row = next((n for n, id_ in enumerate(waiting) if id_ not in plain), len(waiting))
            expected = [] if paused else waiting[: max(1, min(row, number))]
            assert [claim.job_id for claim in taken] == expected
            del waiting[: len(expected)]
            held += taken
        elif act == "end" and (ending := [claim for claim in held if claim.execution_id][:number]):
            starter.write_ends([end(claim, starter, connection) for claim in ending])
            held = [claim for claim in held if claim not in ending]
            ended += [claim.job_id for claim in ending]
        elif act == "back" and held:
            waiting.insert(0, held.pop().job_id)
            assert starter.put_back("work", waiting[0])
        elif act == "forsake":
            assert starter.give_back_all(["work"]) == len(held)
            if all(c.execution_id and c.started_at == held[0].started_at for c in held):
                waiting = [claim.job_id for claim in held] + waiting
            else:  # of two claims in one millisecond either may come back first
                returned = names(connection.lrange(keys.queue("work"), 0, len(held) - 1))
                assert sorted(returned) == sorted(claim.job_id for claim in held)
                waiting = returned + waiting
            held = []
        elif act in ("pause", "resume"):
            paused = act == "pause"
            (pauses.pause if paused else pauses.resume)(connection, "work", actor="me")
    between = {claim.job_id for claim in held if claim.prefetched or not claim.execution_id}
    assert names(connection.lrange(keys.queue("work"), 0, -1)) == waiting
    assert sorted(names(connection.lrange(keys.intermediate("work"), 0, -1))) == sorted(between)
    assert set(names(connection.hkeys(keys.claims("work")))) == {claim.job_id for claim in held}
    assert set(names(connection.zrange(keys.finished("work"), 0, -1))) == set(ended)
    assert {status(connection, id_) for id_ in waiting} <= {"queued"}
    assert {status(connection, id_) for id_ in ended} <= {"finished"}
    assert connection.zcard(keys.started("work")) == sum(bool(claim.execution_id) for claim in held)


def test_an_end_that_cannot_be_written_keeps_no_other_from_it(
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


def test_a_pause_waits_for_those_in_the_hand(connection: Redis, queue: Queue, starter: Claimant) -> None:
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(4)]
    first, *rest = claims(starter, 3)
    held = pauses.pause(connection, "work", actor="me")
    assert held.claims == [("work", claim.job_id) for claim in rest]
    assert all(pauses.is_unstarted(connection, *claim) for claim in held.claims)
    starter.write_ends([end(each, starter, connection) for each in (first, rest[0])])
    assert [pauses.is_unstarted(connection, *claim) for claim in held.claims] == [False, True]
    threading.Timer(0.2, lambda: starter.put_back("work", jobs[2].id)).start()
    assert pauses.wait_for_claims(connection, held, 10) >= 0.1
    assert claims(starter) == []
    assert names(connection.lrange(keys.queue("work"), 0, -1)) == [jobs[2].id, jobs[3].id]
