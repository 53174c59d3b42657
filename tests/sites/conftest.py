"""A site of stock workers, one of which was killed under each of its jobs; and qctl's command line on it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from qctl.broker.query import job_locations
from qctl.broker.redis import keys
from qctl.cli.main import run
from qctl.cli.session import Session
from qctl.ops import Ops
from qctl.settings import Settings
from support.rq_versions import RELEASES
from support.servers import RedisServer
from support.waiting import eventually

APP = Path(__file__).parent
SLOW_JOBS = 6
LONG_AGO = "2026-01-01T00:00:00.000000Z"


@dataclass
class Site:
    """One site. `qctl("stats")` returns the exit code and all output of a command."""

    release: str
    connection: Redis
    url: str
    python: Path
    qctl: Callable[..., tuple[int, str]]

    def app(self, *arguments: str) -> str:
        """Run a command of the application in its own environment. Returns its output."""
        command = [str(self.python), str(APP / "siteapp.py"), arguments[0], self.url, *arguments[1:]]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def environment(self) -> dict[str, str]:
        """Environment of the application's programs."""
        return {**os.environ, "PYTHONPATH": str(APP)}

    def worker(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `rq worker` of the site's RQ."""
        command = [str(self.python), "-m", "rq.cli", "worker", "--url", self.url, *words]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, env=self.environment, start_new_session=True, **quiet)  # type: ignore[call-overload, no-any-return]

    def work(self, *queues: str) -> None:
        """Run the waiting jobs of these queues with a stock worker, to its orderly end."""
        assert self.worker("--burst", *queues).wait(60) == 0

    def status(self, job_id: str) -> str:
        """Status of a job by its hash."""
        return (self.connection.hget(keys.job(job_id), "status") or b"gone").decode()

    def count_started(self, queue: str) -> int:
        """Count the jobs whose child has begun: RQ registers the run before."""
        runs = self.connection.zrange(keys.started(queue), 0, -1)
        return sum(self.status(job_locations.started_job_id(run).decode()) == "started" for run in runs)

    def kill_worker_under(self, count: int, queue: str) -> None:
        """Start stock workers until as many jobs of a queue run, and kill each with its child, as losing power does."""
        workers = [self.worker("--name", f"w{n}", queue) for n in range(count)]
        try:
            eventually(lambda: self.count_started(queue) == count, 60, "start of the jobs")
        finally:
            for worker in workers:
                children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
                for pid in (worker.pid, *map(int, children)):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                worker.wait(10)

    def end_leases(self, queue: str) -> None:
        """Let RQ's leases on the started jobs run out, which takes 90 s otherwise, and forget the workers."""
        for member in self.connection.zrange(keys.started(queue), 0, -1):
            self.connection.zadd(keys.started(queue), {member: 1})
        for key in self.connection.smembers(keys.WORKERS):
            self.connection.delete(key)


@pytest.fixture(params=RELEASES)
def site(
    request: pytest.FixtureRequest,
    rq_python: Callable[..., Path],
    redis_server: RedisServer,
    make_settings: Callable[..., Settings],
    connection: Redis,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Site]:
    """A site of each release, without jobs."""
    settings = make_settings()
    ops = Ops(settings)

    def qctl(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(words, Session(ops))
        captured = capsys.readouterr()
        return int(code), captured.out + captured.err

    yield Site(request.param, connection, redis_server.url, rq_python(request.param), qctl)
    ops.close()


@pytest.fixture(scope="session")
def _snapshots() -> dict[str, dict[bytes, bytes]]:
    """All keys of the site of each release, because real workers take their time to start."""
    return {}


@pytest.fixture
def killed(site: Site, _snapshots: dict[str, dict[bytes, bytes]], monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site whose workers were killed under six jobs, with ghosts, a dead letter and jobs that wait for others."""
    for module in ("leftovers", "dependents"):
        monkeypatch.setattr(f"qctl.broker.query.{module}.sleep", lambda _seconds: None)
    if site.release not in _snapshots:
        _fill(site)
        _snapshots[site.release] = {key: site.connection.dump(key) for key in site.connection.scan_iter()}
    site.connection.flushall()
    for key, value in _snapshots[site.release].items():
        site.connection.restore(key, 0, value)
    return site


def _fill(site: Site) -> None:
    site.app("fill")
    site.kill_worker_under(SLOW_JOBS, "slow")
    site.work("work")
    site.end_leases("slow")
    site.connection.delete(keys.job("expired"))  # as its time to live does
    site.connection.zadd(keys.deferred("work"), {"evicted": 1})
    site.connection.lmove(keys.queue("parents"), keys.intermediate("parents"), "LEFT", "RIGHT")
    site.connection.hset(keys.job("parent"), mapping={"enqueued_at": LONG_AGO, "created_at": LONG_AGO})
