"""Rate of jobs and readings of one gateway, and latency of its live events.

    .venv/bin/python benchmarks/gateway.py [--quick] [--count 5000] [--connections 32] [--runs 3] [ARM ...]
    .venv/bin/python benchmarks/gateway.py --live [--quick] [--sockets 1000] [--seconds 20] [--rate 50]

Arms, which take turns: `bare` is a route of FastAPI on uvicorn that checks a body and answers; `create` is POST
/job/create, each by another user; `one` is a reading a request, `many` and `lines` are 100 of them, as JSON and as line
protocol. One process each, on a Redis that always syncs its log. `--live` is Socket.IO's side: so many pages, a
user each, and the time from sending a creation until the user's page has heard of it. A page hears of a job only after
Redis has synced its log, so the longest sync is reported too.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, cast

from http_clients import ask_all, post
from live_pages import Pages
from redis import Redis
from stages import Result, Spent, parser, take_turns

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from qctl.gateway.tokens import Tokens
from qctl.ops import Ops
from qctl.settings import Settings
from support.gateway import SECRET, Gateway
from support.process import Program, accepts, free_port
from support.servers import RedisServer

BARE = """
import sys, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
class NewJob(BaseModel):
    name: str
    data: dict | None = None
app = FastAPI()
@app.post("/job/create", status_code=201)
async def create(job: NewJob):
    return {"success": True, "job": {"_id": "1", "name": job.name, "status": "pending"}}
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""

JOB = '{"name": "notify", "data": {"receiverId": "ada", "text": "Hello from a benchmark"}}'

GROUP = 100
"""Readings of one request, where there are many."""

QUICK = {"count": 500, "runs": 1, "sockets": 100, "seconds": 3}


class Bare(Program):
    """A server that does nothing but HTTP."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        super().__init__("server", [sys.executable, "-c", BARE, str(self.port)], folder)

    def ready(self) -> bool:
        """True if it accepts connections."""
        return accepts(self.port)


@contextmanager
def gateway() -> Iterator[tuple[Gateway, dict[str, int], str]]:
    """A gateway and its Redis, new for each run, their pids, and Redis's URL."""
    folder = Path(tempfile.mkdtemp(prefix="qctl-benchmark-", dir=Path.cwd()))
    try:
        with RedisServer(folder) as redis, Gateway(folder, redis.url, QCTL_MAX_WAITING_BATCHES="1000000") as server:
            yield server, {"gateway": server.pid, "redis": redis.pid}, redis.url
    finally:
        shutil.rmtree(folder)


LogIn = Callable[[str], str]
"""Issues a token for a user, as a login does."""


@contextmanager
def logins(redis_url: str) -> Iterator[LogIn]:
    """Logins at the gateways of a Redis."""
    tokens = Tokens(SECRET, 3600)
    with closing(Ops(Settings.load({"REDIS_URL": redis_url}))) as ops:
        yield lambda user: tokens.issue(user, "user", version=ops.sessions.start(user))


def _jobs(count: int, log_in: LogIn) -> Iterator[bytes]:
    return iter([post("/job/create", JOB, token=log_in(f"user-{n}")) for n in range(count)])


def _reading(n: int) -> dict[str, object]:
    return {"device": f"d{n % 100}", "temperature": 21.5, "humidity": 40, "timestamp": 1_700_000_000_000 + n}


def _one(count: int, log_in: LogIn) -> Iterator[bytes]:
    token = log_in("ada")
    return (post("/api/readings", json.dumps(_reading(n)), token=token) for n in range(count))


def _many(count: int, log_in: LogIn) -> Iterator[bytes]:
    token = log_in("ada")
    groups = ([_reading(n) for n in range(at, at + GROUP)] for at in range(0, count, GROUP))
    return iter([post("/api/readings", json.dumps(group), token=token) for group in groups])


def _lines(count: int, log_in: LogIn) -> Iterator[bytes]:
    token = log_in("ada")

    def line(n: int) -> str:
        return f"climate,device=d{n % 100} temperature=21.5,humidity=40 {1_700_000_000_000 + n}"

    groups = ("\n".join(line(n) for n in range(at, at + GROUP)) for at in range(0, count, GROUP))
    path = "/api/readings?precision=ms"
    return iter([post(path, group, "text/plain", token) for group in groups])


