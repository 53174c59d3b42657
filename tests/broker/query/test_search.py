"""Searches for jobs: every selector, in every state, on data of stock workers, damaged data, and at the scan limit."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.admin import select_jobs
from qctl.broker.query import dead_letters, job_locations, search
from qctl.broker.redis import keys
from qctl.models import DEAD_STATES, STATES, Jobs, Selection, Selector, State, ignore_progress
from support import stock
from support.stock import Bomb


def page(connection: Redis, selector: Selector, **more: object) -> Jobs:
    options: dict[str, object] = {"offset": 0, "limit": 50, "sort": None, "progress": ignore_progress, **more}
    return search.page(connection, selector, ["mail", "news"], selector.states or STATES, **options)  # type: ignore[arg-type]


def ids(connection: Redis, **selector: object) -> list[str]:
    return [row.id for row in page(connection, Selector(**selector)).rows]  # type: ignore[arg-type]


def choose(connection: Redis, selector: Selector, *states: State) -> Selection:
    return select_jobs.select(connection, selector, ["mail", "news"], states or STATES, ignore_progress)


def chosen(selection: Selection) -> list[str]:
    return [id_.decode() for part in selection.chosen for id_ in part.ids]


@pytest.fixture
def everywhere(connection: Redis) -> None:
    """A job of RQ in every state of the queue mail."""
    queue = Queue("mail", connection=connection)
    stock.enqueue(connection, "mail", "waits")
    queue.enqueue_in(timedelta(hours=1), "app.tasks.send", job_id="due-later")
    queue.enqueue("app.tasks.send", job_id="after", depends_on="waits")
    stock.enqueue(connection, "mail", "off").cancel()
    stock.die(connection, stock.enqueue(connection, "mail", "dead"))
    done = stock.enqueue(connection, "mail", "done")
    connection.lrem(keys.queue("mail"), 0, "done")
    done.set_status("finished")
    connection.zadd(keys.finished("mail"), {"done": 4_000_000_000})
    running = stock.enqueue(connection, "mail", "runs")
    connection.lrem(keys.queue("mail"), 0, "runs")
    running.set_status("started")
    connection.zadd(keys.started("mail"), {"runs:0123456789abcde1": 4_000_000_000})
    connection.hset(keys.quarantine("mail"), "odd", '{"reason": "its worker died", "at": 1, "recoveries": 3}')


STATES_OF = {
    "queued": "waits",
    "started": "runs",
    "scheduled": "due-later",
    "deferred": "after",
    "finished": "done",
    "failed": "dead",
    "canceled": "off",
    "quarantined": "odd",
}


def test_job_is_listed_once_in_its_state(connection: Redis, everywhere: None) -> None:
    jobs = page(connection, Selector())
    assert {row.state: row.id for row in jobs.rows} == STATES_OF
    assert len(jobs.rows) == jobs.matching == 8
    for state, id_ in STATES_OF.items():
        assert ids(connection, states=(state,)) == [id_]


def test_ids_are_located_in_every_state(connection: Redis, everywhere: None) -> None:
    named = choose(connection, Selector(ids=(*STATES_OF.values(), "nope")))
    assert {part.state: part.ids for part in named.chosen} == {s: [id_.encode()] for s, id_ in STATES_OF.items()}
    assert [(outcome.id, outcome.detail) for outcome in named.missing] == [("nope", "there is no such job")]
    for selector in (Selector(), Selector(job="*"), Selector(older_than=0.0, states=("started",))):
        assert set(chosen(choose(connection, selector, *(selector.states or STATES)))) <= set(STATES_OF.values())


def test_job_that_runs_twice_is_listed_once(connection: Redis, everywhere: None) -> None:
    connection.zadd(keys.started("mail"), {"runs:0123456789abcde2": 4_000_000_000})
    assert ids(connection, states=("started",)) == ["runs"]
    assert chosen(choose(connection, Selector(), "started")) == ["runs"]


def test_job_in_another_state_is_reported(connection: Redis, everywhere: None) -> None:
    selection = choose(connection, Selector(ids=("runs", "waits")), "queued")
    assert chosen(selection) == ["waits"]
    assert [(outcome.queue, outcome.detail) for outcome in selection.missing] == [("mail", "it is started")]


def test_claimed_job_counts_as_started(connection: Redis) -> None:
    stock.enqueue(connection, "mail", "j")
    connection.lmove(keys.queue("mail"), keys.intermediate("mail"))
    connection.hset(keys.claims("mail"), "j", "w|1")
    assert choose(connection, Selector(ids=("j",)), "queued").missing[0].detail == "it is started"


def test_job_in_no_location_is_reported(connection: Redis) -> None:
    stock.enqueue(connection, "mail", "lost")
    connection.delete(keys.queue("mail"))
    (outcome,) = choose(connection, Selector(ids=("lost",))).missing
    assert outcome.queue == "mail"
    assert "its status is queued" in outcome.detail


# --- what jobs say ------------------------------------------------------------------------------------------


@pytest.fixture
def various_jobs(connection: Redis, tmp_path: Path) -> Bomb:
    """Jobs with different fields; one is pickled, with a bomb."""
    bomb = Bomb(tmp_path / "went off")
    stock.enqueue(connection, "mail", "json", "ada@example.com", {"größe": 7}, json=True, meta={"owner": "Ada"})
    stock.enqueue(connection, "mail", "pickled", bomb, "grace@example.com", meta={"owner": "ada", "bomb": bomb})
    own = Queue("mail", connection=connection, serializer=JSONSerializer)
    own.enqueue("other.clean", job_id="other", description="tidy up")
    stock.die(connection, stock.enqueue(connection, "mail", "refused"), "Traceback\nConnectionError: refused by peer")
    stock.die(connection, stock.enqueue(connection, "news", "slow"), "Traceback\nTimeoutError: 30 s")
    return bomb


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"job": "send"}, ["json", "pickled", "refused", "slow"]),
        ({"job": "app.tasks.send"}, ["json", "pickled", "refused", "slow"]),
        ({"job": "other.*"}, ["other"]),
        ({"job": "clean"}, ["other"]),
        ({"job": "nothing"}, []),
        ({"error": "REFUSED"}, ["refused"]),
        ({"error": "error"}, ["refused", "slow"]),
        ({"owner": "ada"}, ["json"]),
        ({"argument": "ADA@example"}, ["json"]),
        ({"argument": "größe"}, ["json"]),
        ({"argument": "grace@"}, ["pickled"]),
        ({"argument": "send"}, ["pickled", "refused", "slow"]),
        ({"older_than": 3600.0}, []),
        ({"older_than": 0.0, "error": "30 s"}, ["slow"]),
        ({"queue": None, "states": DEAD_STATES, "job": "send"}, ["refused", "slow"]),
    ],
)
def test_jobs_are_found_by_every_selector(
    connection: Redis, various_jobs: Bomb, selector: dict[str, object], expected: list[str]
) -> None:
    """Jobs are found by name, argument, error, owner and age; nothing is unpickled."""
    assert sorted(ids(connection, **selector)) == expected
    assert sorted(chosen(choose(connection, Selector(**selector), *(selector.get("states") or STATES)))) == expected  # type: ignore[arg-type,misc]
    assert not various_jobs.went_off


def test_older_than_is_measured_in_the_state(connection: Redis) -> None:
    for n, id_ in enumerate(("old", "new")):
        stock.enqueue(connection, "mail", id_)
        connection.hset(keys.job(id_), "enqueued_at", f"20{20 + n * 79}-01-01T00:00:00Z")
    assert ids(connection, older_than=60.0) == ["old"]


@pytest.mark.parametrize("field", ["data", "meta", "description", "enqueued_at", "exc_info"])
def test_damaged_job_does_not_stop_a_search(connection: Redis, field: str) -> None:
    for id_ in ("bad", "good"):
        stock.enqueue(connection, "mail", id_, "x", json=True)
    connection.hset(keys.job("bad"), field, b"\xff\x80[[[[")
    connection.set(keys.job("text"), "text")
    connection.rpush(keys.queue("mail"), "text", "gone")
    assert ids(connection, argument="x")[-1] == "good"
    assert [row.id for row in page(connection, Selector()).rows] == ["bad", "good", "text", "gone"]


def test_location_of_wrong_type_hides_no_other(connection: Redis) -> None:
    stock.enqueue(connection, "news", "n")
    for state in STATES:
        connection.set(job_locations.key(state, "mail"), "text")
    assert ids(connection) == ["n"]
    assert ids(connection, job="send") == ["n"]


# --- order, pages, and how far ------------------------------------------------------------------------------


def test_page_is_read_without_the_jobs_before_it(connection: Redis) -> None:
    """A page of a large queue costs as much as one of a small queue."""
    stock.fill(connection, "mail", 3 * job_locations.IDS_PER_READ)
    stock.enqueue(connection, "news", "last")
    before = connection.info("commandstats")
    jobs = page(connection, Selector(states=("queued",)), offset=3 * job_locations.IDS_PER_READ - 2, limit=3)
    after = connection.info("commandstats")
    assert [row.id for row in jobs.rows] == [
        f"job-{3 * job_locations.IDS_PER_READ - 2}",
        f"job-{3 * job_locations.IDS_PER_READ - 1}",
        "last",
    ]
    assert jobs.matching == jobs.total == 3 * job_locations.IDS_PER_READ + 1
    read = after["cmdstat_hmget"]["calls"] - before.get("cmdstat_hmget", {"calls": 0})["calls"]
    assert read == 3


def test_sorted_pages_are_consecutive(connection: Redis) -> None:
    for n in (3, 1, 2, 0):
        stock.enqueue(connection, "mail", f"j{n}")
        connection.hset(keys.job(f"j{n}"), "enqueued_at", f"2026-01-01T00:00:0{n}Z")
    rows = [page(connection, Selector(), sort="since", offset=n, limit=2).rows for n in (0, 2)]
    assert [row.id for part in rows for row in part] == ["j0", "j1", "j2", "j3"]
    assert [row.id for row in page(connection, Selector(), sort="-id", limit=1).rows] == ["j3"]


def test_unscanned_jobs_are_counted(connection: Redis) -> None:
    """The result says how many of how many jobs were scanned."""
    stock.fill(connection, "mail", 1200)
    jobs = page(connection, Selector(job="*", scan=700))
    assert (jobs.scanned, jobs.total, jobs.matching) == (700, 1200, 700)
    part = choose(connection, Selector(job="*", scan=700))
    assert (part.count, part.scan.scanned, part.scan.total) == (700, 700, 1200)  # type: ignore[union-attr]
    whole = choose(connection, Selector(job="*"))
    assert (whole.count, whole.scan) == (1200, None)
    assert choose(connection, Selector(job="*", limit=3)).scan is None


def test_progress_is_reported(connection: Redis) -> None:
    stock.fill(connection, "mail", 1200)
    progress: list[tuple[int, int | None]] = []
    select_jobs.select(connection, Selector(job="*"), ["mail"], STATES, lambda *now: progress.append(now))
    assert progress[-1] == (1200, 1200)
    assert len(progress) > 1


def test_limit_takes_the_oldest_dead_letters(connection: Redis) -> None:
    for n, id_ in ((2, "b"), (1, "a"), (3, "c")):
        stock.die(connection, stock.enqueue(connection, "mail", id_), ttl=1000 + n)
        connection.hset(keys.job(id_), "ended_at", f"2026-01-01T00:00:0{n}.000000Z")
    assert chosen(choose(connection, Selector(limit=2), *DEAD_STATES)) == ["a", "b"]
    assert chosen(choose(connection, Selector(limit=2, job="send"), *DEAD_STATES)) == ["a", "b"]
    assert chosen(choose(connection, Selector(limit=0), *DEAD_STATES)) == []
    assert choose(connection, Selector(ids=("a", "b"), limit=1)).count == 1


def test_claims_during_a_read_skip_no_job(connection: Redis) -> None:
    names = stock.fill(connection, "mail", 3 * job_locations.IDS_PER_READ)
    seen: list[bytes] = []
    for page in job_locations.read(connection, "mail", "queued"):
        seen += [entry.id for entry in page]
        connection.lpop(keys.queue("mail"), 150)
    assert [id_.decode() for id_ in seen] == names


def test_positions_of_few_and_of_many_ids(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name.encode() for name in stock.fill(connection, "mail", 2500)]
    monkeypatch.setattr(job_locations, "LPOS_MAXLEN", 100)
    for some_ids in (names[:1], names[-1:], names[1200:1201], names[5:2000:7], [*names[:1], b"nope"]):
        positions = job_locations.find_positions(connection, "mail", some_ids)
        assert positions == {id_: names.index(id_) for id_ in some_ids if id_ in names}


def test_similar_ids_are_sampled(connection: Redis, everywhere: None) -> None:
    assert set(search.sample_ids(connection, ["mail"])) == set(STATES_OF.values())


def test_letter_without_hash_is_found_in_its_registry(connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "d"))
    Job("d", connection=connection).connection.delete(keys.job("d"))
    assert chosen(choose(connection, Selector(ids=("d",)))) == ["d"]
    assert dead_letters.count(connection, ["mail"]) == 1
