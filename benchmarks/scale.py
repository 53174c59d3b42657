"""Cost of very many jobs: `python benchmarks/scale.py [SCALE]`.

1,000,000 waiting jobs, 100,000 dead letters and 1,000 queues, or SCALE times that. Starts a private redis-server in a
temporary folder. Told are the time that `stats` takes more than on an empty Redis, that of `dlq groups`, and of
`retry --all`, `clear` and `clear --purge`: the time, jobs a second, the memory that the command needed at most, and how
long another client's PING waited at most meanwhile, beside how long it did while nothing happened and what Redis itself
says was its longest command. Each act is ended by Ctrl-C in its middle once, and every job counted. `rq requeue --all`
takes its turn in the same run, with fewer.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from filling import Sender, Size, bury, fill
from redis import Redis
from servers import unlogged_redis

from qctl.broker.redis import keys, replies

BIN = Path(sys.executable).parent

BESIDE = 0.1
"""Dead letters given to `rq requeue --all`, which is slow."""

FIRST = "queue-0"

COMPUTE = "end = time.time() + 5; any(time.time() > end for _ in iter(int, 1))"
"""A program that wants a processor and no Redis: what another client waits then is not Redis's doing."""


MAX_SECONDS = 1800.0
"""Time after which a program is killed, and the benchmark ends with an error."""


@dataclass(frozen=True)
class Ran:
    """One run of a program: seconds, bytes that it held at most, what it printed, and how it ended."""

    seconds: float
    memory: int
    out: str
    code: int


def run(path: str, *words: str, interrupt_when: Callable[[], bool] | None = None) -> Ran:
    """Run a program beside the Redis at `path`, with Ctrl-C as soon as that is so."""
    env = {**os.environ, "REDIS_URL": f"unix://{path}", "RQ_REDIS_URL": f"unix://{path}"}
    with tempfile.TemporaryFile("w+") as out:
        start = time.perf_counter()
        process = subprocess.Popen([str(BIN / words[0]), *words[1:]], env=env, stdout=out)
        memory = 0
        while process.poll() is None:
            memory = _memory(process.pid) or memory
            if interrupt_when and interrupt_when():
                process.send_signal(signal.SIGINT)
                interrupt_when = None
            if time.perf_counter() - start > MAX_SECONDS:
                process.kill()
                raise RuntimeError(f"{' '.join(words)} did not end within {MAX_SECONDS:.0f} s")
            time.sleep(0.005)
        seconds = time.perf_counter() - start
        out.seek(0)
        return Ran(seconds, memory, out.read(), process.returncode)


def _memory(pid: int) -> int:
    """Bytes that a process held at most so far; what wait4 tells is no less than what its parent held."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


# --- another client -----------------------------------------------------------------------------------------------


def _ping(path: str, report: Connection) -> None:
    with suppress(PermissionError):
        os.nice(-10)
    waits = []
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(MAX_SECONDS)
        client.connect(path)
        while not report.poll():
            start = time.perf_counter()
            client.sendall(b"PING\r\n")
            client.recv(64)
            waits.append(time.perf_counter() - start)
            time.sleep(0.0005)
    report.send(sorted(waits))


@contextmanager
def pinged(path: str, connection: Redis) -> Iterator[dict[str, float]]:
    """PING Redis all the time. Afterwards says how long that waited, and how long Redis's longest command took."""
    connection.config_set("slowlog-log-slower-than", 500)
    connection.slowlog_reset()
    connection.config_resetstat()
    here, there = Pipe()
    process = Process(target=_ping, args=(path, there))
    process.start()
    found: dict[str, float] = {}
    try:
        yield found
    finally:
        here.send("enough")
        waits = here.recv()
        process.join()
    found["most"], found["p999"] = waits[-1], waits[int(len(waits) * 0.999)]
    slow: list[dict[str, Any]] = connection.slowlog_get(1000)
    found["command"] = max((each["duration"] / 1e6 for each in slow), default=0.0)
    scripts = connection.info("latencystats").get("latency_percentiles_usec_evalsha", {})
    found["script"], found["script99"] = scripts.get("p50", 0.0) / 1e6, scripts.get("p99", 0.0) / 1e6
    found["long"] = sum(wait > 0.01 for wait in waits) / len(waits)


def describe(stall: dict[str, float]) -> str:
    """Describe the longest waits."""
    most, p999, command = (stall[name] * 1000 for name in ("most", "p999", "command"))
    longest = f"{command:.1f} ms" if command else "below 0.5 ms"
    often = f"{stall['long']:.3%} longer than 10 ms"
    scripts = f", a script p50 {stall['script'] * 1000:.2f} ms, p99 {stall['script99'] * 1000:.2f} ms"
    most_of = f"PING waited {most:.1f} ms at most, p99.9 {p999:.1f} ms, {often}"
    return f"{most_of}; Redis's longest command {longest}{scripts if stall['script'] else ''}"


