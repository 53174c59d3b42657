"""Job functions for tests. Workers are allowed to run `support.jobs.*`."""

from __future__ import annotations

import logging
import os
import signal
import subprocess  # noqa: F401 - `support.jobs.subprocess.run` must not be reachable through a pattern
import time

from redis import Redis
from rq import get_current_job
from rq.job import Job

from qctl.errors import RejectedError, SinkMisconfiguredError, SinkUnavailableError


def give(value: object = None) -> object:
    """Return what was given."""
    return value


def process() -> int:
    """Return the id of the process that runs this."""
    return os.getpid()


def note(url: str, key: str, value: str, seconds: float = 0.0) -> None:
    """Append to a list in Redis when it starts, and again when it ends: what ran, and how often."""
    with Redis.from_url(url) as client:
        client.rpush(f"{key}:started", value)
        time.sleep(seconds)
        client.rpush(key, value)


def wait_at(url: str, gate: str) -> None:
    """Append to a list in Redis when it starts, then wait until there is something in another."""
    with Redis.from_url(url) as client:
        client.rpush(f"{gate}:started", os.getpid())
        client.blpop([gate])


def fail(message: str = "broken") -> None:
    """Fail."""
    raise ValueError(message)


def say(*lines: str, error: str = "") -> None:
    """Log each line; print the last one too, without ending it. Fail with `error` if it is given."""
    for line in lines:
        logging.getLogger("app").warning("%s", line)
    if lines:
        print(lines[-1], end="")
    if error:
        raise ValueError(error)


def say_and_wait(url: str, key: str) -> None:
    """Log a line, then wait until there is something in a list in Redis."""
    logging.getLogger("app").error("began")
    with Redis.from_url(url) as client:
        client.blpop([key])


def say_and_die() -> None:
    """Log a line, and kill the process once it has been written to Redis."""
    logging.getLogger("app").error("the last words")
    job = get_current_job()
    while job and not any(name.startswith(b"qctl_log_") for name in job.connection.hkeys(job.key)):
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGKILL)


def nap(seconds: float) -> None:
    """Take some time."""
    time.sleep(seconds)


def mark(path: str, value: int) -> None:
    """Append a line to a file: what ran, by a job that takes next to no time."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, b"%d\n" % value)
    os.close(file)


def hold(path: str, until: str) -> None:
    """Append a line to a file, and run until another file is there."""
    mark(path, 1)
    while not os.path.exists(until):
        time.sleep(0.05)


def die() -> None:
    """Kill the process that runs this, as running out of memory does."""
    os.kill(os.getpid(), signal.SIGKILL)


def sink_down() -> None:
    """Find the sink down."""
    raise SinkUnavailableError("nobody listens")


def sink_refuses() -> None:
    """Find that the sink refuses us."""
    raise SinkMisconfiguredError("wrong token")


def called_back(job: Job, connection: Redis, *_: object) -> None:
    """Leave a mark: a callback that is allowed."""
    connection.set("called back", job.id)


def give_away(socket: str, queue: str) -> None:
    """Make it look as if this job had been given to another worker meanwhile."""
    job = get_current_job()
    assert job is not None
    with Redis(unix_socket_path=socket) as client:
        client.hset(f"qctl:claims:{queue}", job.id, "somebody.else|1")


def reject() -> None:
    """Find that what was given can never be taken."""
    raise RejectedError("the row is too long")


def fill_redis(url: str) -> None:
    """Leave a Redis that refuses every write."""
    with Redis.from_url(url) as client:
        client.config_set("maxmemory", 1)


def stop_redis(url: str) -> None:
    """Find everything as it should be, but Redis gone when this is to be written down. What waits is kept."""
    with Redis.from_url(url) as client:
        client.shutdown(save=True)
    raise ValueError("broken")


def deaf() -> None:
    """Hear no alarm, and never end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    time.sleep(3600)
