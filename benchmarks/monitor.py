"""Cost of keeping `qctl monitor` open: `python benchmarks/monitor.py [SECONDS] [SCALE]`.

A private Redis with 1,000 queues, 1,000,000 jobs in the first of them and 100,000 dead letters (times SCALE), and a
monitor in a terminal of 200 x 40. Told are: how long until its first rows, how long until a pause is seen, and until a
count that changed without an event, quietly and while 1,000 events come a second, which share of a processor each
screen takes meanwhile, and how its memory grows over SECONDS (60) on the overview, as a line through what was seen in
the second half; an hour is that times what it takes.

`python benchmarks/monitor.py --memory [UPDATES]` is an hour in minutes: 3,600 updates as fast as they go, through all
screens in turn, with as many events between two as come in a second of life. Told is how memory grew after the first
fifth.
"""

from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
import multiprocessing.synchronize
import os
import pty
import random
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import psutil
from filling import Size, fill
from redis import Redis
from servers import unlogged_redis

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.tui import app
from qctl.tui.data import cpu_budget, page_loader
from qctl.tui.data.cached_data import CachedData
from qctl.tui.pages import PAGES

WIDTH, HEIGHT = 200, 40
PER_SECOND = 1000
SCREENS = {page.digit: page.heading for page in PAGES}
HOUR = 3600

FASTER = 10
"""Factor by which events and updates are faster when an hour is compressed into minutes."""


class Monitor:
    """A monitor in a terminal of its own."""

    def __init__(self, url: str) -> None:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        env = {**os.environ, "REDIS_URL": url, "TERM": "xterm-256color"}
        self.began = time.perf_counter()
        command = [str(Path(sys.executable).with_name("qctl")), "monitor"]
        self._process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, close_fds=True)
        os.close(slave)
        self._master = master
        self._seen = ""
        self._news = threading.Condition()
        self.written = 0
        threading.Thread(target=self._read, daemon=True).start()
        self.process = psutil.Process(self._process.pid)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                return
            with self._news:
                self.written += len(data)
                self._seen = (self._seen + data.decode(errors="replace"))[-200_000:]
                self._news.notify_all()

    def press(self, keys: str) -> None:
        """Type something."""
        os.write(self._master, keys.encode())

    def wait(self, text: str, seconds: float = 60.0) -> float:
        """Wait until a text is shown. Returns when that was."""
        with self._news:
            assert self._news.wait_for(lambda: text in self._seen, seconds), f"{text!r} was not shown"
            return time.perf_counter()

    def reset(self) -> None:
        """Ignore what was shown before."""
        with self._news:
            self._seen = ""

    @property
    def cpu(self) -> float:
        """Seconds of a processor that it took."""
        used = self.process.cpu_times()
        return used.user + used.system

    def end(self) -> None:
        """Leave."""
        self._process.kill()
        self._process.wait()
        os.close(self._master)


MAX_UPDATE_SECONDS = 60.0
"""Time that one update of the screen may take."""


