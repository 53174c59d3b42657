"""The whole way: `qctl monitor` in tmux, a real Redis and a worker, keys pressed and the screen read back."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from qctl.broker import keys
from support.servers import RedisServer
from support.waiting import eventually
from support.workers import qctl_worker

PATIENCE = 30.0


class Tmux:
    """A terminal of 80 x 24 in which a monitor runs."""

    def __init__(self, url: str) -> None:
        self._server = ["tmux", "-L", f"qctl-test-{os.getpid()}-{secrets.token_hex(4)}", "-f", "/dev/null"]
        program = str(Path(sys.executable).with_name("qctl"))
        self._run("new-session", "-d", "-x", "80", "-y", "24", f"env REDIS_URL={url} {program} monitor; sleep 60")

    def _run(self, *words: str) -> str:
        run = subprocess.run([*self._server, *words], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def press(self, *names: str) -> None:
        """Press keys by tmux's names for them."""
        self._run("send-keys", *names)

    @property
    def screen(self) -> str:
        """What is to be seen."""
        return self._run("capture-pane", "-p")

    def until(self, text: str) -> None:
        """Wait until a text is to be seen."""
        eventually(lambda: text in self.screen, PATIENCE, f"{text!r}", every=0.05)

    def end(self) -> None:
        """Close the terminal."""
        subprocess.run([*self._server, "kill-server"], capture_output=True)


@pytest.fixture
def terminal(redis_server: RedisServer) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("tmux is not installed: apt-get install tmux")
    tmux = Tmux(redis_server.url)
    yield tmux
    tmux.end()


def test_pause_resume_and_retry_by_keys(
    terminal: Tmux, redis_server: RedisServer, connection: Redis, tmp_path: Path
) -> None:
    queue = Queue("apples", connection=connection, serializer=JSONSerializer)
    with qctl_worker(tmp_path, redis_server.url, "apples"):
        terminal.until("● connected")
        terminal.press("2")
        queue.enqueue("support.jobs.fail", "rotten")
        terminal.until("> apples")
        eventually(lambda: connection.zcard(keys.failed("apples")) == 1, PATIENCE)
        terminal.press("Home", "p")
        terminal.until("the same: qctl pause apples")
        terminal.press("Left", "Enter")
        terminal.until("done: apples is paused")
        terminal.until("paused")
        queue.enqueue("support.jobs.give", 1)
        eventually(lambda: "apples" in terminal.screen and connection.llen(keys.queue("apples")) == 1, PATIENCE)
        terminal.press("p")
        terminal.until("Resume apples")
        terminal.press("Left", "Enter")
        terminal.until("done: apples goes on")
        eventually(lambda: connection.llen(keys.queue("apples")) == 0, PATIENCE)
        terminal.press("4")
        terminal.until("ValueError: rotten")
        terminal.press("r")
        terminal.until("1 job will run again")
        terminal.press("Left", "Enter")
        terminal.until("done: 1 job queued again")
        terminal.press(":")
        terminal.press("ping", "Enter")
        terminal.until("(exit code 0)")
        terminal.press("Escape")
        terminal.until("[4 Dead letters]")
        terminal.press("q")
        eventually(lambda: "connected" not in terminal.screen, PATIENCE)
