"""Audit: each change is recorded with its actor, command line and outcome."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from cli.conftest import Ran
from cli.fake import FakeOps
from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.cli.main import run
from qctl.cli.session import Session
from qctl.errors import QctlError, RedisUnreachableError, RefusedError, UsageError
from qctl.models import AuditEntry
from qctl.ops import Ops
from qctl.settings import Settings
from support import stock

Qctl = Callable[..., Ran]


def recorded(ops: FakeOps) -> list[tuple[str, str, str]]:
    """Return command, outcome and problem of each audit entry."""
    return [(args[0], how["outcome"], how["problem"]) for _, args, how in ops.noted]


@pytest.mark.parametrize(
    ("answer", "code", "outcome", "problem"),
    [
        (RefusedError("not now"), 6, "refused", "not now"),
        (QctlError("broken"), 1, "failed", "broken"),
        (KeyboardInterrupt(), 130, "interrupted", ""),
        (UsageError("malformed"), 2, None, ""),
        (RedisUnreachableError("away"), 4, None, ""),
    ],
)
def test_outcome_of_a_command_is_recorded(
    answer: Any, code: int, outcome: str | None, problem: str, qctl: Qctl
) -> None:
    """A command that sent nothing to Redis is not recorded."""
    ops = FakeOps(queues__clear=answer)
    assert qctl("clear", "email", "--confirm", "email", ops=ops).code == code
    assert recorded(ops) == ([("qctl clear", outcome, problem)] if outcome else [])


def test_unconfirmed_command_is_recorded_as_refused(qctl: Qctl) -> None:
    ops = FakeOps()
    assert qctl("clear", "email", "--confirm", "emial", ops=ops).code == 6
    assert recorded(ops) == [("qctl clear", "refused", "not confirmed: 'emial' is not 'email'; nothing was changed")]


def test_failed_audit_write_is_reported_without_failing_the_command(qctl: Qctl) -> None:
    ops = FakeOps(audit__note=QctlError("Redis is full"))
    ran = qctl("resume", "email", ops=ops)
    assert ran.code == 0
    assert ran.err == "qctl: done, but not recorded in the audit: Redis is full\n"
    ops = FakeOps(audit__note=QctlError("Redis is full"), queues__clear=RefusedError("not now"))
    assert qctl("clear", "email", "--confirm", "email", ops=ops).err.endswith("qctl: not now\n")


def test_interrupted_command_does_not_wait_for_the_audit(qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qctl.cli.audit.INTERRUPT_TIMEOUT_SECONDS", 0.01)
    never = __import__("threading").Event()
    ops = FakeOps(queues__clear=KeyboardInterrupt(), audit__note=lambda *_, **__: never.wait(30))
    assert qctl("clear", "email", "--confirm", "email", ops=ops).code == 130
    never.set()


@pytest.fixture
def real(
    settings: Settings, connection: Redis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Qctl:
    """Run a command line on a real Redis with one queue."""
    monkeypatch.setenv("REDIS_URL", settings.redis_target)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    stock.enqueue(connection, "email", "job-1")

    def command(*arguments: str) -> Ran:
        return Ran(run(arguments, Session()), *capsys.readouterr())

    return command


def entries(settings: Settings) -> list[AuditEntry]:
    ops = Ops(settings)
    audit = ops.audit.list()
    ops.close()
    return audit


def test_audit_entry_has_actor_command_line_and_outcome(real: Qctl, settings: Settings) -> None:
    real("pause", "email", "--reason", "token=hunter2")
    real("clear", "email")
    real("--redis-url", settings.redis_target, "clear", "email", "--confirm", "email")
    first, second, third = entries(settings)
    assert {first.actor, second.actor, third.actor} == {events.actor()}
    assert "hunter2" not in first.line
    assert [(entry.command, entry.outcome) for entry in (first, second, third)] == [
        ("qctl pause", "done"),
        ("qctl clear", "refused"),
        ("qctl clear", "done"),
    ]
    assert third.line.endswith("clear email --confirm email")
    assert third.seconds is not None


def test_audit_command_filters_entries(real: Qctl, settings: Settings) -> None:
    for verb in ("pause", "resume"):
        real(verb, "email")
    rows = real("audit").out.splitlines()
    assert rows[0].split("\t")[:4] == ["at", "actor", "command", "line"]
    assert [row.split("\t")[3] for row in rows[1:]] == ["qctl pause email", "qctl resume email"]
    assert "qctl pause email" in real("audit", "--command", "pause", "-o", "name").out
    assert real("audit", "--actor", "nobody-of-that-name", "-o", "name").out == ""
    assert "qctl resume email" in real("audit", "--since", "1h", "--limit", "1", "-o", "table").out
    assert "TRACE" not in real("audit", "-o", "table").out
    ops = Ops(settings)
    ops.audit.note("qctl clear", "qctl clear email", via="gateway", outcome="done", trace="trace-7")
    ops.close()
    heading, row = real("audit", "--trace", "trace-7", "-o", "table").out.splitlines()
    assert "TRACE" in heading
    assert "trace-7" in row


def test_trace_id_of_the_environment_is_recorded(
    real: Qctl, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QCTL_TRACE_ID", "nightly-7")
    ran = real("pause", "email")
    assert (ran.code, ran.err) == (0, "")
    job_id = real("job", "enqueue", "stock-check", "-o", "name").out.strip()
    assert [entry.trace for entry in entries(settings)] == ["nightly-7"] * 2
    assert real("job", "show", job_id, "--json").json["trace"] == "nightly-7"
    monkeypatch.setenv("QCTL_TRACE_ID", "two words")
    assert real("pause", "email").code == 2


def test_unwritable_audit_key_is_reported(real: Qctl, settings: Settings, connection: Redis) -> None:
    connection.set(keys.AUDIT, "text")
    ran = real("pause", "email")
    assert ran.code == 0
    assert "done, but not recorded in the audit" in ran.err
