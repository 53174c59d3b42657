"""A site whose workers were killed, one under each of its jobs; and qctl's command line on it.

The application runs a released RQ. Its workers are those of that RQ, or qctl's beside it.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis

from qctl.broker.query import job_locations
from qctl.broker.redis import keys
from qctl.broker.scheduler import rq_cron
from qctl.cli.main import run
from qctl.cli.session import Session
from qctl.ops import Ops
from qctl.settings import Settings
from support.rq_versions import RELEASES
from support.servers import RedisServer
from support.waiting import eventually

APP = Path(__file__).parent
QCTL_WORKER = str(Path(sys.executable).with_name("qctl-worker"))
SLOW_JOBS = 6
LONG_AGO = "2026-01-01T00:00:00.000000Z"

STOCK = [pytest.param((release, "stock"), id=f"{release}-stock") for release in RELEASES]
OURS = [pytest.param((release, "ours"), id=f"{release}-ours") for release in RELEASES]
"""Sites by their RQ and workers."""

HAVE_CRON = ("2.6.0", "3.0.0")
"""Releases with `rq cron`; only the last one keeps its entries in Redis."""


@dataclass
class Site:
    """One site. `qctl("stats")` returns the exit code and all output of a command."""

    release: str
    workers: str
    connection: Redis
    url: str
    python: Path
    qctl: Callable[..., tuple[int, str]]
    snapshot: dict[bytes, bytes] = field(default_factory=dict)

    def restore(self) -> None:
        """Give Redis the keys that the site had after its workers were killed."""
        self.connection.flushall()
        with self.connection.pipeline() as pipe:
            for key, value in self.snapshot.items():
                pipe.restore(key, 0, value)
            pipe.execute()

    def app(self, *arguments: str) -> str:
        """Run a command of the application in its own environment. Returns its output."""
        command = [str(self.python), str(APP / "siteapp.py"), arguments[0], self.url, *arguments[1:]]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def environment(self) -> dict[str, str]:
        """Environment of the application's programs."""
        return {**os.environ, "PYTHONPATH": f"{APP}:{APP.parent}", "QCTL_ALLOWED_JOBS": "siteapp.*"}

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, without output."""
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**self.environment, "REDIS_URL": self.url}
        return subprocess.Popen(command, env=environment, start_new_session=True, **quiet)  # type: ignore[call-overload, no-any-return]

    def rq(self, *words: str) -> subprocess.Popen[bytes]:
        """Start the command `rq` of the site's RQ."""
        return self.start(str(self.python), "-m", "rq.cli", words[0], "--url", self.url, *words[1:])

    def work(self, *queues: str) -> None:
        """Run the waiting jobs of these queues with one of the site's workers, to its orderly end."""
        ours = self.workers == "ours"
        worker = self.start(QCTL_WORKER, "--burst", *queues) if ours else self.rq("worker", "--burst", *queues)
        assert worker.wait(60) == 0

    def status(self, job_id: str) -> str:
        """Status of a job by its hash."""
        return (self.connection.hget(keys.job(job_id), "status") or b"gone").decode()

    def count_started(self, queue: str) -> int:
        """Count the jobs whose child has begun: RQ registers the run before."""
        runs = self.connection.zrange(keys.started(queue), 0, -1)
        return sum(self.status(job_locations.started_job_id(run).decode()) == "started" for run in runs)

    def kill_worker_under(self, count: int, queue: str) -> None:
        """Start workers until as many jobs of a queue run, and kill each with its child, as losing power does."""
        if self.workers == "ours":
            programs = [self.start(sys.executable, "-m", "sites.killed_workers", self.url, str(count), queue)]
        else:
            programs = [self.rq("worker", "--name", f"w{n}", queue) for n in range(count)]
        try:
            eventually(lambda: self.count_started(queue) == count, 60, "start of the jobs")
        finally:
            for program in programs:
                kill_family(program)

    def run_cron(self) -> None:
        """Run `rq cron` until it has enqueued the job of its entry, and kill it."""
        program = self.rq("cron", "cronjobs")
        try:
            eventually(lambda: self.connection.llen(keys.queue("reports")) == 1, 60, "a job of rq cron")
        finally:
            kill_family(program)
        for name in self.connection.zrange(rq_cron.SCHEDULERS, 0, -1):
            self.connection.zadd(rq_cron.SCHEDULERS, {name: time.time() - 3600})

    def end_leases(self, queue: str) -> None:
        """Let all leases on the started jobs run out, which takes up to 90 s otherwise, and forget the workers."""
        for key in (keys.started(queue), keys.LEASES):
            for member in self.connection.zrange(key, 0, -1):
                self.connection.zadd(key, {member: 1})
        for key in self.connection.smembers(keys.WORKERS):
            self.connection.delete(key)


def kill_family(program: subprocess.Popen[bytes]) -> None:
    """Kill a program and its children; each has been started in a session of its own, or is a child of one."""
    children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
    for pid in (program.pid, *map(int, children)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    program.wait(10)


@pytest.fixture(params=[*STOCK, *OURS])
def site(
    request: pytest.FixtureRequest,
    rq_python: Callable[..., Path],
    redis_server: RedisServer,
    make_settings: Callable[..., Settings],
    connection: Redis,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Site]:
    """A site of each release with each kind of workers, without jobs."""
    release, workers = request.param
    settings = make_settings()
    ops = Ops(settings)

    def qctl(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(words, Session(ops))
        captured = capsys.readouterr()
        return int(code), captured.out + captured.err

    yield Site(release, workers, connection, redis_server.url, rq_python(release), qctl)
    ops.close()


@pytest.fixture(scope="session")
def _snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the keys of each site, which all processes of this run share: real workers take their time to start."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "sites"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def killed(site: Site, _snapshots: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site whose workers were killed under six jobs, with ghosts, a dead letter and jobs that wait for others."""
    for module in ("leftovers", "dependents"):
        monkeypatch.setattr(f"qctl.broker.query.{module}.sleep", lambda _seconds: None)
    file = _snapshots / f"{site.release}-{site.workers}"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            _fill(site)
            file.write_bytes(pickle.dumps({key: site.connection.dump(key) for key in site.connection.scan_iter()}))
    site.snapshot = pickle.loads(file.read_bytes())  # noqa: S301 - written above
    site.restore()
    return site


def _fill(site: Site) -> None:
    site.app("fill", "json" if site.workers == "ours" else "pickle")
    site.kill_worker_under(SLOW_JOBS, "slow")
    site.work("work")
    if site.release in HAVE_CRON:
        site.run_cron()
    site.end_leases("slow")
    site.connection.delete(keys.job("expired"))  # as its time to live does
    site.connection.zadd(keys.deferred("work"), {"evicted": 1})
    site.connection.lmove(keys.queue("parents"), keys.intermediate("parents"), "LEFT", "RIGHT")
    site.connection.hset(keys.job("parent"), mapping={"enqueued_at": LONG_AGO, "created_at": LONG_AGO})
