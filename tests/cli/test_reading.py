"""Every reading command on a real Redis: it writes nothing, and works for a user who may only read.

The evidence is the commands that Redis received, and its log of refused ones.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path as File

import pytest
from redis import Redis
from rq import Queue, Repeat

from cli.conftest import Ran
from cli.lines import COMMANDS, TREE, Path
from qctl.broker.admin import trash
from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.worker import pauses
from qctl.cli.main import run
from qctl.cli.session import Session
from qctl.ops import Ops
from qctl.settings import Settings
from support import stock
from support.ingest import stage_letter
from support.servers import RedisServer
from support.stock import Bomb

END_MARK = "end of the test"

STAY_OPEN: set[Path] = {("monitor",), ("up",), ("ingest", "tail")}
"""Commands that stay open. `tests/tui`, `tests/stack` and `tests/ops` cover them."""

WORDS: dict[Path, Path] = {
    ("check",): ("-Q", "mail", "--max-depth", "1000:5000"),
    ("job", "show"): ("d1",),
    ("job", "explain"): ("d1",),
    ("job", "logs"): ("d1",),
    ("flow", "show"): ("d1",),
    ("job", "wait"): ("done", "--timeout", "1s"),
    ("job", "export"): ("w1",),
    ("dlq", "show"): ("d1",),
    ("dlq", "export"): ("d1",),
    ("ingest", "rejects", "show"): ("r1",),
    ("queue", "show"): ("mail",),
    ("queue", "explain"): ("mail",),
    ("queue", "history"): ("mail",),
    ("worker", "show"): ("alive",),
    ("context", "show"): ("prod",),
    ("backup",): ("new.jsonl", "--force"),
}
"""Words that a reading command needs."""

DRY: dict[Path, Path] = {
    ("clear",): ("mail",),
    ("queue", "clear"): ("mail",),
    ("retry",): ("--all",),
    ("job", "retry"): ("d1",),
    ("job", "release"): ("--all",),
    ("job", "replay"): ("--all",),
    ("job", "cancel"): ("--all",),
    ("job", "delete"): ("w1",),
    ("job", "move"): ("w1", "--to", "old"),
    ("dlq", "retry"): ("--all",),
    ("dlq", "discard"): ("--all",),
    ("ingest", "rejects", "retry"): ("--all",),
    ("ingest", "rejects", "discard"): ("--all",),
    ("queue", "move"): ("mail", "old"),
    ("schedule", "backfill"): ("mine", "--since", "1h"),
    **{("flow", verb): ("d1",) for verb in ("retry", "cancel")},
    ("ingest", "replay"): ("readings", "--from", "sqlite"),
    ("job", "import"): ("-",),
    ("dlq", "import"): ("-",),
    ("restore",): ("kept.jsonl",),
}
"""Words that a dry run needs."""

ADDITIONAL_LINES: list[Path] = [
    ("stats", "--names"),
    ("stats", "--lanes"),
    ("job", "list", "--error", "address", "--argument", "x"),
    ("dlq", "list", "--queue", "ma*"),
    ("events", "--queue", "mail", "--since", "1h"),
    ("metrics", "show", "--plot", "wait"),
    ("schedule", "next", "mine", "--count", "3"),
    ("worker", "list", "--queue", "mail"),
]

EXIT_CODES: dict[Path, set[int]] = {
    ("health",): {1},
    ("doctor",): {1},
    ("check",): {0, 1, 2},
    ("daemon",): {0, 4},  # without systemd
    ("restore",): {5},  # most entries exist
}
"""Expected exit codes that are not 0."""


def lines() -> list[Path]:
    """Return every command line that reads."""
    reading = [
        (*path, *WORDS.get(path, ()))
        for path, command in COMMANDS.items()
        if command.changes is not True and path not in STAY_OPEN
    ]
    dry = [path for path in TREE if any("--dry-run" in option.opts for option in TREE[path].params)]
    return [*reading, *((*path, *DRY.get(path, ()), "--dry-run") for path in dry), *ADDITIONAL_LINES]


@pytest.fixture
def bomb(tmp_path: File) -> Bomb:
    """Create the payload that all pickled jobs carry."""
    return Bomb(tmp_path / "exploded")


@pytest.fixture
def deployment(own_redis: RedisServer, bomb: Bomb, tmp_path: File) -> Iterator[Redis]:
    """Fill a Redis with jobs in every state, some of which RQ's own readers would change."""
    connection = own_redis.connect()
    mail = Queue("mail", connection=connection)
    stock.enqueue(connection, "mail", "w1", bomb, meta={"bomb": bomb})
    stock.die(connection, stock.enqueue(connection, "mail", "d1", bomb, meta={"bomb": bomb}))
    stock.die(connection, stock.enqueue(connection, "mail", "d2"))
    connection.zadd(keys.failed("mail"), {"d2": 1})
    done = stock.enqueue(connection, "mail", "done", bomb)
    done.set_status("finished")
    mail.remove(done)
    connection.zadd(keys.finished("mail"), {"done": 9e12, "forgotten": 1})
    mail.enqueue_call("app.tasks.send", repeat=Repeat(times=2, interval=5), job_id="again")
    connection.rpush(keys.queue("mail"), "gone")
    connection.zadd(keys.started("mail"), {"abandoned:1": 1})
    connection.zadd(keys.scheduled("mail"), {"due": 1})
    connection.set(keys.job("text"), "text")
    connection.hset(keys.quarantine("mail"), "text", json.dumps({"reason": "r", "at": 1, "by": "w", "recoveries": 0}))
    with connection.pipeline() as pipe:
        reading = ("qctl.jobs.reading_batches.ingest_reading", ("s/a", "bm9wZQ==", 1))
        stage_letter(pipe, "sensor-data", *reading, "it is not JSON", "r1")
        pipe.execute()
    stock.register_worker(connection, "killed", "mail")
    connection.delete(keys.worker("killed"))
    stock.register_worker(connection, "alive", "mail", current_job="w1")
    stock.enqueue(connection, "old", "o", bomb)
    trash.clear(connection, "old", actor="me", ttl=60, progress=lambda _done, _total: None)
    pauses.pause(connection, "held", actor="me", seconds=0.001)
    connection.sadd(keys.QUEUES, keys.queue("broken"))
    connection.set(keys.queue("broken"), "text")
    events.record(connection, "finished", queue="mail", job="w1")
    ops = Ops(Settings.load(environ={"QCTL_HOME": str(tmp_path), "REDIS_URL": own_redis.url}))
    ops.audit.note("qctl clear", "qctl clear old", via="cli", outcome="done")
    ops.schedules.add("mine", "stock-check", every=60)
    with (tmp_path / "kept.jsonl").open("w") as backup:
        ops.backup.write(backup.write)
    ops.close()
    yield connection
    connection.close()


