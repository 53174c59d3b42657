"""Unknown names exit 3 with a suggestion. Damaged keys are errors of their own; the rest works."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from redis import Redis

from cli.conftest import Ran
from cli.lines import TREE, Path
from qctl.broker.redis import keys
from qctl.cli.main import run
from qctl.cli.session import Session
from qctl.ops import Ops
from qctl.settings import Settings
from support import stock

Qctl = Callable[..., Ran]

UNKNOWN: dict[Path, tuple[str, str]] = {
    ("stats",): ("emial", "email"),
    ("pause",): ("emial", "email"),
    ("resume",): ("emial", "email"),
    ("clear",): ("emial", "email"),
    ("retry",): ("nosuch", ""),
    ("check",): ("--max-depth 1 -Q emial", "email"),
    ("events",): ("--queue emial", "email"),
    ("report",): ("--queue emial", "email"),
    ("job", "list"): ("--queue emial", "email"),
    ("job", "show"): ("letter-2", "letter-1"),
    ("job", "explain"): ("letter-2", "letter-1"),
    ("limit", "set"): ("emial --rate 1/s", "email"),
    ("limit", "clear"): ("emial", "email"),
    ("mark", "delete"): ("v1.5", ""),
    ("note", "add"): ("known --pause emial", ""),
    ("note", "delete"): ("--pause emial", ""),
    ("job", "logs"): ("letter-2", "letter-1"),
    ("job", "wait"): ("letter-2", "letter-1"),
    ("job", "enqueue"): ("stock-chek", "stock-check"),
    ("flow", "show"): ("nosuch", ""),
    ("flow", "retry"): ("nosuch --yes", ""),
    ("flow", "cancel"): ("nosuch --yes", ""),
    ("job", "retry"): ("nosuch", ""),
    ("job", "replay"): ("nosuch", ""),
    ("job", "cancel"): ("nosuch", ""),
    ("job", "delete"): ("nosuch", ""),
    ("job", "move"): ("nosuch --to email", ""),
    ("job", "release"): ("nosuch", ""),
    ("job", "stop"): ("letter-2", "letter-1"),
    ("job", "edit"): ("letter-2 --data {}", "letter-1"),
    ("job", "export"): ("nosuch", ""),
    ("dlq", "list"): ("--queue emial", "email"),
    ("dlq", "groups"): ("--queue emial", "email"),
    ("dlq", "show"): ("letter-2", "letter-1"),
    ("dlq", "retry"): ("nosuch", ""),
    ("dlq", "discard"): ("nosuch", ""),
    ("dlq", "export"): ("nosuch", ""),
    ("ingest", "status"): ("reading", "readings"),
    ("ingest", "tail"): ("reading", "readings"),
    ("ingest", "push"): ("reading", "readings"),
    ("ingest", "replay"): ("reading --from sqlite --yes", "readings"),
    ("ingest", "flush"): ("reading", "readings"),
    ("ingest", "rejects", "list"): ("--pipeline reading", "readings"),
    ("ingest", "rejects", "show"): ("letter-2", "letter-1"),
    ("ingest", "rejects", "retry"): ("nosuch", ""),
    ("ingest", "rejects", "discard"): ("nosuch", ""),
    **{("queue", verb): ("emial", "email") for verb in ("list", "ls", "pause", "resume", "clear")},
    ("queue", "show"): ("emial", "email"),
    ("queue", "explain"): ("emial", "email"),
    ("queue", "history"): ("emial", "email"),
    ("queue", "move"): ("emial email --yes", "email"),
    ("queue", "drain"): ("emial", "email"),
    ("queue", "delete"): ("emial --confirm emial", "email"),
    ("trash", "restore"): ("20200101-000000-aaaa", ""),
    ("trash", "empty"): ("20200101-000000-aaaa", ""),
    ("schedule", "list"): ("--queue emial", "email"),
    ("schedule", "next"): ("nighlty", "nightly"),
    ("schedule", "add"): ("x stock-chek --every 1h", "stock-check"),
    ("schedule", "edit"): ("nighlty --every 1h", "nightly"),
    ("schedule", "remove"): ("nighlty", "nightly"),
    ("schedule", "pause"): ("nighlty", "nightly"),
    ("schedule", "resume"): ("nighlty", "nightly"),
    ("schedule", "run"): ("nighlty", "nightly"),
    ("schedule", "skip"): ("nighlty", "nightly"),
    ("schedule", "blackout"): ("nighlty 22:00-06:00", "nightly"),
    ("schedule", "backfill"): ("nighlty --since 1h", "nightly"),
    ("worker", "list"): ("--queue emial", "email"),
    ("worker", "show"): ("box.2", "box.1"),
    ("worker", "quiet"): ("box.2", "box.1"),
    ("worker", "resume"): ("box.2", "box.1"),
    ("worker", "stop"): ("box.2", "box.1"),
    ("worker", "scale"): ("emial 2", "email"),
    ("alert", "test"): ("lat", ""),
    ("alert", "mute"): ("lat --for 1h", ""),
    ("metrics", "show"): ("emial", "email"),
    ("context", "show"): ("prdo", "prod"),
    ("context", "use"): ("prdo", "prod"),
}
"""Unknown words for each command, and the expected suggestion; "" if no name is close."""

NAMING = ("QUEUE", "ID", "WORKER", "NAME", "BATCH", "ALERT", "JOB", "TARGET", "FLOW")
"""Metavars of arguments that are names."""

MAY_BE_NEW: set[Path] = {("cleanup", "finished"), ("cleanup", "failed"), ("cleanup", "all"), ("daemon", "scale")}
"""Commands that accept unknown queues: globs of cron jobs may match nothing, and workers may wait for a first job."""


@pytest.fixture
def qctl(
    settings: Settings, connection: Redis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Qctl:
    """Run a command line on a Redis with a queue, a dead letter, a schedule and a worker."""
    monkeypatch.setenv("REDIS_URL", settings.redis_target)
    monkeypatch.setenv("QCTL_HOME", str(settings.home))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    stock.enqueue(connection, "email", "job-1")
    stock.die(connection, stock.enqueue(connection, "email", "letter-1"))
    stock.register_worker(connection, "box.1", "email")
    ops = Ops(settings)
    ops.schedules.add("nightly", "stock-check", every=3600)
    ops.close()

    def command(*arguments: str) -> Ran:
        code = run(arguments, Session())
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return command


def test_every_command_with_a_name_argument_is_tested() -> None:
    named = {
        path
        for path, command in TREE.items()
        for parameter in command.params
        if not getattr(parameter, "hidden", False)
        and (parameter.metavar or "").strip("[].") in NAMING
        and (not parameter.opts[0].startswith("-") or parameter.opts[0] == "--queue")
    }
    assert named - MAY_BE_NEW <= UNKNOWN.keys()
    assert set(UNKNOWN) <= set(TREE)


@pytest.mark.parametrize("path", UNKNOWN, ids=" ".join)
def test_unknown_name_exits_3_with_a_suggestion(path: Path, qctl: Qctl) -> None:
    words, suggestion = UNKNOWN[path]
    ran = qctl(*path, *words.split())
    assert ran.code == 3, (ran.out, ran.err)
    message = ran.err or ran.out  # `check` prints to stdout
    assert "Traceback" not in message
    if suggestion:
        assert f"did you mean '{suggestion}'" in message
    else:
        assert any(word in message for word in words.split())


@pytest.mark.parametrize("kind", ["text", "zset"])
def test_queue_key_of_wrong_type_does_not_affect_other_queues(kind: str, qctl: Qctl, connection: Redis) -> None:
    key = keys.queue("broken")
    connection.sadd(keys.QUEUES, key)
    if kind == "text":
        connection.set(key, "text")
    else:
        connection.zadd(key, {"a": 1})
    queues = {queue["name"]: queue for queue in json.loads(qctl("stats", "--json").out)["queues"]}
    assert "another type" in queues["broken"]["error"]
    assert (queues["email"]["error"], queues["email"]["waiting"]) == (None, 1)
    for line in (
        ("job", "list"),
        ("dlq", "list"),
        ("dlq", "groups"),
        ("schedule", "list"),
        ("schedule", "next"),
        ("worker", "list"),
        ("worker", "list", "--queue", "broken"),
        ("metrics", "show"),
        ("metrics", "export"),
        ("events",),
        ("retry", "--all", "--dry-run"),
        ("cleanup", "all", "--dry-run"),
    ):
        ran = qctl(*line)
        assert ran.code == 0, (line, ran.err)
    assert qctl("job", "show", "job-1").code == 0
    assert qctl("health").code == 1
    for line in (("clear", "broken", "--confirm", "broken"), ("queue", "show", "broken")):
        ran = qctl(*line)
        assert "Traceback" not in ran.err
        assert "internal error" not in ran.err
    assert qctl("pause", "broken", "--force").code == 0
    assert qctl("resume", "broken").code == 0
    assert qctl("clear", "email", "--confirm", "email").code == 0


@pytest.mark.parametrize(
    "key", ["qctl:events", "qctl:audit", "qctl:schedules", "qctl:quiet", "qctl:paused", "rq:workers"]
)
def test_qctl_key_of_wrong_type_is_a_one_line_error(key: str, qctl: Qctl, connection: Redis) -> None:
    connection.delete(key)
    connection.set(key, "text")
    for line in (("stats",), ("events",), ("audit",), ("schedule", "list"), ("worker", "list"), ("health",)):
        ran = qctl(*line)
        assert ran.code in (0, 1), (line, ran.err)
        assert "Traceback" not in ran.err
        assert "internal error" not in ran.err
