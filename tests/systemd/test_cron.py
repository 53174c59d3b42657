"""The crontab: every line of it runs as it is written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from qctl.broker.redis import keys
from support.servers import RedisServer

CRON = (Path(__file__).parents[2] / "systemd" / "qctl.cron").read_text()

FIELDS = (range(60), range(24), range(1, 32), range(1, 13), range(8))
"""Ranges of minute, hour, day, month and weekday."""

LINES = [line.split(None, 6) for line in CRON.splitlines() if re.match(r"[\d*]", line)]
GIVEN = dict(line.split("=", 1) for line in CRON.splitlines() if re.match(r"[A-Z_]+=", line))

Run = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(redis_server: RedisServer, tmp_path: Path) -> Run:
    """Runs a command as cron does: by its shell, in HOME, with nothing but the variables of the file."""
    (tmp_path / ".env").write_text(f"REDIS_URL={redis_server.url}\n")
    (tmp_path / "state").mkdir()
    here = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "QCTL_HOME": str(tmp_path / "state"),
    }

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [GIVEN["SHELL"], "-c", command],
            cwd=tmp_path,
            env={**GIVEN, **here},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[6])
def test_a_line_runs_as_it_is_written(line: list[str], run: Run) -> None:
    *times, user, command = line
    assert all(time == "*" or int(time) in field for time, field in zip(times, FIELDS, strict=True))
    assert user == "qctl"
    assert "%" not in command  # a new line, to cron
    ran = run(command)
    assert ran.stderr == ""
    assert ran.returncode == 0


def test_the_calendar_of_the_seed_is_kept() -> None:
    """Queue health and failed jobs daily, old jobs and Redis's memory weekly, logs monthly."""
    often = {
        re.findall(r"qctl ((?:dlq )?\w+)", line[6])[-1]: (
            "weekly" if line[4] != "*" else "monthly" if line[2] != "*" else "daily"
        )
        for line in LINES
    }
    assert often == {
        "health": "daily",
        "dlq groups": "daily",
        "cleanup": "weekly",
        "doctor": "weekly",
        "audit": "monthly",
    }


def test_what_people_did_is_told_and_nothing_where_nobody_did(run: Run, connection: Redis) -> None:
    (command,) = [line[6] for line in LINES if "audit" in line[6]]
    assert run(command).stdout == ""
    connection.sadd(keys.QUEUES, keys.queue("email"))
    run("qctl pause email --force --reason stock-taking")
    assert "pause email" in run(command).stdout


def test_dead_letters_are_told_and_their_absence_is_not(run: Run, connection: Redis) -> None:
    (command,) = [line[6] for line in LINES if "dlq" in line[6]]
    assert run(command).stdout == ""
    connection.sadd(keys.QUEUES, keys.queue("email"))
    connection.hset(keys.job("one"), mapping={"status": "failed", "origin": "email", "description": "x.y()"})
    connection.zadd(keys.failed("email"), {"one": -1})
    assert "email" in run(command).stdout