@pytest.fixture
def run_all(
    tmp_path: File, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], dict[Path, Ran]]:
    """Run every line with this URL, each in a session of its own."""

    def run_lines(url: str) -> dict[Path, Ran]:
        monkeypatch.setenv("REDIS_URL", url)
        monkeypatch.setenv("QCTL_HOME", str(tmp_path / "home"))
        ran = {}
        for line in lines():
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
            code = run(line, Session())
            ran[line] = Ran(code, *capsys.readouterr())
        return ran

    return run_lines


def unexpected(ran: dict[Path, Ran]) -> dict[str, str]:
    """Return the lines that failed, with their messages."""
    expected = {line: EXIT_CODES.get(line[:1], {0}) for line in ran}
    return {
        " ".join(line): f"{done.code}: {done.err}"
        for line, done in ran.items()
        if done.code not in expected[line] or "Traceback" in done.err
    }


def writing_commands(connection: Redis) -> set[str]:
    return {name.partition("|")[0] for category in ("write", "scripting") for name in connection.acl_cat(category)}


def contents(connection: Redis) -> dict[bytes, object]:
    """Return what each key holds. Not DUMP, whose order of a hash changes when Redis rehashes it during reads."""
    readers: dict[bytes, Callable[[bytes], object]] = {
        b"string": connection.get,
        b"hash": connection.hgetall,
        b"set": connection.smembers,
        b"list": lambda key: connection.lrange(key, 0, -1),
        b"zset": lambda key: connection.zrange(key, 0, -1, withscores=True),
        b"stream": connection.xrange,
    }
    return {key: readers[connection.type(key)](key) for key in connection.scan_iter()}


def test_reading_commands_send_no_writes(
    own_redis: RedisServer, deployment: Redis, bomb: Bomb, run_all: Callable[[str], dict[Path, Ran]]
) -> None:
    writing = writing_commands(deployment)
    assert {"set", "zadd", "xadd", "evalsha", "publish"} - writing == {"publish"}
    before = contents(deployment)
    with deployment.monitor() as monitor:
        ran = run_all(own_redis.url)
        deployment.echo(END_MARK)
        sent: list[str] = []
        for entry in monitor.listen():
            if END_MARK in entry["command"]:
                break
            sent.append(entry["command"].split()[0].lower())
    assert unexpected(ran) == {}
    assert len(sent) > 3 * len(ran)
    assert not {*writing, "publish"}.intersection(sent)
    assert contents(deployment) == before
    assert not bomb.went_off
    assert bomb.proves_itself()


def test_reading_commands_work_for_a_read_only_user(
    own_redis: RedisServer, deployment: Redis, run_all: Callable[[str], dict[Path, Ran]]
) -> None:
    categories = ["+@read", "+@connection", "-@write"]
    deployment.acl_setuser("eyes", enabled=True, passwords=["+pw"], keys=["*"], categories=categories)
    ran = run_all(f"redis://eyes:pw@127.0.0.1:{own_redis.port}/0")
    assert unexpected(ran) == {}
    refused = {entry["object"] for entry in deployment.acl_log()}
    assert not refused & writing_commands(deployment), "a write was attempted, and its failure was hidden"
    queues = [row.split("\t")[0] for row in ran[("stats",)].out.splitlines()]
    assert {"mail", "old", "broken"} <= set(queues)