@contextmanager
def busy(connection: Redis, queues: int, per_second: int = PER_SECOND) -> Iterator[None]:
    """So many events come a second, of any queue."""
    ended = threading.Event()

    def happen() -> None:
        due = time.monotonic()
        while not ended.is_set():
            with connection.pipeline(transaction=False) as pipe:
                for _ in range(per_second // 50):
                    queue, job = f"queue-{random.randrange(queues)}", f"job-{random.randrange(10**9)}"
                    events.record(pipe, "finished", queue=queue, job=job, name="app.tasks.send", worker="w1", ms=12)
                pipe.execute()
            due += 1 / 50
            time.sleep(max(0.0, due - time.monotonic()))

    thread = threading.Thread(target=happen)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def first_rows(url: str) -> tuple[float, float]:
    """Seconds from the start of the program to its first queue, and those of a processor."""
    monitor = Monitor(url)
    try:
        return monitor.wait("queue-") - monitor.began, monitor.cpu
    finally:
        monitor.end()


def delays(monitor: Monitor, ops: Ops, times: int) -> list[float]:
    """Seconds from a pause to its reason on the screen, often."""
    found = []
    for _ in range(times):
        time.sleep(random.uniform(0.3, 0.9))
        reason = f"r{random.randrange(10**5)}"
        monitor.reset()
        began = time.perf_counter()
        with events.acting_as("b"):  # short: the reason follows it in a narrow column
            ops.queues.pause("queue-1", reason=reason)
        found.append(monitor.wait(reason, 30.0) - began)
        ops.queues.resume("queue-1")
    return found


def unannounced(monitor: Monitor, connection: Redis, times: int) -> list[float]:
    """Seconds from a change that no event tells of to its count on the screen, often."""
    found, key = [], keys.queue("queue-1")
    for _ in range(times):
        time.sleep(random.uniform(0.3, 1.3))
        count, before = random.randrange(1001, 9999), connection.llen(key)
        monitor.reset()
        began = time.perf_counter()
        if count > before:
            connection.rpush(key, *["x"] * (count - before))
        else:
            connection.ltrim(key, 0, count - 1)
        found.append(monitor.wait(f" {count}", 30.0) - began)
    return found


def report(what: str, found: list[float]) -> None:
    """Print the median and the range."""
    worst = quantiles(found, n=20)[-1]
    print(f"{what}: median {median(found) * 1000:.0f} ms, of 20 the worst {worst * 1000:.0f} ms")


def share(monitor: Monitor, seconds: float) -> float:
    """The share of a processor that it takes."""
    began, before = time.perf_counter(), monitor.cpu
    time.sleep(seconds)
    return (monitor.cpu - before) / (time.perf_counter() - began)


def growth(monitor: Monitor, seconds: float) -> tuple[float, float]:
    """Its memory in MB at the end, and how many MB an hour would add, by the second half of these seconds."""
    seen = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        seen.append((time.monotonic(), monitor.process.memory_info().rss / 1e6))
        time.sleep(0.5)
    late = seen[len(seen) // 2 :]
    at = sum(when for when, _ in late) / len(late)
    size = sum(mb for _, mb in late) / len(late)
    slope = sum((when - at) * (mb - size) for when, mb in late) / sum((when - at) ** 2 for when, _ in late)
    return seen[-1][1], slope * 3600


def hour(updates: int) -> None:
    """Drive the app itself, without a terminal, faster than in life, and tell how its memory grew."""
    cpu_budget.CPU_SHARE = page_loader.CPU_SHARE = 1e9  # type: ignore[attr-defined]
    size = Size().times(0.1)
    with unlogged_redis() as (path, _):
        fill(path, size)
        ended = multiprocessing.Event()
        crowd = multiprocessing.Process(target=_happen_until, args=(ended, path, size.queues), daemon=True)
        crowd.start()
        ops = Ops(Settings.load(environ={"REDIS_URL": f"unix://{path}"}, dotenv=Path(path).parent / "no.env"))
        sizes = asyncio.run(_updated(app.Monitor(CachedData(ops), ops), updates))
        ended.set()
        crowd.join()
    first, last = sizes[len(sizes) // 5], sizes[-1]
    print(f"{size}; {updates} updates: {sizes[0]:.0f} MB at first, {first:.0f} after a fifth, {last:.0f} at the end")


async def _updated(monitor: app.Monitor, updates: int) -> list[float]:
    """The memory in MB after each hundredth of these updates."""
    process, sizes = psutil.Process(), []
    async with monitor.run_test(size=(WIDTH, HEIGHT)) as pilot:
        for number in range(updates):
            if number % 20 == 0:
                monitor.go_to(list(SCREENS)[number // 20 % len(SCREENS)])
            before = monitor._read_at
            monitor._load_now()
            deadline = time.monotonic() + MAX_UPDATE_SECONDS
            while monitor._read_at == before:
                assert time.monotonic() < deadline, f"update {number} did not end"
                await pilot.pause(0.005)
            if number % max(1, updates // 100) == 0:
                sizes.append(process.memory_info().rss / 1e6)
    return sizes


def _happen_until(ended: multiprocessing.synchronize.Event, path: str, queues: int) -> None:
    with busy(Redis(unix_socket_path=path), queues, FASTER * PER_SECOND):
        ended.wait()


def main() -> None:
    if sys.argv[1:2] == ["--memory"]:
        hour(int(sys.argv[2]) if len(sys.argv) > 2 else HOUR)
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    size = Size().times(float(sys.argv[2]) if len(sys.argv) > 2 else 1.0)
    with unlogged_redis() as (path, connection):
        fill(path, size)
        url = f"unix://{path}"
        print(f"{size}; load {os.getloadavg()[0]:.1f}")
        found, used = zip(*(first_rows(url) for _ in range(5)), strict=True)
        print(f"first rows: median {median(found):.2f} s, at best {min(found):.2f}; processor {median(used):.2f} s")
        ops = Ops(Settings.load(environ={"REDIS_URL": url}, dotenv=Path(path).parent / "no.env"))
        monitor = Monitor(url)
        try:
            monitor.wait("queue-")
            monitor.press("2")
            monitor.wait("[2 Queues]")
            report("a pause is seen", delays(monitor, ops, 20))
            report("a count without an event", unannounced(monitor, connection, 20))
            with busy(connection, size.queues):
                report(f"a pause while {PER_SECOND} events come a second", delays(monitor, ops, 20))
                report(f"a count while {PER_SECOND} events come a second", unannounced(monitor, connection, 20))
                for digit, name in SCREENS.items():
                    monitor.press(digit)
                    time.sleep(3.0)
                    before = monitor.written
                    used_share = share(monitor, 10.0)
                    rate = (monitor.written - before) / 10.0 / 1000
                    print(f"{name}: {used_share:.1%} of a processor, {rate:.0f} kB/s to the terminal")
                monitor.press("1")
                size_now, more = growth(monitor, seconds)
                print(f"memory: {size_now:.0f} MB; by {seconds:.0f} s an hour adds {more:.0f} MB")
        finally:
            monitor.end()


if __name__ == "__main__":
    main()
