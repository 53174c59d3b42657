"""How long `qctl stats`, help and completion take beside `rq info`: `python benchmarks/stats.py [RUNS]`.

First on an empty Redis, then with 1,000,000 waiting jobs, 100,000 dead letters and 1,000 queues, of which each ran jobs
in the last minutes. Starts a private redis-server in a temporary folder. All programs take turns in one run, so that a
busy machine is busy for all of them; told is the median, and the fastest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from redis import Redis
from rq.job import Job
from rq.queue import Queue
from rq.registry import FailedJobRegistry

from qctl.broker import counters, keys
from qctl.histogram import bucket

QUEUES, WAITING, DEAD = 1000, 1_000_000, 100_000
BIN = Path(sys.executable).parent

COMPLETION = {"_QCTL_COMPLETE": "complete_bash", "COMP_WORDS": "qctl st", "COMP_CWORD": "1"}

PROGRAMS: dict[str, tuple[list[str], Mapping[str, str]]] = {
    "rq info": ([str(BIN / "rq"), "info"], {}),
    "qctl stats": ([str(BIN / "qctl"), "stats"], {}),
    "qctl stats --json": ([str(BIN / "qctl"), "stats", "--json"], {}),
    "qctl --help": ([str(BIN / "qctl"), "--help"], {}),
    "completion": ([str(BIN / "qctl")], COMPLETION),
    "python -c pass": ([sys.executable, "-c", "pass"], {}),
}


def fill(connection: Redis) -> None:
    """Queues with what waits, what died and what ran, written by hand: RQ would take hours."""
    names = [f"queue-{n}" for n in range(QUEUES)]
    minute = int(time.time()) // 60
    for number, name in enumerate(names):
        waiting = [f"w-{number}-{n}" for n in range(WAITING // QUEUES)]
        dead = [f"d-{number}-{n}" for n in range(DEAD // QUEUES)]
        with connection.pipeline(transaction=False) as pipe:
            for id_ in (*waiting, *dead):
                fields = {
                    "status": "queued",
                    "origin": name,
                    "data": b"x" * 120,
                    "description": "app.tasks.send('a@b.c')",
                }
                pipe.hset(Job.key_for(id_), mapping={**fields, "enqueued_at": "2026-01-01T00:00:00.000000Z"})
            pipe.rpush(Queue(name, connection=connection).key, *waiting)
            pipe.zadd(FailedJobRegistry(name, connection=connection).key, dict.fromkeys(dead, -1))
            pipe.sadd(Queue.redis_queues_keys, Queue(name, connection=connection).key)
            for ago in range(counters.RECENT + 5):
                hour, of_hour = divmod(minute + 5 - ago, 60)
                counts = {f"{of_hour}.{what}": 20 for what in ("taken", "finished", "depth")}
                pipe.hset(keys.counts(name, hour), mapping=counts)
                times = {
                    f"{kind}{bucket(0.01 * n)}{' send' if kind == 'r' else ''}": 2
                    for kind in "wr"
                    for n in range(1, 11)
                }
                pipe.hset(keys.times(name, minute + 5 - ago), mapping=times)
            pipe.execute()


def measure(url: str, runs: int) -> dict[str, list[float]]:
    """Seconds that each program took, the programs taking turns."""
    took: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(runs):
        for name, (command, more) in PROGRAMS.items():
            env = {**os.environ, "REDIS_URL": url, "RQ_REDIS_URL": url, **more}
            start = time.perf_counter()
            ran = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
            took[name].append(time.perf_counter() - start)
            assert ran.returncode == 0 or name == "completion", ran.stderr.decode()
    return took


def show(title: str, took: dict[str, list[float]]) -> None:
    print(title)
    base = median(took["rq info"])
    for name, seconds in took.items():
        ratio = f"{median(seconds) / base:5.2f} of rq info"
        print(f"  {name:18} median {median(seconds) * 1000:7.0f} ms, best {min(seconds) * 1000:6.0f} ms, {ratio}")


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/redis.sock"
        options = ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder, "--loglevel", "warning"]
        server = subprocess.Popen(["redis-server", *options])
        try:
            connection = Redis(unix_socket_path=socket)
            while not Path(socket).exists():
                time.sleep(0.05)
            empty = measure(f"unix://{socket}", runs)
            show("an empty Redis", empty)
            fill(connection)
            full = measure(f"unix://{socket}", runs)
            show(f"{WAITING:,} waiting, {DEAD:,} dead, {QUEUES:,} queues", full)
            more = median(full["qctl stats"]) - median(empty["qctl stats"])
            print(f"qctl stats takes {more * 1000:.0f} ms more than with none")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
