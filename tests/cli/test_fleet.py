"""Test `--context all` on several real Redis: one table, read at once, and a server that is away holds up nobody."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.conftest import Ran
from qctl.cli import fleet
from qctl.cli.exit_codes import ExitCode
from qctl.cli.main import run
from qctl.cli.session import Session
from support import stock
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS

Qctl = Callable[..., Ran]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def qctl(capsys: pytest.CaptureFixture[str]) -> Qctl:
    """Run a command line in this process, on real Redis."""

    def command(*arguments: str) -> Ran:
        code = run(arguments, Session())
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return command


@pytest.fixture
def contexts(tmp_path: Path, redis_server: RedisServer, own_redis: RedisServer) -> Path:
    """Two contexts, `prod` and `stage`, each with a queue. Returns the file that defines them."""
    for server, queue in ((redis_server, "mail"), (own_redis, "files")):
        with server.connect() as client:
            stock.enqueue(client, queue, "a")
    return write(tmp_path, prod=redis_server.url, stage=own_redis.url)


def write(folder: Path, **urls: str) -> Path:
    file = folder / "config" / "qctl" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f'[contexts.{name}]\nREDIS_URL = "{url}"\n' for name, url in urls.items()))
    file.chmod(0o600)
    return file


def queues(ran: Ran) -> set[tuple[str, str]]:
    """The queues with jobs that a document of stats lists, each with its context."""
    return {(row["context"], row["name"]) for row in ran.json["queues"] if row["waiting"]}


def test_stats_lists_the_queues_of_all_contexts_in_one_table(contexts: Path, qctl: Qctl) -> None:
    ran = qctl("--context", "all", "stats", "--json")
    assert ran.code == 0, ran.err
    assert queues(ran) == {("prod", "mail"), ("stage", "files")}
    assert [each["context"] for each in ran.json["contexts"]] == ["prod", "stage"]
    ran = qctl("--context", "all", "stats", "-o", "table")
    lines = [line.split()[:2] for line in ran.out.splitlines()]
    assert ["prod", "mail"] in lines
    assert ["stage", "files"] in lines


def test_context_that_never_answers_holds_up_no_other(
    tmp_path: Path,
    contexts: Path,
    redis_server: RedisServer,
    silent_port: int,
    qctl: Qctl,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fleet, "ANSWER_SECONDS", 1.5)
    write(tmp_path, prod=redis_server.url, silent=f"redis://127.0.0.1:{silent_port}/0")
    began = time.monotonic()
    ran = qctl("--context", "all", "stats", "--json")
    assert time.monotonic() - began < 15
    assert ran.code == 5
    assert queues(ran) == {("prod", "mail")}
    assert "qctl: silent: " in ran.err
    assert next(each["error"] for each in ran.json["contexts"] if each["context"] == "silent")


def test_check_prints_the_gravest_context_first(contexts: Path, qctl: Qctl) -> None:
    ran = qctl("--context", "all", "check", "-Q", "files", "--max-depth", "0")
    assert ran.code == 2
    assert ran.out.splitlines()[0].startswith("stage: QCTL CRITICAL")


@pytest.mark.parametrize(
    "words", [("pause", "mail"), ("retry", "--all"), ("job", "list"), ("clear", "mail", "--confirm", "mail")]
)
def test_other_commands_take_exactly_one_context(
    words: tuple[str, ...], contexts: Path, redis_server: RedisServer, qctl: Qctl
) -> None:
    ran = qctl("--context", "all", *words)
    assert (ran.code, ran.out) == (2, "")
    assert "takes exactly one context" in ran.err
    with redis_server.connect() as client:
        assert stock.waiting(client, "mail") == ["a"]


def test_redis_named_by_the_environment_is_not_shown_as_every_context(
    contexts: Path, redis_server: RedisServer, qctl: Qctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    ran = qctl("--context", "all", "stats", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "the Redis of context prod is not used" in ran.err


def test_all_cannot_be_the_name_of_a_context(tmp_path: Path, qctl: Qctl) -> None:
    write(tmp_path, all="redis://127.0.0.1:1/0")
    ran = qctl("--context", "all", "stats")
    assert ran.code == 2
    assert "give it another name" in ran.err


def test_sites_with_prefixes_are_read_together(tmp_path: Path, redis_server: RedisServer) -> None:
    """Each in a process of its own: RQ reads the prefix of its keys once."""
    sites = {"eu": "", "us": 'QUEUE_PREFIX = "{us}"\n', "asia": 'QUEUE_PREFIX = "{asia}"\n'}
    file = tmp_path / "config" / "qctl" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    urls = {"eu": redis_server.url, "us": redis_server.url, "asia": "redis://127.0.0.1:1/0"}
    file.write_text("".join(f'[contexts.{name}]\nREDIS_URL = "{urls[name]}"\n{more}' for name, more in sites.items()))
    file.chmod(0o600)
    with redis_server.connect() as client:
        client.sadd("rq:queues", "rq:queue:mail")
        client.rpush("rq:queue:mail", "a")
        client.sadd("{us}:queues", "{us}:queue:files")
        client.rpush("{us}:queue:files", "b", "c")
    code = "import sys; from qctl.cli import fleet, main; fleet.ANSWER_SECONDS = 80.0; sys.exit(main.main())"
    program = [sys.executable, "-c", code, "--context", "all", "stats"]
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}

    def output(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *words], env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
        )

    ran = output("--json")
    assert ran.returncode == ExitCode.PARTIAL, ran.stderr
    found = {(row["context"], row["name"]): row["waiting"] for row in json.loads(ran.stdout)["queues"]}
    assert found == {("eu", "mail"): 1, ("us", "files"): 2}
    assert "asia: Redis at" in ran.stderr
    lines = [line.split("\t")[:3] for line in output().stdout.splitlines()]
    assert ["us", "files", "2"] in lines
