"""Rate at which one worker drains jobs, beside RQ's own and its peers.

    .venv/bin/python benchmarks/workers.py [--runs 3] [--count 5000] [--json FILE] [--svg FILE] [WORKER ...]

All take turns in one run, so that a busy machine is busy for all of them. Each is a whole process, started by its own
command, with the logs and the concurrency that it has by default, in one process; each runs the same function, which
does nothing but add a byte to a file, and in two arms of qctl's also sleeps for a millisecond. Arms with four workers
on one queue show how they add up. It prints the rate between the twentieth part and the last of the jobs, and the time
of a processor that the worker, its children and Redis took meanwhile, which other work beside them changes less.
Redis is a private one with a synced log. Workers that fork for each job are given a tenth of the jobs. The peers
are installed on the first run: those from Python's package index each into an environment of its own under `.peers`,
those from npm, where node is present, under `node`; never as dependencies of qctl.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from peers import npm
from redis import Redis
from servers import private_redis

from qctl.reports.report import Chart
from qctl.reports.svg import render_svg

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
    verb: str = "fill"
    workers: int = 1
    """Processes on one queue."""

    @property
    def bin(self) -> Path:
        """Folder of its programs."""
        return ENVIRONMENTS / self.module / "bin" if self.package else OURS

    def install(self) -> None:
        """Install it, once."""
        if self.package and not (self.bin / self.command[0]).exists():
            venv.create(ENVIRONMENTS / self.module, with_pip=True, clear=True)
            subprocess.run([self.bin / "pip", "install", "--quiet", *self.package.split()], check=True)


RQ = ("worker", "--serializer", "json", "--url", "$REDIS", "bench")
INLINE = ("qctl-worker", "bench", "--isolation", "inline")
PEERS = (
    Peer("qctl inline", "rq_peer", INLINE),
    Peer("qctl inline, four", "rq_peer", INLINE, share=2.0, workers=4),
    Peer("qctl 1 ms", "rq_peer", INLINE, share=0.4, verb="nap"),
    Peer("qctl 1 ms, four", "rq_peer", INLINE, verb="nap", workers=4),
    Peer("rq SimpleWorker", "rq_peer", ("rq", RQ[0], "--worker-class", "rq.worker.SimpleWorker", *RQ[1:]), share=0.2),
    Peer("qctl fork", "rq_peer", ("qctl-worker", "bench", "--isolation", "fork")),
    Peer("rq Worker", "rq_peer", ("rq", *RQ), share=0.04),
    Peer("huey", "huey_peer", ("huey_consumer", "huey_peer.huey"), "huey redis"),
    Peer("dramatiq", "dramatiq_peer", ("dramatiq", "dramatiq_peer", "--processes", "1"), "dramatiq[redis]"),
    Peer("celery", "celery_peer", ("celery", "-A", "celery_peer", "worker", "--pool", "solo"), "celery[redis]"),
    Peer("arq", "arq_peer", ("arq", "arq_peer.WorkerSettings"), "arq"),
    Peer("saq", "saq_peer", ("saq", "saq_peer.settings"), "saq[redis] typing_extensions"),
    *npm.peers(Peer),
)


@dataclass(frozen=True)
class Run:
    """One run of one worker: jobs a second, and what one job took of a processor in it and in Redis (us)."""

    rate: float
    worker: float
    redis: float

    @property
    def cost(self) -> float:
        """Processor time (us) of one job."""
        return self.worker + self.redis


def processor(pid: int) -> float:
    """Seconds of a processor that a process and those it started have taken."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended
        return 0.0
    own = sum(int(ticks) for ticks in stat[11:15]) / os.sysconf("SC_CLK_TCK")
    return own + sum(processor(int(child)) for child in children)


def taken(workers: Sequence[subprocess.Popen[bytes]], url: str) -> tuple[float, float]:
    """Seconds of a processor that the workers and Redis have taken."""
    with Redis.from_url(url) as client:
        cpu = client.info("cpu")
    return sum(processor(worker.pid) for worker in workers), cpu["used_cpu_sys"] + cpu["used_cpu_user"]


