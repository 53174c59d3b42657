"""Sizes of the workers of `qctl up`: at its start, and while it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from support.up import Up, gone
from support.waiting import eventually

ONLY_WORKERS = {"QCTL_DAEMONS": "worker-prompt,worker-heavy", "MQTT_ENABLED": "false", "QCTL_GATEWAY_ENABLED": "false"}
QCTL = str(Path(sys.executable).with_name("qctl"))


def workers_of(up: Up, name: str) -> int:
    """Number of processes of the pool of a daemon."""
    children = psutil.Process(up.pids(name)[-1]).children()
    return sum(child.status() != psutil.STATUS_ZOMBIE for child in children)


def has(up: Up, name: str, count: int) -> Callable[[], bool]:
    """Tells whether the pool of a daemon has so many processes."""
    return lambda: workers_of(up, name) == count


def qctl(up: Up, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the site of `qctl up`."""
    return subprocess.run([QCTL, *words], env=up.env, capture_output=True, text=True, check=False)


def test_workers_are_scaled_at_the_start_and_while_it_runs(tmp_path: Path) -> None:
    with Up(tmp_path, None, "--scale", "email=2", **ONLY_WORKERS) as up:
        eventually(has(up, "worker-prompt", 2), what="two workers")
        eventually(has(up, "worker-heavy", 1), what="one worker")
        eventually(lambda: "message+notification+email" in qctl(up, "worker", "pools").stdout, what="a report")
        scaled = qctl(up, "worker", "scale", "report", "2")
        assert scaled.returncode == 0, scaled.stderr
        assert workers_of(up, "worker-heavy") == 2
        first = up.pids("worker-heavy")[0]
        os.kill(first, signal.SIGKILL)
        up.new_pid("worker-heavy", first)
        eventually(has(up, "worker-heavy", 2), what="two workers of the next pool")
        family = up.family()
        assert up.stop() == 0
        assert gone(family)


def test_a_queue_that_no_worker_serves_is_refused(tmp_path: Path) -> None:
    up = Up(tmp_path, None, "--scale", "emial=2", **ONLY_WORKERS)
    up.launch()
    assert up.wait() == 3
    assert "no worker of `qctl up` serves queue 'emial'" in up.output
    assert "email" in up.output
