"""Cancel, discard and move: each job is in exactly one location at any moment, and can be restored."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis
from rq.job import Job
from rq.queue import Queue
from rq.rate_limit import RateLimit, RateLimitRegistry

from qctl.broker.admin import bulk, delete_queue, select_jobs, trash
from qctl.broker.admin.move_jobs import Cancel, Discard, Move, Relocation
from qctl.broker.admin.retry_jobs import Retry
from qctl.broker.bookkeeping import events
from qctl.broker.query import dead_letter_causes, job_locations
from qctl.broker.redis import keys
from qctl.models import MOVABLE_STATES, STATES, BulkResult, ChosenJobs, Selection, Selector, State, ignore_progress
from support import stock
from support.ingest import stage_letter


def choose(connection: Redis, *states: State, **selector: Any) -> Selection:
    return select_jobs.select(connection, Selector(**selector), ["mail", "news"], states, ignore_progress)


def run(connection: Redis, action: Relocation | Retry, chosen: Selection, **more: Any) -> BulkResult:
    return bulk.run(connection, chosen, action, progress=ignore_progress, **more)


def discard(connection: Redis) -> Discard:
    return Discard("me@here", trash.Batch(connection, "delete", actor="me@here", ttl=60))


def dump(connection: Redis) -> dict[bytes, Any]:
    """Dump all keys of jobs, without the records of actions."""
    skip = (keys.EVENTS.encode(), b"qctl:counts")
    dumped = {key: connection.dump(key) for key in connection.scan_iter() if not key.startswith(skip)}
    return dumped | {key: connection.hgetall(key) for key in dumped if connection.type(key) == b"hash"}


def put(connection: Redis, state: State, *ids: str, queue: str = "mail") -> None:
    """Put jobs into a state as RQ and qctl do."""
    for n, id_ in enumerate(ids):
        if state == "failed":
            with connection.pipeline() as pipe:
                stage_letter(pipe, queue, "app.take", [n], f"ValueError: {id_}", id_)
                pipe.execute()
            continue
        stock.enqueue(connection, queue, id_)
        if state == "queued":
            continue
        connection.lrem(keys.queue(queue), 0, id_)
        if state == "quarantined":
            connection.hset(keys.quarantine(queue), id_, json.dumps({"reason": "r\x1b", "at": n, "recoveries": 3}))
            connection.hset(keys.job(id_), "status", "failed")
        else:
            connection.zadd(job_locations.key(state, queue), {id_: 4_000_000_000.25 + n})
            connection.hset(keys.job(id_), "status", state)


PLACES = [state for state in STATES if state != "started"]


# --- each action --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", Cancel.states)
def test_canceled_jobs_are_in_rqs_registry_and_can_be_retried(connection: Redis, state: State) -> None:
    put(connection, state, "a", "b")
    assert run(connection, Cancel("me"), choose(connection, state)).done == 2
    assert Job.fetch("a", connection=connection).is_canceled
    assert Queue("mail", connection=connection).canceled_job_registry.get_job_ids(cleanup=False) == ["a", "b"]
    assert job_locations.sizes(connection, [("mail", state)]) == [0]
    assert run(connection, Retry("me"), choose(connection, "canceled")).done == 2
    assert stock.waiting(connection, "mail") == ["a", "b"]
    assert connection.hget(keys.job("a"), "status") == b"queued"


@pytest.mark.parametrize("state", PLACES)
def test_discarded_jobs_are_restored_as_they_were(connection: Redis, state: State) -> None:
    """Jobs that were discarded by mistake can be restored, in every state."""
    put(connection, state, "a", "b", "c")
    put(connection, "queued", "other", queue="news")
    connection.pexpire(keys.job("b"), 1_000_000)
    before = dump(connection)
    result = run(connection, discard(connection), choose(connection, state, queue=None))
    assert result.done == (4 if state == "queued" else 3)
    assert job_locations.sizes(connection, [("mail", state)]) == [0]
    assert connection.hget(keys.job("a"), "status") == b"canceled"
    assert connection.pttl(keys.job("b")) == -1
    assert dead_letter_causes.groups(connection, ["mail"], None).total == 0
    back = trash.restore(connection, result.batch, actor="me", progress=ignore_progress)
    assert back.restored == result.done
    assert dump(connection) == before
    assert 0 < connection.pttl(keys.job("b")) <= 1_000_000


@pytest.mark.parametrize("state", MOVABLE_STATES)
def test_moved_jobs_keep_their_state_there_and_back(connection: Redis, state: State) -> None:
    put(connection, state, "a", "b", "c")
    connection.sadd(keys.QUEUES, keys.queue("news"))
    before = dump(connection)
    assert run(connection, Move("me", "news"), choose(connection, state)).done == 3
    assert job_locations.sizes(connection, [("mail", state), ("news", state)]) == [0, 3]
    assert connection.hget(keys.job("a"), "origin") == b"news"
    if state == "failed":
        (cause, *_) = dead_letter_causes.groups(connection, ["news"], 0).causes
        assert cause.queues == ["news"]
        assert connection.exists(keys.causes("mail")) == 0
    back = choose(connection, state, queue=None, moved_from="mail")
    assert run(connection, Move("me", "mail"), back).done == 3
    assert dump(connection) == before


def test_waiting_jobs_move_to_the_tail_in_their_order(connection: Redis) -> None:
    put(connection, "queued", "a", "b", "c")
    put(connection, "queued", "x", queue="news")
    chosen = select_jobs.select(connection, Selector(), ["mail"], ["queued"], ignore_progress)
    run(connection, Move("me", "news"), chosen)
    assert stock.waiting(connection, "news") == ["x", "a", "b", "c"]


def test_discard_from_many_queues_is_restored_as_one_batch(connection: Redis) -> None:
    put(connection, "queued", "a")
    put(connection, "failed", "b", queue="news")
    result = run(connection, discard(connection), choose(connection, "queued", "failed"))
    assert [batch.id for batch in trash.batches(connection)] == [f"{result.batch}.2", result.batch]
    restored = trash.restore(connection, result.batch, actor="me", progress=ignore_progress)
    assert (restored.restored, restored.queue) == (2, "mail, news")
    assert trash.batches(connection) == []


def test_discarded_jobs_can_be_deleted_for_good(connection: Redis) -> None:
    for state in PLACES:
        put(connection, state, state)
    result = run(connection, discard(connection), choose(connection, *PLACES))
    assert trash.empty(connection, result.batch, actor="me", progress=ignore_progress) == len(PLACES)
    left = {key.decode() for key in connection.scan_iter()}
    assert not {key for key in left if key.startswith(("rq:job", "rq:results", "qctl:trash", "qctl:quarantine"))}
    assert not {job_locations.key(state, "mail") for state in STATES} & left


def test_every_action_records_an_event(connection: Redis) -> None:
    put(connection, "queued", "a", "b", "c")
    for action, id_ in ((Cancel("me"), "a"), (discard(connection), "b"), (Move("me", "news"), "c")):
        run(connection, action, choose(connection, "queued", ids=(id_,)))
    recorded = [(event.event, event.fields["job"], event.fields["actor"]) for event in events.newest(connection, 9)]
    assert recorded[-3:] == [("canceled", "a", "me"), ("discarded", "b", "me@here"), ("moved", "c", "me")]


# --- what must not be touched -------------------------------------------------------------------------------

ACTIONS: dict[str, Callable[[Redis], Relocation]] = {
    "cancel": lambda _: Cancel("me"),
    "discard": discard,
    "move": lambda _: Move("me", "news"),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_job_that_has_started_is_left_alone(connection: Redis, name: str) -> None:
    put(connection, "queued", "a", "b")
    chosen = choose(connection, "queued")
    connection.hset(keys.job("a"), "status", "started")
    result = run(connection, ACTIONS[name](connection), chosen)
    assert (result.done, result.outcomes[0].detail) == (1, "it is started")
    assert stock.waiting(connection, "mail") == ["a"]


@pytest.mark.parametrize("name", ACTIONS)
def test_job_that_is_gone_is_reported(connection: Redis, name: str) -> None:
    put(connection, "queued", "a", "b")
    put(connection, "scheduled", "s")
    chosen = choose(connection, "queued", "scheduled")
    connection.lrem(keys.queue("mail"), 0, "a")
    connection.zrem(keys.scheduled("mail"), "s")
    result = run(connection, ACTIONS[name](connection), chosen)
    assert (result.done, result.failed) == (1, 2)
    assert {outcome.detail for outcome in result.outcomes if not outcome.done} == {
        "it does not wait any more",
        "it is not there any more",
    }


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("key", [keys.recoveries, keys.claims, keys.causes, keys.intermediate])
def test_key_of_wrong_type_changes_nothing_and_stops_no_other(
    connection: Redis, name: str, key: Callable[[str], str]
) -> None:
    put(connection, "scheduled", "a")
    put(connection, "scheduled", "x", queue="files")
    chosen = select_jobs.select(connection, Selector(), ["mail", "files"], ["scheduled"], ignore_progress)
    connection.set(key("mail"), "text")
    before = connection.zscore(keys.scheduled("mail"), "a")
    result = run(connection, ACTIONS[name](connection), chosen)
    assert [(outcome.id, outcome.done) for outcome in result.outcomes] == [("a", False), ("x", True)]
    assert "another type" in result.outcomes[0].detail
    assert connection.zscore(keys.scheduled("mail"), "a") == before
    assert connection.hget(keys.job("a"), "status") == b"scheduled"


def test_reused_id_is_not_overwritten_by_restore(connection: Redis) -> None:
    put(connection, "failed", "a", "b")
    result = run(connection, discard(connection), choose(connection, "failed"))
    stock.enqueue(connection, "mail", "a")
    assert trash.restore(connection, result.batch, actor="me", progress=ignore_progress).restored == 1
    assert stock.waiting(connection, "mail") == ["a"]
    assert connection.zscore(keys.failed("mail"), "b") is not None


def test_rate_limit_slot_is_released(connection: Redis) -> None:
    queue = Queue("mail", connection=connection)
    for id_ in ("first", "second"):
        queue.enqueue("app.send", job_id=id_, rate_limit=RateLimit("smtp", 1))
    assert stock.waiting(connection, "mail") == ["first"]
    run(connection, Cancel("me"), choose(connection, "queued"))
    assert stock.waiting(connection, "mail") == ["second"]
    assert RateLimitRegistry("smtp", connection).get_rate_limited_job_ids() == []


# --- lists: many, sparse, consumed meanwhile ----------------------------------------------------------------


@pytest.mark.parametrize("keep", [2, 7, 500])
def test_rest_of_a_long_queue_keeps_its_order(connection: Redis, keep: int) -> None:
    names = stock.fill(connection, "mail", 2300)
    going = {name for n, name in enumerate(names) if n % keep == 0}
    picked = [(name.encode(), n) for n, name in enumerate(names) if name in going]
    part = ChosenJobs("mail", "queued", [id_ for id_, _ in picked], [n for _, n in picked])
    assert run(connection, Cancel("me"), Selection([part])).done == len(going)
    assert stock.waiting(connection, "mail") == [name for name in names if name not in going]
    assert connection.zcard(keys.canceled("mail")) == len(going)


class Busy:
    """An action during which workers claim from the head of the queue, and give back to it."""

    def __init__(self, connection: Redis, action: Relocation, taken: int) -> None:
        self._connection, self._action, self._taken = connection, action, taken
        self.jobs_per_call, self.batch = 50, action.batch
        self.gone: list[bytes] = []

    def __call__(self, *args: Any) -> tuple[list[str], int]:
        """Claim some jobs, then run the action."""
        self.gone += self._connection.lpop(keys.queue("mail"), self._taken) or []
        return self._action(*args)


@pytest.mark.parametrize("taken", [0, 3, 90, 400])
def test_jobs_stay_in_one_location_while_workers_claim(connection: Redis, taken: int) -> None:
    names = stock.fill(connection, "mail", 2000)
    picked = [(name.encode(), n) for n, name in enumerate(names) if n % 3 == 0]
    part = ChosenJobs("mail", "queued", [id_ for id_, _ in picked], [n for _, n in picked])
    busy = Busy(connection, Cancel("me"), taken)
    result = bulk.run(connection, Selection([part]), busy, progress=ignore_progress)
    canceled = set(connection.zrange(keys.canceled("mail"), 0, -1))
    waiting = {id_.encode() for id_ in stock.waiting(connection, "mail")}
    taken_away = set(busy.gone)
    assert len(canceled) == result.done
    assert result.done + result.failed == len(picked)
    assert not canceled & waiting
    assert not canceled & taken_away
    assert canceled | waiting | taken_away == {name.encode() for name in names}
    assert not waiting & {id_ for id_, _ in picked}


def test_calls_are_limited_in_size_and_to_one_half_of_the_list(connection: Redis) -> None:
    names = stock.fill(connection, "mail", 1000)
    calls: list[list[int]] = []
    action = Cancel("me")

    def record_call(client: Redis, queue: str, state: State, ids: list[bytes], positions: list[int]) -> Any:
        calls.append([names.index(id_.decode()) for id_ in ids])
        return action(client, queue, state, ids, positions)

    record_call.jobs_per_call, record_call.batch = 300, None  # type: ignore[attr-defined]
    part = ChosenJobs("mail", "queued", [name.encode() for name in names[::2]], list(range(0, 1000, 2)))
    assert bulk.run(connection, Selection([part]), record_call, progress=ignore_progress).done == 500  # type: ignore[arg-type]
    assert max(map(len, calls)) <= 300
    assert not any(call[0] < 500 <= call[-1] for call in calls)


@pytest.mark.parametrize("name", ACTIONS)
def test_interrupted_action_can_be_repeated(connection: Redis, name: str) -> None:
    ids = stock.fill(connection, "mail", 1000)
    random.shuffle(ids)
    stop_at = 400

    def interrupt(done: int, _total: int | None) -> None:
        if done >= stop_at:
            raise KeyboardInterrupt

    action = ACTIONS[name](connection)
    with pytest.raises(KeyboardInterrupt):
        bulk.run(connection, choose(connection, "queued", queue=None), action, progress=interrupt)
    assert len(stock.waiting(connection, "mail")) == 600
    left = select_jobs.select(connection, Selector(), ["mail"], ["queued"], ignore_progress)
    assert run(connection, action, left).done == 600
    assert stock.waiting(connection, "mail") == []


def test_rate_is_not_exceeded(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    now = [100.0]
    monkeypatch.setattr(bulk.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(
        bulk.time, "sleep", lambda seconds: (slept.append(seconds), now.__setitem__(0, now[0] + seconds))
    )
    put(connection, "queued", *(f"j{n}" for n in range(30)))
    run(connection, Cancel("me"), choose(connection, "queued"), rate=10.0)
    assert sum(slept) == pytest.approx(2.9)
    assert max(slept) == pytest.approx(0.1)


# --- queues -------------------------------------------------------------------------------------------------


def test_only_an_empty_queue_is_deleted(connection: Redis) -> None:
    put(connection, "scheduled", "a")
    assert not delete_queue.delete(connection, "mail", actor="me")
    run(connection, discard(connection), choose(connection, "scheduled"))
    assert delete_queue.delete(connection, "mail", actor="me")
    assert keys.queue("mail").encode() not in connection.smembers(keys.QUEUES)
    assert trash.restore(connection, None, actor="me@here", progress=ignore_progress).restored == 1
    assert keys.queue("mail").encode() in connection.smembers(keys.QUEUES)
