"""How many jobs a second one worker drains, beside RQ's own and those of its peers.

    .venv/bin/python benchmarks/workers.py [--runs 3] [--count 5000] [--json FILE] [WORKER ...]

All take turns in one run, so that a busy machine is busy for all of them. Each is a whole process, started by its own
command, with the logs and the concurrency that it has by default, in one process; each runs the same function, which
does nothing but add a byte to a file. Told is the rate from the moment when a twentieth is done until all are. Redis
is a private one with AOF every second. Workers that fork for each job are given a tenth of the jobs. The peers are
installed from the package index on the first run, each into an environment of its own under `.peers`, never as
dependencies of qctl.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from redis import Redis

HERE = Path(__file__).parent / "peers"
ENVIRONMENTS = Path(__file__).parent / ".peers"
OURS = Path(sys.executable).parent

PATIENCE = 300.0
"""Seconds that one run of one worker may take."""


@dataclass(frozen=True)
class Peer:
    """A worker to measure: the module that fills its queue, its command, and what to install for it, if anything."""

    name: str
    module: str
    command: tuple[str, ...]
    package: str = ""
    share: float = 1.0

    @property
    def bin(self) -> Path:
        """Where its programs are."""
        return ENVIRONMENTS / self.module / "bin" if self.package else OURS

    def install(self) -> None:
        """Install it, once."""
        if self.package and not (self.bin / self.command[0]).exists():
            venv.create(ENVIRONMENTS / self.module, with_pip=True, clear=True)
            subprocess.run([self.bin / "pip", "install", "--quiet", *self.package.split()], check=True)


RQ = ("worker", "--serializer", "json", "--url", "$REDIS", "bench")
PEERS = (
    Peer("qctl inline", "rq_peer", ("qctl-worker", "bench", "--isolation", "inline")),
    Peer("rq SimpleWorker", "rq_peer", ("rq", RQ[0], "--worker-class", "rq.worker.SimpleWorker", *RQ[1:]), share=0.2),
    Peer("qctl fork", "rq_peer", ("qctl-worker", "bench", "--isolation", "fork")),
    Peer("rq Worker", "rq_peer", ("rq", *RQ), share=0.04),
    Peer("huey", "huey_peer", ("huey_consumer", "huey_peer.huey"), "huey redis"),
    Peer("dramatiq", "dramatiq_peer", ("dramatiq", "dramatiq_peer", "--processes", "1"), "dramatiq[redis]"),
    Peer("celery", "celery_peer", ("celery", "-A", "celery_peer", "worker", "--pool", "solo"), "celery[redis]"),
    Peer("arq", "arq_peer", ("arq", "arq_peer.WorkerSettings"), "arq"),
    Peer("saq", "saq_peer", ("saq", "saq_peer.settings"), "saq[redis] typing_extensions"),
)


@contextmanager
def private_redis(folder: Path) -> Iterator[str]:
    """The URL of a Redis of this run alone."""
    socket = folder / "redis.sock"
    port = 21_000 + os.getpid() % 9_000
    options = {"port": str(port), "bind": "127.0.0.1", "unixsocket": str(socket), "save": "", "appendonly": "yes"}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    server = subprocess.Popen(["redis-server", *words, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


def drain(peer: Peer, url: str, folder: Path, count: int) -> float:
    """Jobs a second that a worker drains. Raises RuntimeError where it does not."""
    done = folder / "done"
    done.write_bytes(b"")
    with Redis.from_url(url) as client:
        client.flushall()
    env = {
        **os.environ,
        "BENCH_REDIS": url,
        "BENCH_DONE": str(done),
        "REDIS_URL": url,
        "QCTL_HOME": str(folder),
        "QCTL_ALLOWED_JOBS": "noop.*",
        "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]),
    }
    subprocess.run([peer.bin / "python", HERE / f"{peer.module}.py", "fill", str(count)], env=env, check=True)
    command = [str(peer.bin / peer.command[0]), *(url if word == "$REDIS" else word for word in peer.command[1:])]
    with (folder / "log").open("wb") as log:
        worker = subprocess.Popen(command, env=env, cwd=HERE, stdout=log, stderr=log)
        try:
            began, first = wait_for(done, count // 20, worker)
            ended, last = wait_for(done, count, worker)
        except RuntimeError as error:
            raise RuntimeError(f"{peer.name}: {error}\n{(folder / 'log').read_text()[-2000:]}") from None
        finally:
            worker.terminate()
            try:
                worker.wait(10)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
    return (last - first) / (ended - began)


def wait_for(done: Path, count: int, worker: subprocess.Popen[bytes]) -> tuple[float, int]:
    """The time when so many were done, and how many it were then."""
    until = time.perf_counter() + PATIENCE
    while (size := done.stat().st_size) < count:
        if worker.poll() is not None or time.perf_counter() > until:
            raise RuntimeError(f"{size} of {count} done")
        time.sleep(0.002)
    return time.perf_counter(), size


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workers", nargs="*", choices=[[], *(peer.name for peer in PEERS)], metavar="WORKER")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    chosen = [peer for peer in PEERS if not options.workers or peer.name in options.workers]
    for peer in chosen:
        peer.install()
    rates: dict[str, list[float]] = {peer.name: [] for peer in chosen}
    with tempfile.TemporaryDirectory() as name, private_redis(Path(name)) as url:
        for _ in range(options.runs):
            for peer in chosen:
                rates[peer.name].append(drain(peer, url, Path(name), max(100, int(options.count * peer.share))))
    base = median(rates["rq SimpleWorker"]) if "rq SimpleWorker" in rates else None
    print(f"{'worker':16} {'jobs/s':>8} {'least':>8} {'most':>8}  of SimpleWorker   (load {os.getloadavg()[0]:.1f})")
    for name, found in rates.items():
        beside = f"{median(found) / base:6.1f}" if base else ""
        print(f"{name:16} {median(found):8.0f} {min(found):8.0f} {max(found):8.0f}  {beside}")
    if options.json:
        options.json.write_text(json.dumps({"schema": "qctl.bench.workers/1", "count": options.count, "rates": rates}))


if __name__ == "__main__":
    main()
