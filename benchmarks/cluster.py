"""Processor time of Redis for each job, in one Redis and in a cluster: `python benchmarks/cluster.py [--jobs 20000]`.

A single redis-server, and a Redis Cluster of three shards with a replica each, all on this machine, with their logs
synced once a second. A site of each shard gets jobs that do nothing, 100 in a call, and one inline worker runs them.
The sites run one after the other, so that what a machine with few cores can do at once does not matter: a shard's
limit is a second divided by the time that its primary takes for a job, and that of three shards is their sum if each
has a core, and the load is even.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import servers  # noqa: F401 - puts the tests' servers on the path

from support.redis_cluster import SHARDS, RedisCluster
from support.servers import RedisServer

BIN = Path(sys.executable).parent

TESTS = Path(__file__).parents[1] / "tests"


def server_seconds(server: RedisServer) -> float:
    """Processor time that a server has used."""
    with closing(server.connect()) as client:
        info = client.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


def run(command: list[str], env: Mapping[str, str]) -> float:
    """Run a program to its end, and return its processor time."""
    before = os.times()
    subprocess.run(command, env={**os.environ, **env}, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def measure(name: str, url: str, tag: str, primary: RedisServer, replica: RedisServer | None, count: int) -> float:
    """Run the jobs of one site, print what they cost, and return the primary's microseconds for each."""
    with tempfile.TemporaryDirectory(prefix="qctl-benchmark-") as home:
        env = {"REDIS_URL": url, "QUEUE_PREFIX": f"{{{tag}}}", "QCTL_HOME": home, "PYTHONPATH": str(TESTS)}
        env["QCTL_ALLOWED_JOBS"] = "support.jobs.*"
        before = server_seconds(primary), server_seconds(replica) if replica else 0.0
        producer = run([sys.executable, "-m", "support.site_in_cluster", "fill", str(count)], env)
        filled = server_seconds(primary)
        worker = run([str(BIN / "qctl-worker"), "work", "--burst", "--isolation", "inline"], env)
        after = server_seconds(primary), server_seconds(replica) if replica else 0.0
    each = [seconds / count * 1e6 for seconds in (filled - before[0], after[0] - filled, after[1] - before[1])]
    print(
        f"{name:12} create {each[0]:5.1f} us  run {each[1]:5.1f} us  replica {each[2]:5.1f} us  "
        f"producer {producer / count * 1e6:6.1f} us  worker {worker / count * 1e6:6.1f} us",
        flush=True,
    )
    return each[0] + each[1]


def tags(cluster: RedisCluster) -> list[str]:
    """A tag for each shard."""
    found: dict[int, str] = {}
    for number in range(100):
        found.setdefault(cluster.owner(f"site-{number}").port, f"site-{number}")
        if len(found) == SHARDS:
            break
    return list(found.values())


def main() -> None:
    """Measure one Redis, then each shard."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=20_000, help="jobs of each site")
    count = parser.parse_args().jobs
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="qctl-benchmark-")))
        (folder / "one").mkdir()
        single = running.enter_context(RedisServer(folder / "one", "--appendfsync", "everysec"))
        one = measure("one Redis", single.tcp_url, "orders", single, None, count)
        cluster = running.enter_context(RedisCluster(folder / "nodes"))
        shards = []
        for tag in tags(cluster):
            primary = cluster.owner(tag)
            shards.append(measure(f"shard of {tag}", cluster.url, tag, primary, cluster.replica_of(primary), count))
    print(f"one Redis: {1e6 / one:,.0f} jobs a second; {SHARDS} shards: {sum(1e6 / each for each in shards):,.0f}")


if __name__ == "__main__":
    main()
