"""Test qctl-pause with stock workers of each release of RQ: a pause holds, and a kill loses no job."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis
from rq.queue import Queue

import qctl_pause
from qctl.broker.bookkeeping import dead_letter_index, events
from qctl.broker.query import workers
from qctl.broker.redis import keys
from qctl.broker.redis.scripts import Script
from qctl.broker.worker import claim_request, claims, lease, pausable_queue, recovery
from qctl.catalog import base_queue, lanes
from qctl.errors import RefusedError
from qctl.ops import Ops
from qctl.settings import Settings
from support.process import Program
from support.rq_versions import RELEASES
from support.waiting import eventually

TASKS = """
import time
from redis import Redis

def note(url, value, seconds=0):
    Redis.from_url(url).rpush("started", value)
    time.sleep(seconds)
    Redis.from_url(url).rpush("ended", value)
"""

ENQUEUE = """
import sys
from redis import Redis
from rq import Queue
url, queue, value, seconds = sys.argv[1:]
print(Queue(queue, connection=Redis.from_url(url)).enqueue("pause_tasks.note", url, value, float(seconds)).id)
"""


class Site:
    """A site with one release of RQ and qctl-pause in the environment of its worker."""

    def __init__(self, python: Path, folder: Path, settings: Settings, connection: Redis) -> None:
        self.python, self.url, self.redis = python, settings.redis_url, connection
        self.ops = Ops(settings, connection)
        (folder / "pause_tasks.py").write_text(TASKS)
        self.env = {"PYTHONPATH": str(folder)}
        command = [str(python.parent / "rq"), "worker", "--url", self.url, "--name", "stock"]
        command += ["--queue-class", "qctl_pause.PausableQueue", "first", "mail"]
        self.worker = Program("stock", command, folder, env=self.env, says="Listening on")

    def enqueue(self, value: str, seconds: float = 0.0) -> str:
        """Enqueue a job as this release of RQ does. Returns its id."""
        command = [str(self.python), "-c", ENQUEUE, self.url, "mail", value, str(seconds)]
        return subprocess.check_output(command, env={**os.environ, **self.env}, text=True).strip()

    def values(self, key: str) -> list[str]:
        """The notes of jobs under this key."""
        return [value.decode() for value in self.redis.lrange(key, 0, -1)]

    def has_claimant(self) -> bool:
        """True once qctl knows that the worker obeys pauses."""
        return [worker.honours_pause for worker in workers.living(self.redis)] == [True]


@pytest.fixture
def site(
    request: pytest.FixtureRequest,
    rq_python: Callable[..., Path],
    pause_wheel: Path,
    tmp_path: Path,
    settings: Settings,
    connection: Redis,
) -> Iterator[Site]:
    site = Site(rq_python(request.param, str(pause_wheel)), tmp_path, settings, connection)
    with site.worker:
        eventually(site.has_claimant, 20)
        yield site


each_release = pytest.mark.parametrize("site", RELEASES, indirect=True)


@each_release
def test_pause_holds_a_stock_worker(site: Site) -> None:
    site.enqueue("before")
    eventually(lambda: site.values("ended") == ["before"])
    assert site.ops.queues.pause("mail").deaf_workers == []
    held = [site.enqueue("second"), site.enqueue("third")]
    # The worker looks at all of its queues several times in a second.
    with pytest.raises(AssertionError):
        eventually(lambda: site.values("started") != ["before"], 1.5)
    assert [id_.decode() for id_ in site.redis.lrange(keys.queue("mail"), 0, -1)] == held
    site.ops.queues.resume("mail")
    eventually(lambda: site.values("ended") == ["before", "second", "third"])
    eventually(lambda: not site.redis.exists(keys.claims("mail"), keys.intermediate("mail")), what="the claims' end")


@each_release
def test_job_of_a_killed_stock_worker_is_recovered(site: Site) -> None:
    job_id = site.enqueue("long", 60)
    eventually(lambda: site.values("started") == ["long"])
    process = psutil.Process(site.worker.pid)
    for victim in [process, *process.children(recursive=True)]:  # a worker that outlives its child ends the job
        victim.send_signal(signal.SIGKILL)
    site.worker.wait()
    (claimant,) = site.redis.zrange(keys.LEASES, 0, -1)
    site.redis.zadd(keys.LEASES, {claimant: 1})
    claim = site.redis.hget(keys.claims("mail"), job_id)
    assert claim is not None
    assert recovery.recover(site.redis, "mail", job_id, claim.decode(), by="me") == "recovered"
    assert site.redis.lrange(keys.queue("mail"), 0, -1) == [job_id.encode()]


@each_release
def test_unreadable_job_is_quarantined_and_the_worker_goes_on(site: Site) -> None:
    site.ops.queues.pause("mail", allow_unknown=True)
    bad = site.enqueue("bad")
    site.redis.hset(keys.job(bad), "created_at", "soon")
    site.enqueue("good")
    site.ops.queues.resume("mail")
    eventually(lambda: site.values("ended") == ["good"])
    assert site.redis.hexists(keys.quarantine("mail"), bad)


def test_stock_worker_that_ends_leaves_no_lease_and_no_claim(
    rq_python: Callable[..., Path], pause_wheel: Path, tmp_path: Path, settings: Settings, connection: Redis
) -> None:
    site = Site(rq_python("2.6.0", str(pause_wheel)), tmp_path, settings, connection)
    site.enqueue("only")
    subprocess.run([*site.worker.command, "--burst"], env={**os.environ, **site.env}, check=True, capture_output=True)
    assert site.values("ended") == ["only"]
    assert not connection.exists(keys.LEASES, keys.claims("mail"), keys.intermediate("mail"))


def test_refused_pause_says_what_to_install(
    rq_python: Callable[..., Path], tmp_path: Path, settings: Settings, connection: Redis
) -> None:
    site = Site(rq_python("2.6.0"), tmp_path, settings, connection)
    plain = Program("plain", [*site.worker.command[:6], "mail"], tmp_path, env=site.env, says="Listening on")
    with plain:
        with pytest.raises(RefusedError) as refused:
            site.ops.queues.pause("mail", allow_unknown=True)
        hint = refused.value.hint or ""
        assert "pip install qctl-pause" in hint
        assert "--queue-class qctl_pause.PausableQueue" in hint
        forced = site.ops.queues.pause("mail", allow_unknown=True, force=True)
        assert (forced.deaf_workers, forced.listening) == (["stock"], 1)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The class claims in this process, whose claimant ends with the test."""
    monkeypatch.setattr(qctl_pause.PausableQueue, "_claimant", None)
    yield
    claimant = qctl_pause.PausableQueue._claimant
    if claimant is not None:
        claimant.close()


