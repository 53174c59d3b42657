"""A Redis that answers and takes no writes: health and the daemons say the cause, each daemon once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from qctl.ops import Ops
from qctl.settings import Settings
from support.process import Program
from support.servers import RedisServer
from support.waiting import eventually

BIN = Path(sys.executable).parent

REFUSALS = 8
"""Commands that Redis has to refuse before the lines of the daemons are counted: each has tried several times."""


@dataclass(frozen=True)
class Refusal:
    """A Redis that refuses: how it begins and ends, the error's code, and what health and daemons say."""

    begin: Callable[[Redis, Path], object]
    end: Callable[[Redis, Path], object]
    code: str
    health: str
    daemons: str


def fail_snapshots(connection: Redis, folder: Path) -> None:
    """Put a folder in the place of the snapshot, where Redis cannot write one, and let it try."""
    connection.config_set("save", "3600 1")
    (folder / "dump.rdb").mkdir()
    take_snapshot(connection)


def repair_snapshots(connection: Redis, folder: Path) -> None:
    (folder / "dump.rdb").rmdir()
    take_snapshot(connection)


def take_snapshot(connection: Redis) -> None:
    connection.bgsave()
    eventually(lambda: not connection.info("persistence")["rdb_bgsave_in_progress"], what="the snapshot")


def allow_scripts(connection: Redis, *, allow: bool) -> None:
    connection.acl_setuser("app", enabled=True, categories=["+@scripting" if allow else "-@scripting"])


SNAPSHOT = Refusal(
    fail_snapshots,
    repair_snapshots,
    "MISCONF",
    "Redis failed to write its last snapshot",
    "Redis cannot write to its disk and takes no writes (MISCONF",
)
PERMISSION = Refusal(
    lambda connection, _: allow_scripts(connection, allow=False),
    lambda connection, _: allow_scripts(connection, allow=True),
    "NOPERM",
    "this user may not run EVALSHA",
    "Redis does not let this user do that (",
)


@pytest.fixture
def connection(own_redis: RedisServer) -> Iterator[Redis]:
    with own_redis.connect() as client:
        rules = {"keys": ["*"], "channels": ["*"], "categories": ["+@all"]}
        client.acl_setuser("app", enabled=True, passwords=["+pw"], **rules)
        yield client


def environ(server: RedisServer, folder: Path) -> dict[str, str]:
    url = server.tcp_url.replace("://", "://app:pw@")
    return {"REDIS_URL": url, "QCTL_HOME": str(folder), "LOG_FORMAT": "text"}


class Daemon(Program):
    """A daemon, and the lines of its log about an outage."""

    def __init__(self, command: Sequence[str], env: dict[str, str], folder: Path, consequence: str) -> None:
        super().__init__(command[0], [str(BIN / command[0]), *command[1:]], folder, env)
        self._consequence = consequence

    def ready(self) -> bool:
        """True if it has begun its work, or says that it cannot."""
        return bool(self.lines) or any(words in self.output for words in ("takes jobs from", "running schedules"))

    @property
    def lines(self) -> list[str]:
        """Lines of the log about the outage."""
        return [line for line in self.output.splitlines() if f"{self._consequence}: " in line]

    def wait_for_line(self, words: str) -> None:
        """Wait until the last of these lines has these words."""
        eventually(lambda: any(words in line for line in self.lines[-1:]), what=words)


def daemons(env: dict[str, str], folder: Path) -> tuple[Daemon, Daemon]:
    worker = Daemon(("qctl-worker", "mail"), env, folder, "no jobs are claimed")
    return worker, Daemon(("qctl-scheduler",), env, folder, "no schedules run")


def count_errors(connection: Redis, code: str) -> int:
    counts: dict[str, dict[str, int]] = connection.info("errorstats")
    return counts.get(f"errorstat_{code}", {}).get("count", 0)


def writes_status(env: dict[str, str]) -> tuple[str, str]:
    with closing(Ops(Settings.load(environ=env, dotenv=Path("no.env")))) as ops:
        (finding,) = [finding for finding in ops.health.check().findings if finding.check == "writes"]
    return finding.status, finding.reason.partition(":")[0]


def wait_for_attempts(connection: Redis, code: str) -> None:
    refused = count_errors(connection, code)
    eventually(lambda: count_errors(connection, code) >= refused + REFUSALS, what="further attempts")


@pytest.mark.parametrize("refusal", [SNAPSHOT, PERMISSION], ids=["failed-snapshot", "acl"])
def test_health_and_daemons_say_why_writes_are_refused(
    refusal: Refusal, connection: Redis, own_redis: RedisServer, tmp_path: Path
) -> None:
    env = environ(own_redis, tmp_path)
    worker, scheduler = daemons(env, tmp_path)
    with worker, scheduler:
        assert writes_status(env) == ("ok", "Redis takes writes")
        refusal.begin(connection, own_redis.folder)
        for daemon in (worker, scheduler):
            daemon.wait_for_line(refusal.daemons)
        wait_for_attempts(connection, refusal.code)
        assert writes_status(env) == ("down", refusal.health)
        assert [daemon.lines[1:] for daemon in (worker, scheduler)] == [[], []]
        refusal.end(connection, own_redis.folder)
        for daemon in (worker, scheduler):
            daemon.wait_for_line("over after")
            assert len(daemon.lines) == 2
        assert writes_status(env) == ("ok", "Redis takes writes")


def test_health_and_daemons_say_that_redis_has_no_evalsha(tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--rename-command", "EVALSHA", "") as server, server.connect() as connection:
        env = {**environ(server, tmp_path), "REDIS_URL": server.url}
        for daemon in daemons(env, tmp_path):
            with daemon:
                daemon.wait_for_line("Redis does not have a command that qctl needs (unknown command 'EVALSHA'")
                wait_for_attempts(connection, "ERR")
                assert len(daemon.lines) == 1
        assert writes_status(env) == ("down", "Redis has no EVALSHA")