ARMS: dict[str, tuple[Callable[[int, LogIn], Iterator[bytes]], int, int]] = {
    "bare": (lambda count, _: iter([post("/job/create", JOB)] * count), 201, 1),
    "create": (_jobs, 201, 1),
    "one": (_one, 202, 1),
    "many": (_many, 202, 10),
    "lines": (_lines, 202, 10),
}
"""Requests with the expected status and the factor of items: a group takes no longer than a request."""


def run(name: str, count: int, connections: int) -> Result:
    """Ask until there are no more requests."""
    make, status, times = ARMS[name]
    count *= times

    def measure(port: int, pids: dict[str, int], log_in: LogIn = str) -> Result:
        asyncio.run(ask_all(port, make(10 * connections, log_in), status, connections))  # what is slow only once
        requests = make(count, log_in)
        spent, began = Spent(pids, "clients"), time.monotonic()
        asyncio.run(ask_all(port, requests, status, connections))
        return Result(count / (time.monotonic() - began), spent.each(count))

    if name == "bare":
        with tempfile.TemporaryDirectory() as folder, Bare(Path(folder)) as bare:
            return measure(bare.port, {"server": bare.pid})
    with gateway() as (server, pids, redis_url), logins(redis_url) as log_in:
        return measure(server.port, pids, log_in)


def longest_sync(redis: Redis) -> int:
    """The time (ms) of the longest sync of its log since Redis's latency monitor was reset."""
    events = cast("Any", redis).execute_command("LATENCY", "LATEST")
    return max((int(event[3]) for event in events if event[0] == b"aof-fsync-always"), default=0)


def live(options: argparse.Namespace) -> None:
    """Measure how soon pages receive the event of a created job."""
    found: list[tuple[float, ...]] = []
    for _ in range(options.runs):
        with gateway() as (server, pids, redis_url):
            with logins(redis_url) as log_in:
                pages = Pages(server.port, [log_in(f"user-{n}") for n in range(options.sockets)])
            with closing(Redis.from_url(redis_url)) as redis:
                redis.config_set("latency-monitor-threshold", 1)
                cast("Any", redis).execute_command("LATENCY", "RESET")
                spent = Spent(pids, "pages")
                took = sorted(pages.watch(options.seconds, options.rate))
                costs = spent.each(len(took))
                sync = longest_sync(redis)
            pages.close()
        found.append(tuple(took[int((len(took) - 1) * share)] * 1000 for share in (0.5, 0.99, 1.0)))
        each = ", ".join(f"{name} {cost:.0f}" for name, cost in costs.items())
        print("p50 {:.1f} ms, p99 {:.1f} ms, longest {:.1f} ms".format(*found[-1]), end="; ")
        print(f"longest sync of Redis's log {sync} ms; us of a processor a job: {each}")
    p50, p99, longest = (median(column) for column in zip(*found, strict=True))
    print(f"medians of {options.runs}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {longest:.1f} ms", end="; ")
    print(f"{options.sockets} sockets, {options.rate} jobs/s; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if options.json:
        report = {"sockets": options.sockets, "rate": options.rate, "runs": [list(each) for each in found]}
        options.json.write_text(json.dumps({"schema": "qctl.bench.live/1", **report}))


def _options() -> argparse.Namespace:
    made = parser(__doc__, list(ARMS), 5000)
    made.add_argument("--connections", type=int, default=32)
    made.add_argument("--live", action="store_true")
    made.add_argument("--sockets", type=int, default=1000)
    made.add_argument("--seconds", type=int, default=20)
    made.add_argument("--rate", type=int, default=50)
    made.add_argument("--quick", action="store_true", help="see that it works; what it tells is worth little")
    options = made.parse_args()
    if options.quick:
        vars(options).update(QUICK)
    return options


def main() -> None:
    gc.disable()  # what it costs here is not the server's
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    options = _options()
    if options.live:
        live(options)
    else:
        take_turns(options, list(ARMS), lambda name, count: run(name, count, options.connections), "items")


if __name__ == "__main__":
    main()
