"""A site in a Redis Cluster of six nodes: a job's whole life, a shard's primary killed, the slot moved under load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from support.process import Program
from support.redis_cluster import RedisCluster
from support.waiting import PATIENCE_SECONDS, eventually
from support.workers import TESTS, qctl_worker

pytestmark = [pytest.mark.kill, pytest.mark.timeout(600)]

BIN = Path(sys.executable).parent

TAG = "orders"

LONG_ROUNDS = 10
"""Times that the slot is moved, or a primary killed, with --long."""


class Site:
    """A site in the cluster: its settings, and programs that have them."""

    def __init__(self, cluster: RedisCluster, folder: Path, tag: str = TAG) -> None:
        self.cluster = cluster
        self.folder = folder
        self.env = {
            "REDIS_URL": cluster.url,
            "QUEUE_PREFIX": f"{{{tag}}}",
            "QCTL_REDIS_REPLICAS": "1",
            "QCTL_HOME": str(folder / "home"),
            "QCTL_ALLOWED_JOBS": "support.jobs.*",
            "QCTL_SCHEDULE_STOCK_CHECK": "off",
            "LOG_FORMAT": "text",
            "PYTHONPATH": str(TESTS),
        }
        (folder / "home").mkdir(mode=0o700, exist_ok=True)

    def qctl(self, *words: str, code: int | None = 0) -> str:
        """Output of a command. It has to end with this code, or None with any."""
        return self._run([str(BIN / "qctl"), *words], code)

    def document(self, *words: str) -> dict[str, object]:
        """The JSON of a command."""
        return dict(json.loads(self.qctl(*words, "--json")))

    def states(self, count: int) -> Counter[str]:
        """The states of the jobs that the producer created."""
        return Counter(json.loads(self._run([sys.executable, "-m", "support.site_in_cluster", "states", str(count)])))

    def _run(self, command: list[str], code: int | None = 0) -> str:
        env = {**os.environ, **self.env}
        done = subprocess.run(
            command, env=env, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
        assert code in (None, done.returncode), f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def worker(self, name: str, isolation: str) -> Program:
        """A worker of the queue `work`."""
        worker = qctl_worker(self.folder, self.cluster.url, "work", isolation=isolation, name=name)
        worker.env.update(self.env)
        return worker

    @contextmanager
    def load(self) -> Iterator[Callable[[], None]]:
        """Workers and a producer. After the block everything that was created has run once, or more than once only if
        the yielded function allowed it."""
        ran, stop = self.folder / "ran", self.folder / "stop"
        command = [sys.executable, "-m", "support.site_in_cluster", "create", str(ran), str(stop)]
        producer = Program("producer", command, self.folder, env=self.env, says="creating")
        may_repeat: list[bool] = []
        with ExitStack() as running:
            workers = [
                running.enter_context(self.worker(f"worker-{isolation}", isolation)) for isolation in ("inline", "fork")
            ]
            running.enter_context(producer)
            eventually(lambda: ran.exists(), what="the first job")
            yield lambda: may_repeat.append(True)
            before = len(ran.read_text().split())
            eventually(lambda: len(ran.read_text().split()) > before + 20, what="jobs after the fault")
            stop.touch()
            assert producer.wait() == 0
            count = int(producer.output.split()[-1])
            eventually(lambda: self.states(count) == {"finished": count}, what="the end of all jobs", every=0.2)
            assert all(worker.running for worker in workers)
        runs = Counter(map(int, ran.read_text().split()))
        assert set(runs) == set(range(count))
        if not may_repeat:
            assert {number for number, times in runs.items() if times > 1} == set()


@pytest.fixture
def site(redis_cluster: RedisCluster, tmp_path: Path) -> Site:
    """A site that runs nothing but the cluster."""
    return Site(redis_cluster, tmp_path)


def test_whole_life_of_jobs(site: Site) -> None:
    def enqueue(function: str, arguments: str, *more: str) -> str:
        words = ("--function", function, "--args", arguments, "--queue", "work", *more, "-o", "name")
        return site.qctl("job", "enqueue", *words).strip()

    def state(job_id: str) -> object:
        return site.document("job", "show", job_id)["state"]

    site.qctl("pause", "work", "--create")
    good = enqueue("support.jobs.mark", json.dumps([f"{site.folder}/ran", 1]))
    bad = enqueue("support.jobs.fail", '["broken"]')
    later = enqueue("support.jobs.mark", json.dumps([f"{site.folder}/ran", 2]), "--delay", "1s")
    scheduler = Program("scheduler", [str(BIN / "qctl-scheduler")], site.folder, env=site.env, says="running schedules")
    site.qctl("schedule", "add", "often", "support.jobs.give", "value=1", "--every", "1s", "--queue", "often")
    with site.worker("worker", "inline"), scheduler:
        eventually(lambda: state(later) == "queued", what="the delayed job")
        assert state(good) == "queued"
        site.qctl("resume", "work")
        eventually(lambda: state(bad) == "failed", what="a dead letter")
        eventually(lambda: state(later) == "finished", what="the last job")
    assert Counter((site.folder / "ran").read_text().split()) == {"1": 1, "2": 1}
    site.qctl("retry", bad)
    assert state(bad) == "queued"
    site.qctl("clear", "work", "--yes")
    text = site.qctl("events", "--queue", "work", "--limit", "200")
    assert all(word in text for word in ("created", "paused", "resumed", "finished", "cleared"))
    assert f"{{{TAG}}}) is served by" in site.qctl("health", code=None)
    assert "often" in site.qctl("stats")
    for node in site.cluster.nodes:
        with node.client() as client:
            assert all(key.startswith(b"{orders}:") for key in client.scan_iter())


def test_slot_moves_under_load(site: Site, long_run: bool) -> None:
    with site.load():
        for _ in range(LONG_ROUNDS if long_run else 1):
            source, target = site.cluster.begin_move(TAG)
            site.cluster.move_keys(TAG, source, target, at_most=20)
            time.sleep(1)  # a part of the keys is on each node meanwhile
            site.cluster.end_move(TAG, source, target)
            assert site.cluster.owner(TAG) is target


def test_primary_of_the_shard_is_killed(site: Site, long_run: bool) -> None:
    with site.load() as may_repeat:
        may_repeat()  # a claim may be lost with the primary, and its job runs again then
        for _ in range(LONG_ROUNDS if long_run else 1):
            primary = site.cluster.owner(TAG)
            primary.kill()
            eventually(lambda primary=primary: site.cluster.owner(TAG) is not primary, what="a failover")  # type: ignore[misc]
            primary.start()
            eventually(site.cluster.is_whole, what="the old primary to join", every=0.1)


def test_stock_worker_follows_its_slot(site: Site) -> None:
    """`rq worker` with qctl's connection class and queue class."""
    command = [sys.executable, "-m", "rq.cli", "worker", "--url", site.cluster.url]
    command += ["--connection-class", "qctl.SiteRedis", "--queue-class", "qctl.PausableQueue", "work"]
    ran = site.folder / "ran"
    env = {**site.env, "RQ_KEY_PREFIX": site.env["QUEUE_PREFIX"]}
    with Program("stock", command, site.folder, env=env, says="Listening on") as worker:
        for number in range(2):
            arguments = json.dumps([str(ran), number])
            site.qctl("job", "enqueue", "--function", "support.jobs.mark", "--args", arguments, "--queue", "work")
            eventually(lambda number=number: ran.exists() and str(number) in ran.read_text().split(), what="the job")  # type: ignore[misc]
            site.cluster.move(TAG)
        assert worker.running