def drain(peer: Peer, url: str, folder: Path, count: int) -> Run:
    """Have a worker drain so many jobs. Raises RuntimeError where it does not."""
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
    subprocess.run([peer.bin / "python", HERE / f"{peer.module}.py", peer.verb, str(count)], env=env, check=True)
    command = [str(peer.bin / peer.command[0]), *(url if word == "$REDIS" else word for word in peer.command[1:])]
    with (folder / "log").open("wb") as log:
        workers = [subprocess.Popen(command, env=env, cwd=HERE, stdout=log, stderr=log) for _ in range(peer.workers)]
        try:
            began, first = wait_for(done, count // 20 * peer.workers, workers)
            before = taken(workers, url)
            ended, last = wait_for(done, count, workers)
            after = taken(workers, url)
        except RuntimeError as error:
            raise RuntimeError(f"{peer.name}: {error}\n{(folder / 'log').read_text()[-2000:]}") from None
        finally:
            stop(workers)
    each = [1e6 * (late - early) / (last - first) for early, late in zip(before, after, strict=True)]
    return Run((last - first) / (ended - began), *each)


def stop(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    """End the workers."""
    for worker in workers:
        worker.terminate()
    for worker in workers:
        try:
            worker.wait(10)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def wait_for(done: Path, count: int, workers: Sequence[subprocess.Popen[bytes]]) -> tuple[float, int]:
    """The time when so many were done, and how many it were then."""
    until = time.perf_counter() + PATIENCE
    while (size := done.stat().st_size) < count:
        if any(worker.poll() is not None for worker in workers) or time.perf_counter() > until:
            raise RuntimeError(f"{size} of {count} done")
        time.sleep(0.002)
    return time.perf_counter(), size


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workers", nargs="*", choices=[[], *(peer.name for peer in PEERS)], metavar="WORKER")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--appendfsync", choices=("always", "everysec", "no"), default="always")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path, help="draw the median rates there")
    options = parser.parse_args()
    chosen = [peer for peer in PEERS if not options.workers or peer.name in options.workers]
    for peer in chosen:
        peer.install()
    runs: dict[str, list[Run]] = {peer.name: [] for peer in chosen}
    with private_redis("--appendfsync", options.appendfsync) as server:
        for _ in range(options.runs):
            for peer in chosen:
                count = max(100, int(options.count * peer.share))
                runs[peer.name].append(drain(peer, server.tcp_url, server.folder, count))
    show(runs)
    if options.svg:
        alike = [peer.name for peer in chosen if (peer.verb, peer.workers) == ("fill", 1)]
        options.svg.write_text(draw({name: median(run.rate for run in runs[name]) for name in alike}))
    if options.json:
        found = {name: [asdict(run) for run in those] for name, those in runs.items()}
        options.json.write_text(json.dumps({"schema": "qctl.bench.workers/2", "count": options.count, "runs": found}))


def draw(rates: dict[str, float]) -> str:
    """A picture of jobs a second, the fastest worker first, as an SVG file that suits light and dark pages."""
    ranked = dict(sorted(((name, round(rate)) for name, rate in rates.items()), key=lambda each: -each[1]))
    picture = render_svg(Chart("Jobs a second that do nothing, one worker", ranked))
    style = 'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="13" fill="#6e7fa8"'
    return picture.replace("<svg", f"<svg {style}", 1) + "\n"


def show(runs: dict[str, list[Run]]) -> None:
    """Print the medians, and beside what SimpleWorker costs."""
    base = median(run.cost for run in runs["rq SimpleWorker"]) if "rq SimpleWorker" in runs else None
    print(
        f"{'worker':16} {'jobs/s':>7} {'least':>7} {'most':>7} {'worker us':>10} {'Redis us':>9} {'in all':>7}"
        f"  cheaper than SimpleWorker   (load {os.getloadavg()[0]:.1f})"
    )
    for name, those in runs.items():
        rates, cost = [run.rate for run in those], median(run.cost for run in those)
        print(
            f"{name:16} {median(rates):7.0f} {min(rates):7.0f} {max(rates):7.0f}"
            f" {median(run.worker for run in those):10.0f} {median(run.redis for run in those):9.0f} {cost:7.0f}"
            + (f"  {base / cost:5.1f}" if base else "")
        )
    for name in runs.keys() & {f"{each}, four" for each in runs}:
        ratios = [four.rate / one.rate for four, one in zip(runs[name], runs[name.removesuffix(", four")], strict=True)]
        print(f"{name}: {median(ratios):.2f} times the jobs of one")


if __name__ == "__main__":
    main()
