"""End to end: `qctl monitor` in tmux with a real Redis and a worker."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from qctl.broker.redis import keys
from support.servers import RedisServer
from support.waiting import eventually
from support.workers import qctl_worker


class Tmux:
    """A terminal of 80 x 24 that runs a monitor. `variables` are added to its environment."""

    def __init__(self, url: str, **variables: str) -> None:
        self._server = ["tmux", "-L", f"qctl-test-{os.getpid()}-{secrets.token_hex(4)}", "-f", "/dev/null"]
        program = str(Path(sys.executable).with_name("qctl"))
        environment = " ".join(f"{name}={value}" for name, value in {"REDIS_URL": url, **variables}.items())
        self._run("new-session", "-d", "-x", "80", "-y", "24", f"env {environment} {program} monitor; sleep 60")

    def _run(self, *words: str) -> str:
        run = subprocess.run([*self._server, *words], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def press(self, *names: str) -> None:
        """Press keys by their names in tmux."""
        self._run("send-keys", *names)

    @property
    def screen(self) -> str:
        """The text of the screen."""
        return self._run("capture-pane", "-p")

    def until(self, text: str) -> None:
        """Wait until the screen shows a text."""
        try:
            eventually(lambda: text in self.screen, what=f"{text!r}", every=0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.screen}") from None

    def end(self) -> None:
        """Close the terminal."""
        subprocess.run([*self._server, "kill-server"], capture_output=True)


@pytest.fixture
def open_terminal() -> Iterator[Callable[..., Tmux]]:
    if shutil.which("tmux") is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("tmux is not installed: apt-get install tmux")
    opened: list[Tmux] = []

    def opener(url: str, **variables: str) -> Tmux:
        opened.append(Tmux(url, **variables))
        return opened[-1]

    yield opener
    for tmux in opened:
        tmux.end()


def test_pause_resume_and_retry_by_keys(
    open_terminal: Callable[..., Tmux], redis_server: RedisServer, connection: Redis, tmp_path: Path
) -> None:
    terminal = open_terminal(redis_server.url)
    queue = Queue("apples", connection=connection, serializer=JSONSerializer)
    with qctl_worker(tmp_path, redis_server.url, "apples"):
        terminal.until("● connected")
        terminal.press("2")
        queue.enqueue("support.jobs.fail", "rotten")
        eventually(lambda: connection.zcard(keys.failed("apples")) == 1)
        terminal.until("> ✖  apples")
        terminal.press("Home", "p")
        terminal.until("same as: qctl pause apples")
        terminal.press("Enter", "Enter")
        terminal.until("done: apples is paused")
        terminal.until("paused")
        queue.enqueue("support.jobs.give", 1)
        eventually(lambda: "apples" in terminal.screen and connection.llen(keys.queue("apples")) == 1)
        terminal.press("p")
        terminal.until("Resume apples")
        terminal.press("Left", "Enter")
        terminal.until("done: apples is resumed")
        eventually(lambda: connection.llen(keys.queue("apples")) == 0)
        terminal.press("4")
        terminal.until("ValueError: rotten")
        terminal.press("r")
        terminal.until("1 job will run again")
        terminal.press("Left", "Enter")
        terminal.until("done: 1 job queued again")
        terminal.press(":")
        terminal.until(": a command line")
        terminal.press("ping", "Enter")
        terminal.until("(exit code 0)")
        terminal.press("Escape")
        terminal.until("[4 Dead letters]")
        terminal.press("q")
        eventually(lambda: "connected" not in terminal.screen)


MANY = 1_000_000

FILL = """
for first = 1, tonumber(ARGV[1]), 1000 do
  local ids = {}
  for n = first, first + 999 do ids[#ids + 1] = 'many-' .. n end
  redis.call('RPUSH', KEYS[1], unpack(ids))
end
"""


def test_a_read_only_user_pages_through_a_million_jobs_and_is_refused_changes(
    open_terminal: Callable[..., Tmux], redis_server: RedisServer, connection: Redis
) -> None:
    queue = Queue("pears", connection=connection, serializer=JSONSerializer)
    queue.enqueue("support.jobs.give", 1, job_id="the-first")
    connection.eval(FILL, 1, keys.queue("pears"), MANY)
    connection.acl_setuser(
        "eyes", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@read", "+@connection", "+@fast", "-@write"]
    )
    try:
        url = redis_server.tcp_url.replace("redis://", "redis://eyes:pw@")
        terminal = open_terminal(url, TERM="xterm", NO_COLOR="1")
        terminal.until("1.0M")
        assert "pw@" not in terminal.screen
        terminal.press("3")
        terminal.until(f"1-200 of {MANY + 1}")
        terminal.until("> the-first")
        terminal.press("n")
        terminal.until(f"201-400 of {MANY + 1}")
        terminal.press("2")
        terminal.until("[2 Queues]")
        terminal.press("/")
        terminal.until("/ show rows")
        terminal.press("pears", "Enter")
        terminal.until("filter: pears")
        terminal.press("p")
        terminal.until("Pause pears")
        terminal.press("Enter", "Enter")
        terminal.until("not done: ")
        terminal.until("eyes")
        assert not connection.exists(keys.PAUSED)
        terminal.press("q")
        eventually(lambda: "connected" not in terminal.screen)
    finally:
        connection.acl_deluser("eyes")
