"""Rate of messages that the socket batcher acknowledges and brings to the sink, and the cost of each stage.

    .venv/bin/python benchmarks/socket_batcher.py [--count 100000] [--connections 100] [--runs 3] [ARM ...]
    .venv/bin/python benchmarks/socket_batcher.py --crowd [--connections 5000] [--seconds 20]

Arms, which take turns: `acks` is the batcher until it has acknowledged all, beside `bare`, a python-socketio server
that only answers; `sqlite` and `mariadb` are batcher, worker and that sink, until the last row is there. Whole
processes: Redis with a synced log, and this one, which is all the clients. It prints messages a second, and the
microseconds of a processor that each process took for one message, which other programs disturb less. `--crowd` is one
message a second from each of very many connections: how soon the answers come, and memory.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from crowd import Crowd
from socket_clients import flood
from stages import Result, Spent, parser, take_turns, wait_for_items

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.databases import MariaDb
from support.process import Program, accepts, free_port
from support.servers import RedisServer

BIN = Path(sys.executable).parent
BARE = """
import sys, socketio, uvicorn
server = socketio.AsyncServer(async_mode="asgi")
@server.on("data")
async def data(sid, message):
    return {"ok": True, "msg_id": message["msg_id"]}
uvicorn.run(socketio.ASGIApp(server), port=int(sys.argv[1]), log_level="error", ws_per_message_deflate=False)
"""


class Server(Program):
    """One that is ready when it takes connections."""

    def __init__(self, name: str, place: Place, *command: str, **env: str) -> None:
        super().__init__(name, command, place.folder, env=env)
        self._port = place.port

    def ready(self) -> bool:
        """True if it accepts connections."""
        return accepts(self._port)


class Place:
    """The servers of one run, its folder and the port of what is measured."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.port, self._stack = folder, free_port(), stack
        self.pids: dict[str, int] = {}

    def start(self, program: Program) -> None:
        """Start one, which ends with the run."""
        self._stack.enter_context(program)
        self.pids[program.name] = program.pid

    def folder_of(self, name: str) -> Path:
        """A folder for one server."""
        (self.folder / name).mkdir()
        return self.folder / name

    def batcher(self, **sink: str) -> dict[str, str]:
        """Start Redis and the batcher. Returns its settings."""
        redis = RedisServer(self.folder_of("redis"))
        self.start(redis)
        env = {"REDIS_URL": redis.url, "QCTL_HOME": str(self.folder), "PORT": str(self.port), **sink}
        env |= {"QCTL_SOCKET_RATE": "1000000", "LOG_FORMAT": "text", "QCTL_MAX_ADDRESS_CONNECTIONS": "1000000"}
        self.start(Server("batcher", self, str(BIN / "qctl-socket-batcher"), **env))
        return env

    def worker(self, **sink: str) -> None:
        """Start those, and the worker that writes to the sink."""
        command = [str(BIN / "qctl-worker"), "socket-data"]
        self.start(Program("worker", command, self.folder, env=self.batcher(**sink), says="takes jobs from"))


@dataclass(frozen=True)
class Arm:
    """A measured arm: its programs, and the number of rows in its sink, if it has one."""

    programs: Callable[[Place], Callable[[], int] | None]


def _bare(place: Place) -> None:
    place.start(Server("server", place, sys.executable, "-c", BARE, str(place.port)))


def _acks(place: Place) -> None:
    place.batcher(QCTL_MAX_WAITING_BATCHES="1000000")


def _sqlite(place: Place) -> Callable[[], int]:
    place.worker()

    def rows() -> int:
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(place.folder / "qctl.db", timeout=10)) as db:
            return int(db.execute("SELECT COUNT(*) FROM messages").fetchone()[0])
        return 0

    return rows


def _mariadb(place: Place) -> Callable[[], int]:
    database = MariaDb(place.folder_of("mariadb"))
    place.start(database)
    place.worker(**database.environ)

    def rows() -> int:
        found = database.run("SELECT table_name FROM information_schema.tables WHERE table_name = 'messages'")
        return int(database.run("SELECT COUNT(*) FROM data_queue_db.messages")[0][0]) if found else 0

    return rows


ARMS = {"bare": Arm(_bare), "acks": Arm(_acks), "sqlite": Arm(_sqlite), "mariadb": Arm(_mariadb)}


@contextmanager
def place() -> Iterator[Place]:
    """New servers for each run."""
    folder = Path(tempfile.mkdtemp(prefix="qctl-benchmark-", dir=Path.cwd()))
    try:
        with ExitStack() as stack:
            yield Place(folder, stack)
    finally:
        shutil.rmtree(folder)


def run(name: str, count: int, connections: int) -> Result:
    """Send `count` messages; wait until all are acknowledged and, where there is a sink, there."""
    with place() as where:
        rows = ARMS[name].programs(where)
        spent, began = Spent(where.pids, "clients"), time.monotonic()
        asyncio.run(flood(where.port, count, connections))
        if rows is not None:
            wait_for_items(rows, count)
        return Result(count / (time.monotonic() - began), spent.each(count))


def crowd(connections: int, seconds: int) -> None:
    """One message a second from each of so many connections."""
    with place() as where:
        where.worker()
        began = time.perf_counter()
        clients = Crowd(where.port, connections)
        print(f"{connections} connections made in {time.perf_counter() - began:.1f} s")
        costs, began = Spent(where.pids, "clients"), time.perf_counter()
        clients.each_second(seconds)
        took, spent = time.perf_counter() - began, sorted(clients.spent)
        p50, p99, longest = (spent[int((len(spent) - 1) * share)] * 1000 for share in (0.5, 0.99, 1.0))
        print(f"{len(spent):,} acks in {took:.1f} s: p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {longest:.0f} ms")
        memory = psutil.Process(where.pids["batcher"]).memory_info().rss / 1e6
        shown = ", ".join(f"{name} {cost:.0f}" for name, cost in costs.each(len(spent)).items())
        print(f"the batcher: {memory:.0f} MB; us of a processor each: {shown}")


def _options() -> argparse.Namespace:
    made = parser(__doc__, list(ARMS), 100_000)
    made.add_argument("--connections", type=int)
    made.add_argument("--crowd", action="store_true")
    made.add_argument("--seconds", type=int, default=20)
    return made.parse_args()


def main() -> None:
    gc.disable()  # what it costs here is not the server's
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    options = _options()
    if options.crowd:
        crowd(options.connections or 5000, options.seconds)
    else:
        take_turns(options, list(ARMS), lambda name, count: run(name, count, options.connections or 100), "messages")


if __name__ == "__main__":
    main()
