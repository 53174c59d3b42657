"""Memory of idle daemons, and what one job costs Redis, beside RQ's workers: `python benchmarks/footprint.py [JOBS]`.

The figures hardly depend on what else the machine does, so one run is enough. For a job of nothing, from its creation
to its end: commands that Redis ran for it (those of scripts too), bytes that came and went over the network, bytes of
the append-only file, and memory of one that waits and of one that has ended. Jobs are created one at a time by RQ's
`enqueue` in all cases, with RQ's JSON serializer. A daemon's memory is its PSS: pages that processes share count in
parts.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer
from servers import COMPACT, private_redis

from support.process import free_port
from support.servers import Mosquitto

JOBS = 500
IDLE_SECONDS = 3.0
"""Time after the start of a daemon before its memory is read."""
PATIENCE_SECONDS = 600.0
BIN = Path(sys.executable).parent
PEERS = Path(__file__).parent / "peers"
RQ = ("rq", "worker", "--serializer", "json", "--url")

WORKERS: dict[str, Callable[[str], list[str]]] = {
    "qctl-worker --isolation inline": lambda _: ["qctl-worker", "bench", "--isolation", "inline"],
    "qctl-worker --isolation fork": lambda _: ["qctl-worker", "bench", "--isolation", "fork"],
    "RQ's SimpleWorker": lambda url: [*RQ, url, "--worker-class", "rq.worker.SimpleWorker", "bench"],
    "RQ's Worker": lambda url: [*RQ, url, "bench"],
}
DAEMONS = ("qctl-worker email", "qctl-scheduler", "qctl-mqtt-bridge", "qctl-socket-batcher", "qctl-gateway")


@dataclass(frozen=True)
class Counters:
    """Counts of Redis so far; `memory` is of now."""

    commands: int
    received: int
    sent: int
    logged: int
    memory: int

    @classmethod
    def read(cls, client: Redis) -> Counters:
        """The counters of a server."""
        stats, log = client.info("stats"), client.info("persistence")
        commands = sum(each["calls"] for each in client.info("commandstats").values())
        bytes_in, bytes_out = stats["total_net_input_bytes"], stats["total_net_output_bytes"]
        return cls(commands, bytes_in, bytes_out, log["aof_current_size"], client.info("memory")["used_memory"])


def environment(url: str, folder: Path) -> dict[str, str]:
    """Settings of the programs, which need no other server."""
    return {
        **os.environ,
        "BENCH_DONE": str(folder / "done"),
        "REDIS_URL": url,
        "QCTL_HOME": str(folder),
        "QCTL_ALLOWED_JOBS": "noop.*",
        "PYTHONPATH": str(PEERS),
    }


def print_jobs(jobs: int, title: str, options: Sequence[str] = ()) -> None:
    """Print what a job costs a Redis that has these options, with each worker."""
    print(f"{title:32} {jobs} jobs: {'commands':>9} {'B in':>7} {'B out':>7} {'B log':>7} {'waiting':>8} {'ended':>7}")
    for name, command in WORKERS.items():
        with private_redis("--auto-aof-rewrite-percentage", "0", *options) as server, server.connect() as client:
            queue = Queue("bench", connection=client, serializer=JSONSerializer)
            queue.enqueue("noop.noop")  # what is written once, such as the name of the queue, is no cost of a job
            before = Counters.read(client)
            for _ in range(jobs):
                queue.enqueue("noop.noop")
            waiting = Counters.read(client)
            drain(command(server.tcp_url), environment(server.tcp_url, server.folder), server.folder, jobs + 1)
            after = Counters.read(client)
            assert queue.count == 0
        print(
            f"{name:32}"
            f" {(after.commands - before.commands) / jobs:9.1f} {(after.received - before.received) / jobs:7.0f}"
            f" {(after.sent - before.sent) / jobs:7.0f} {(after.logged - before.logged) / jobs:7.0f}"
            f" {(waiting.memory - before.memory) / jobs:8.0f} {(after.memory - before.memory) / jobs:7.0f}"
        )


def drain(command: list[str], env: dict[str, str], folder: Path, jobs: int) -> None:
    """Let a worker run the jobs. Redis is not asked meanwhile: that would count."""
    (folder / "done").touch()
    with running(command, env, folder):
        until = time.monotonic() + PATIENCE_SECONDS
        while (folder / "done").stat().st_size < jobs:
            if time.monotonic() > until:
                raise RuntimeError(f"{command[0]} did not run {jobs} jobs")
            time.sleep(0.1)
        time.sleep(IDLE_SECONDS)


@contextmanager
def running(command: list[str], env: dict[str, str], folder: Path) -> Iterator[int]:
    """A program. Yields its process id."""
    process = subprocess.Popen(
        [BIN / command[0], *command[1:]], env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def wait_until_idle(pid: int) -> None:
    """Wait until a process has started, and takes no time of a processor."""
    until, last = time.monotonic() + PATIENCE_SECONDS, 0
    while (tenths := _tenths(pid)) != last or not tenths:
        if time.monotonic() > until:
            raise RuntimeError("it does not idle")
        last = tenths
        time.sleep(IDLE_SECONDS)


def _tenths(pid: int) -> int:
    """Tenths of a second of a processor that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 10 // os.sysconf("SC_CLK_TCK")


def pss_mb(pid: int) -> float:
    """Proportional memory of a process in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    assert found
    return int(found[1]) / 1000


def print_daemons() -> None:
    """Print the memory of idle daemons, and of RQ's worker."""
    print(f"\n{'daemon':32} MB")
    commands = [each.split() for each in DAEMONS]
    with private_redis() as server, TemporaryDirectory() as name, Mosquitto(Path(name)) as broker:
        commands.append(["rq", "worker", "--url", server.tcp_url, "bench"])
        folder = Path(name)
        env = environment(server.tcp_url, folder) | {
            "MQTT_BROKER": broker.url,
            "QCTL_SOCKET_PORT": str(free_port()),
            "QCTL_GATEWAY_PORT": str(free_port()),
        }
        for command in commands:
            with running(command, env, folder) as pid:
                wait_until_idle(pid)
                print(f"{' '.join(command[:2]):32} {pss_mb(pid):4.0f}")


if __name__ == "__main__":
    chosen = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    print_jobs(chosen, "Redis as by default")
    print_jobs(chosen, "as `qctl up` starts it", COMPACT)
    print_daemons()