def test_claim_whose_reply_was_lost_goes_back(
    in_process: None, connection: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qctl_pause, "SWEEP_SECONDS", 0.0)
    job = Queue("mail", connection=connection).enqueue("support.jobs.give")
    queues = [qctl_pause.PausableQueue("mail", connection=connection)]
    taken = qctl_pause.PausableQueue.dequeue_any(queues, None, connection)
    assert taken is not None
    claimant = qctl_pause.PausableQueue._claimant
    assert claimant is not None
    claimant._finished = None  # as if the reply had been lost
    again = qctl_pause.PausableQueue.dequeue_any(queues, None, connection)
    assert again is not None
    assert again[0].id == job.id
    assert connection.llen(keys.intermediate("mail")) == 1


def test_claim_of_another_process_is_not_removed(in_process: None, connection: Redis) -> None:
    job = Queue("mail", connection=connection).enqueue("support.jobs.give")
    queues = [qctl_pause.PausableQueue("mail", connection=connection)]
    assert qctl_pause.PausableQueue.dequeue_any(queues, None, connection)
    connection.hset(keys.claims("mail"), job.id, "somebody.else|1")
    assert qctl_pause.PausableQueue.dequeue_any(queues, None, connection) is None
    assert connection.hget(keys.claims("mail"), job.id) == b"somebody.else|1"


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("claim", claim_request._claim),
        ("renew", lease._renew),
        ("release", pausable_queue._release),
        ("putback", claims._putback),
        ("quarantine", claims._quarantine),
    ],
)
def test_scripts_are_those_of_qctl(name: str, script: Script) -> None:
    text = (Path(qctl_pause.__file__).parent / f"{name}.lua").read_text()
    assert text == script.body, "run: python packages/qctl-pause/copy_scripts.py"


def test_numbers_and_keys_are_those_of_qctl(settings: Settings) -> None:
    assert (qctl_pause.LEASE_SECONDS, qctl_pause.RENEWAL_SECONDS) == (lease.LEASE_SECONDS, lease.RENEWAL_SECONDS)
    assert (qctl_pause.POLL_SECONDS, qctl_pause.MAX_BLOCK_SECONDS) == (claims.POLL_SECONDS, claims.MAX_BLOCK_SECONDS)
    assert qctl_pause.SWEEP_SECONDS == claims.SWEEP_SECONDS
    assert qctl_pause.MAX_EVENTS == events.MAX_ENTRIES
    assert qctl_pause.MAX_REASON_CHARACTERS == dead_letter_index.MAX_REASON_CHARACTERS
    assert [qctl_pause._base_queue(lane) for lane in lanes("mail")] == [base_queue(lane) for lane in lanes("mail")]
    own = [qctl_pause._PAUSED, qctl_pause._LEASES, qctl_pause._EVENTS, qctl_pause._QUIET]
    assert own == [keys.PAUSED, keys.LEASES, keys.EVENTS, keys.QUIET]
    for here, there in (
        (qctl_pause._waiting, keys.queue),
        (qctl_pause._intermediate, keys.intermediate),
        (qctl_pause._started, keys.started),
        (qctl_pause._claims, keys.claims),
        (qctl_pause._recoveries, keys.recoveries),
        (qctl_pause._job, keys.job),
    ):
        assert here("mail") == there("mail")
