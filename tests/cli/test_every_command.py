"""Behaviour of every command: read-only, audit, Ctrl-C, unreachable Redis, malformed options, odd terminals.

New commands are covered automatically.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from cli.conftest import Ran
from cli.fake import ANSWERS, FakeOps
from cli.lines import COMMANDS, NO_DOCUMENT, RUNNABLE, TREE, Path
from qctl.cli.exit_codes import ExitCode
from qctl.cli.main import run
from qctl.cli.session import Session
from support.process import free_port

Qctl = Callable[..., Ran]

SCREENS: set[Path] = {("monitor",), ("up",)}
"""Commands that stay open. Their own tests cover how they end."""

CHANGING = [path for path, command in COMMANDS.items() if command.changes is True]
READING = [path for path, command in COMMANDS.items() if command.changes is not True]
REDIS_COMMANDS = [
    path for path, command in COMMANDS.items() if not command.local and path not in {*SCREENS, ("config", "show")}
]
"""Commands that use Redis."""

MONITORING_PLUGIN: Path = ("check",)
"""A command with the exit codes of monitoring plug-ins: 2 CRITICAL, 3 UNKNOWN."""


def line(path: Path) -> tuple[str, ...]:
    """Return a command with the words it needs."""
    return (*path, *RUNNABLE.get(path, ()))


@pytest.fixture(autouse=True)
def _no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))


def test_commands_of_click_and_qctl_are_the_same() -> None:
    assert set(COMMANDS) == set(TREE)
    assert len(COMMANDS) > 50
    assert CHANGING
    assert READING


# --- read-only ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CHANGING, ids=" ".join)
def test_read_only_refuses_changes(path: Path, qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    ops = FakeOps()
    by_flag = qctl(*line(path), "--read-only", ops=ops)
    before = qctl("--read-only", *line(path), ops=ops)
    monkeypatch.setenv("QCTL_READ_ONLY", "true")
    by_setting = qctl(*line(path), ops=ops)
    assert (by_flag.code, before.code, by_setting.code) == (6, 6, 6)
    assert "read-only by --read-only" in by_flag.err
    assert "read-only by QCTL_READ_ONLY of environment" in by_setting.err
    assert (by_flag.out, ops.calls, ops.noted) == ("", [], [])


@pytest.mark.parametrize("path", CHANGING, ids=" ".join)
def test_replica_refuses_changes(path: Path, qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl(*line(path), "--replica", ops=ops)
    assert (ran.code, ran.out, ops.calls, ops.noted) == (6, "", [], [])
    assert (
        ran.err
        == f"qctl: `qctl {' '.join(path)}` changes things, and a replica takes no writes; repeat it without --replica\n"
    )


@pytest.mark.parametrize("path", [path for path in CHANGING if not COMMANDS[path].local], ids=" ".join)
def test_read_only_context_refuses_changes(path: Path, qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl("--context", "prod", *line(path), ops=ops)
    assert (ran.code, ops.calls) == (6, [])
    assert "read-only by QCTL_READ_ONLY of context prod" in ran.err


def test_read_only_permits_allowed_commands(qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QCTL_READ_ONLY", "true")
    monkeypatch.setenv("QCTL_ALLOWED_COMMANDS", "retry,  dlq retry")
    assert [qctl(*words, "job-1").code for words in (("retry",), ("dlq", "retry"))] == [0, 0]
    assert [qctl(*words, "job-1").code for words in (("job", "retry"), ("job", "cancel"))] == [6, 6]
    assert qctl("retry", "job-1", "--read-only").code == 6
    monkeypatch.setenv("QCTL_ALLOWED_COMMANDS", "retry; pause")
    assert qctl("retry", "job-1").code == 2


@pytest.mark.parametrize("path", set(READING) - SCREENS, ids=" ".join)
def test_read_only_permits_reading(path: Path, qctl: Qctl) -> None:
    assert qctl("--read-only", *line(path)).code == 0


DRY = [path for path in CHANGING if any("--dry-run" in option.opts for option in TREE[path].params)]


@pytest.mark.parametrize("path", DRY, ids=" ".join)
def test_dry_run_is_not_audited_and_permitted_by_read_only(path: Path, qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl("--read-only", *line(path), "--dry-run", ops=ops)
    assert ran.code == 0, ran.err
    assert ops.noted == []


# --- the audit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", COMMANDS.keys() - SCREENS, ids=" ".join)
def test_only_changes_are_audited(path: Path, qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl(*line(path), ops=ops)
    assert ran.code == 0, ran.err
    if COMMANDS[path].changes is not True or COMMANDS[path].local:
        assert ops.noted == []
        return
    ((_, (command, typed), how),) = ops.noted
    assert command == f"qctl {' '.join(path)}"
    assert typed.startswith(command)
    assert (how["outcome"], how["via"], how["problem"]) == ("done", "cli", "")


# --- failures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", REDIS_COMMANDS, ids=" ".join)
def test_ctrl_c_is_one_line_and_exits_130(path: Path, qctl: Qctl) -> None:
    ops = FakeOps(**{name: KeyboardInterrupt() for name in ANSWERS if not name.startswith("audit__note")})
    ran = qctl(*line(path), ops=ops)
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.splitlines()[-1] == "qctl: interrupted"
    assert "Traceback" not in ran.err
    assert [how["outcome"] for _, _, how in ops.noted] == ["interrupted"] * (COMMANDS[path].changes is True)


@pytest.fixture
def without_redis(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Qctl:
    """Run a command line with a Redis that does not answer."""
    monkeypatch.setenv("REDIS_URL", f"redis://:hunter2@127.0.0.1:{free_port()}/0")

    def command(*arguments: str) -> Ran:
        code = run(arguments, Session())
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return command


NEEDS: dict[Path, tuple[str, ...]] = {
    ("job", "enqueue"): ("stock-check",),
    ("alert", "mute"): ("late", "--for", "1h"),
}
"""Words that replace those of `RUNNABLE`, for commands that validate them before they use Redis."""

OFFLINE_COMMANDS: set[Path] = {
    ("alert", "list"),
    ("alert", "test"),
    ("alert", "mute"),
    ("job", "import"),
    ("dlq", "import"),
    ("ingest", "push"),
    ("user", "list"),
    ("metrics", "chat"),
}
"""Commands that may end before they use Redis: there are no rules, no input and no users, or they read the database."""


@pytest.mark.parametrize("path", [path for path in REDIS_COMMANDS if path not in OFFLINE_COMMANDS], ids=" ".join)
def test_unreachable_redis_is_one_line_and_exits_4(path: Path, without_redis: Qctl) -> None:
    ran = without_redis(*path, *NEEDS.get(path, RUNNABLE.get(path, ())))
    assert ran.code == (2 if path == MONITORING_PLUGIN else 4), ran.err
    assert "hunter2" not in ran.out + ran.err
    assert "Traceback" not in ran.out + ran.err
    assert "does not answer" in ran.out + ran.err
    assert ran.err.count("\n") <= 1


MALFORMED = {"TIME": "5 parsecs", "N/s": "fast", "W:C": "high:low"}
"""Metavar -> a malformed value."""

ONLY_WITH: dict[tuple[Path, str], tuple[str, ...]] = {
    (("stats",), "--since"): ("--names",),
    (("queue", "list"), "--since"): ("--names",),
    (("queue", "ls"), "--since"): ("--names",),
}
"""Options that need other options."""

BAD = [
    (path, option.opts[0], MALFORMED[option.metavar])
    for path in REDIS_COMMANDS
    for option in TREE[path].params
    if option.metavar in MALFORMED and option.opts[0].startswith("-")
]


@pytest.mark.parametrize(("path", "option", "value"), BAD)
def test_malformed_value_is_quoted_and_exits_2(path: Path, option: str, value: str, qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl(*line(path), *ONLY_WITH.get((path, option), ()), option, value, ops=ops)
    assert ran.code == (3 if path == MONITORING_PLUGIN else 2), (ran.out, ran.err)
    message = ran.err or ran.out  # a monitoring system reads one line of stdout
    assert message.count("\n") == 1
    assert option in message
    assert any(part in message for part in (repr(value), *map(repr, value.split(":"))))
    assert ops.noted == []


# --- odd terminals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", COMMANDS.keys() - NO_DOCUMENT - SCREENS, ids=" ".join)
def test_closed_stdout_exits_141(path: Path, qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    ops = FakeOps()
    ran = qctl(*line(path), ops=ops)
    assert ran.code == ExitCode.STDOUT_CLOSED
    assert "Traceback" not in ran.err
    assert [how["outcome"] for _, _, how in ops.noted] in ([], ["done"])


@pytest.mark.parametrize("path", COMMANDS.keys() - NO_DOCUMENT - SCREENS, ids=" ".join)
@pytest.mark.parametrize("names", [{"COLUMNS": "20"}, {"COLUMNS": "20", "TERM": "dumb", "NO_COLOR": "1"}], ids=str)
def test_output_works_in_20_columns(
    path: Path, names: dict[str, str], qctl: Qctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("qctl.cli.output.is_terminal", lambda stream: stream is sys.stdout)
    ran = qctl(*line(path))
    assert ran.code == 0, ran.err
    assert ran.out or ran.err
    assert "Traceback" not in ran.err
    assert "\x1b[3" not in ran.out or "NO_COLOR" not in names


def test_confirmation_without_a_terminal_is_refused(qctl: Qctl) -> None:
    for words in (
        ("clear", "email"),
        ("retry", "--all"),
        ("trash", "empty"),
        ("worker", "stop", "--all"),
        ("worker", "quiet", "w*"),
        ("worker", "stop", "w1", "--now"),
    ):
        ops = FakeOps()
        ran = qctl(*words, ops=ops)
        assert ran.code == 6, words
        assert "there is no terminal" in ran.err
        assert [how["outcome"] for _, _, how in ops.noted] == ["refused"]
