"""The real `qctl` in a process of its own, on a real Redis with jobs of stock RQ."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue, SimpleWorker

from qctl.settings import Settings
from support.process import free_port
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS

Done = subprocess.CompletedProcess[str]
Qctl = Callable[..., Done]

PROGRAM = str(Path(sys.executable).with_name("qctl"))


def boom(text: str) -> None:
    """Raise an error, as a failing job."""
    raise ValueError(text)


@pytest.fixture
def qctl(settings: Settings) -> Qctl:
    """Run `qctl("stats", stdin="", NAME="value")` without a terminal."""
    base = {**os.environ, "QCTL_HOME": str(settings.home), "REDIS_URL": settings.redis_target}

    def command(*arguments: str, stdin: str = "", **names: str) -> Done:
        return subprocess.run(
            [PROGRAM, *arguments],
            env={**base, **names},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    return command


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the name of the parent")
def test_watch_shows_a_table_and_a_pipe_gets_tabs(qctl: Qctl, email: Queue, settings: Settings, tmp_path: Path) -> None:
    watch = tmp_path / "watch"  # a shell by this name: watch itself needs a terminal
    watch.symlink_to("/bin/sh")
    env = {**os.environ, "QCTL_HOME": str(settings.home), "REDIS_URL": settings.redis_target, "COLUMNS": "80"}
    command = [str(watch), "-c", f"{PROGRAM} stats; true"]
    shown = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS).stdout
    assert "\t" not in shown
    assert shown.startswith("QUEUE ")
    assert "no worker" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "\t" in qctl("stats").stdout
    assert "\t" not in qctl("stats", QCTL_DRAW_TABLES="1").stdout


@pytest.fixture
def email(connection: Redis) -> Queue:
    """Create a queue of stock RQ with three waiting jobs and pickled payloads."""
    queue = Queue("email", connection=connection)
    for number in range(3):
        queue.enqueue(boom, f"\x1b[31m{number}")
    return queue


def test_unreachable_redis_is_one_line_and_exits_4(qctl: Qctl) -> None:
    ran = qctl("stats", REDIS_URL=f"redis://:hunter2@127.0.0.1:{free_port()}/0")
    assert (ran.returncode, ran.stdout) == (4, "")
    assert ran.stderr.startswith("qctl: Redis at redis://:***@127.0.0.1:")
    assert ran.stderr.count("\n") == 1
    assert "qctl up" in ran.stderr


def test_health_of_an_unreachable_redis_is_json(qctl: Qctl) -> None:
    ran = qctl("health", "--json", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert (ran.returncode, ran.stderr) == (4, "")
    assert json.loads(ran.stdout)["status"] == "down"


@pytest.mark.parametrize(
    ("name", "value"), [("REDIS_URL", "http://x:hunter2@h"), ("TRASH_TTL", "soon"), ("QCTL_READ_ONLY", "perhaps")]
)
def test_invalid_setting_is_one_line_and_exits_2(name: str, value: str, qctl: Qctl) -> None:
    ran = qctl("stats", **{name: value})
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"qctl: {name}: ")
    assert ran.stderr.count("\n") == 1
    assert "hunter2" not in ran.stderr


def test_option_overrides_the_environment(qctl: Qctl, redis_server: RedisServer, email: Queue) -> None:
    ran = qctl("stats", "-o", "name", "--redis-url", redis_server.tcp_url, REDIS_URL="redis://127.0.0.1:1/0")
    assert "email" in ran.stdout.splitlines()


def test_pause_clear_restore_and_resume_a_queue_of_stock_rq(qctl: Qctl, email: Queue) -> None:
    order = email.job_ids

    def state() -> tuple[int, bool]:
        queue = json.loads(qctl("stats", "email", "--json").stdout)["queues"][0]
        return queue["waiting"], queue["paused"] is not None

    assert qctl("pause", "email", "--reason", "deploy").returncode == 0
    assert state() == (3, True)
    assert "email was already paused" in qctl("pause", "email").stdout
    cleared = qctl("clear", "email", "--confirm", "email")
    assert cleared.returncode == 0, cleared.stderr
    assert state() == (0, True)
    undo = cleared.stdout.partition("qctl trash restore ")[2].strip()
    assert undo in qctl("trash", "list", "-o", "name").stdout
    assert qctl("trash", "restore", undo).returncode == 0
    assert email.job_ids == order
    assert qctl("resume", "email").stdout == "email resumed\n"
    assert state() == (3, False)


def test_retry_dead_letters_of_a_stock_worker(qctl: Qctl, email: Queue, connection: Redis) -> None:
    SimpleWorker([email], connection=connection).work(burst=True)
    ids = qctl("dlq", "list", "-o", "name").stdout
    assert len(ids.split()) == 3
    shown = qctl("dlq", "show", ids.split()[0])
    assert "ValueError: \\x1b[31m" in shown.stdout
    assert "never unpickled" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert qctl("retry", "-", stdin=ids).returncode == 6
    assert qctl("retry", "-", "--yes", stdin=ids).stdout == "3 jobs of email enqueued again\n"
    assert sorted(email.job_ids) == sorted(ids.split())
    again = qctl("retry", ids.split()[0], "nosuch", "--json")
    assert again.returncode == 5
    assert json.loads(again.stdout)["failed"] == 1


def test_unknown_queue_exits_3(qctl: Qctl, email: Queue) -> None:
    ran = qctl("pause", "emial")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "did you mean 'email'?" in ran.stderr


@pytest.mark.parametrize("line", [("stats",), ("dlq", "list"), ("worker", "list"), ("trash", "list"), ("health",)])
def test_reading_commands_write_nothing(line: tuple[str, ...], qctl: Qctl, email: Queue, connection: Redis) -> None:
    before = connection.info("persistence")["rdb_changes_since_last_save"]
    assert qctl(*line).returncode in (0, 1)
    assert connection.info("persistence")["rdb_changes_since_last_save"] == before


def test_closed_stdout_exits_141(settings: Settings, email: Queue) -> None:
    env = {**os.environ, "REDIS_URL": settings.redis_target}
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run([PROGRAM, "stats"], env=env, stdout=writing, stderr=subprocess.PIPE, timeout=PATIENCE_SECONDS)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, b"")


def test_full_disk_is_one_line(settings: Settings, email: Queue) -> None:
    env = {**os.environ, "REDIS_URL": settings.redis_target}
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [PROGRAM, "stats"], env=env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_SECONDS
        )
    assert (ran.returncode, ran.stderr) == (1, "qctl: stdout cannot be written: No space left on device\n")


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_missing_standard_stream_is_no_traceback(closed: int, settings: Settings, email: Queue) -> None:
    """Cron and supervisors may start qctl without stdin, stdout or stderr."""
    names = ("clear", "email") if closed == 0 else ("stats",)
    redirect = f'"$@" {"<&-" if closed == 0 else f"{closed}>&-"}'
    ran = subprocess.run(
        ["sh", "-c", redirect, "sh", PROGRAM, *names],
        env={**os.environ, "REDIS_URL": settings.redis_target},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert ran.returncode == (6, 141, 0)[closed]
    assert "Traceback" not in ran.stderr


def test_ctrl_c_while_redis_does_not_answer_exits_130() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        running = subprocess.Popen(
            [PROGRAM, "--redis-url", url, "stats"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        silent.settimeout(60)
        caller, _ = silent.accept()
        with caller:
            caller.recv(1)
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=PATIENCE_SECONDS)
    assert (running.returncode, out, err) == (130, "", "qctl: interrupted\n")


def test_undecodable_names_are_escaped_on_ascii_terminals(qctl: Qctl, email: Queue, connection: Redis) -> None:
    connection.sadd("rq:queues", b"rq:queue:caf\xc3\xa9\xff")
    ran = qctl("stats", "-o", "table", PYTHONIOENCODING="ascii")
    assert ran.returncode == 0
    assert "caf\\xe9\\udcff" in ran.stdout
    assert qctl("resume", "caf\xe9", PYTHONIOENCODING="ascii").returncode == 3