# --- what is measured ---------------------------------------------------------------------------------------------


def act(title: str, count: int, path: str, connection: Redis, *words: str) -> float:
    """Run a bulk command and tell of it. Returns jobs a second."""
    with pinged(path, connection) as stall:
        ran = run(path, *words)
    assert ran.code == 0, ran
    rate = count / ran.seconds
    print(f"{title}: {ran.seconds:.1f} s, {rate:,.0f} jobs/s, {ran.memory / 1e6:.0f} MB; {describe(stall)}", flush=True)
    return rate


def places(connection: Redis, queues: int) -> Counter[bytes]:
    """In how many places each job is: queues, dead letters, the trash."""
    where = [
        key for n in range(queues) for key in ((keys.queue(f"queue-{n}"), "list"), (keys.failed(f"queue-{n}"), ""))
    ]
    batches = replies.bytes_list(connection.zrange(keys.TRASH, 0, -1))
    where += [(keys.trash_jobs(batch.decode()), "list") for batch in batches]
    found: Counter[bytes] = Counter()
    for key, kind in where:
        reply: object = connection.lrange(key, 0, -1) if kind == "list" else connection.zrange(key, 0, -1)
        found.update(replies.bytes_list(reply))
    return found


def interrupted(path: str, connection: Redis, size: Size, *words: str) -> None:
    """End a command by Ctrl-C when it has done a tenth: every job is in one place."""
    where = keys.queue(FIRST)
    waited = connection.llen(where)
    ran = run(path, *words, interrupt_when=lambda: abs(connection.llen(where) - waited) > size.dead * 0.1)
    found = places(connection, size.queues)
    wrong = [id_ for id_, count in found.items() if count != 1]
    assert ran.code == 130, ran
    assert len(found) == size.waiting + size.dead, len(found)
    assert not wrong, wrong[:5]
    print(f"{' '.join(words[:2])} with Ctrl-C: each of {len(found):,} jobs in one place")


def main() -> None:
    size = Size().times(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
    with unlogged_redis() as (path, connection):
        reads = (("qctl", "stats"), ("qctl", "dlq", "groups"))
        empty = {words: median(run(path, *words).seconds for _ in range(5)) for words in reads}
        start = time.perf_counter()
        fill(path, size)
        print(f"{size}: filled in {time.perf_counter() - start:.0f} s", flush=True)
        for what, program in (("nothing happens", "time.sleep(5)"), ("another program computes", COMPUTE)):
            with pinged(path, connection) as stall:
                subprocess.run([sys.executable, "-c", f"import time; {program}"], check=True)
            print(f"while {what}: {describe(stall)}", flush=True)
        for words in reads:
            with pinged(path, connection) as stall:
                run(path, *words)
            full = [run(path, *words) for _ in range(5)]
            seconds, memory = median(ran.seconds for ran in full), max(ran.memory for ran in full)
            beside = f"{seconds - empty[words]:.2f} s more than with none"
            print(f"{' '.join(words)}: {seconds:.2f} s, {beside}, {memory / 1e6:.0f} MB; {describe(stall)}", flush=True)

        interrupted(path, connection, size, "qctl", "retry", "--all", "--yes")
        left = sum(connection.zcard(keys.failed(f"queue-{n}")) for n in range(size.queues))
        ours = act("qctl retry --all", left, path, connection, "qctl", "retry", "--all", "--yes")
        dead_beside = int(size.dead * BESIDE)
        with Sender(path) as send:
            bury(send, "beside", dead_beside)
        theirs = act("rq requeue --all", dead_beside, path, connection, "rq", "requeue", "--queue", "beside", "--all")
        print(f"qctl retry does {ours / theirs:.1f} times the jobs a second of rq requeue")
        with Sender(path) as send:
            bury(send, "stock", size.dead // 2, indexed=False)
        act("qctl dlq groups without an index", size.dead // 2, path, connection, "qctl", "dlq", "groups")
        act("qctl retry --error", size.dead // 2, path, connection, "qctl", "retry", "--error", "address", "--yes")

        clear = ("qctl", "clear", FIRST, "--confirm", FIRST)
        interrupted(path, connection, size, *clear)
        left = connection.llen(keys.queue(FIRST))
        act("qctl clear", left, path, connection, *clear)
        batches = re.findall(r"\S+", run(path, "qctl", "trash", "list", "-o", "name").out)
        counts = {name: connection.llen(keys.trash_jobs(name)) for name in batches}
        biggest = max(counts, key=counts.__getitem__)
        act("qctl trash restore", counts[biggest], path, connection, "qctl", "trash", "restore", biggest)
        act("qctl clear --purge", counts[biggest], path, connection, *clear, "--purge")


if __name__ == "__main__":
    main()
