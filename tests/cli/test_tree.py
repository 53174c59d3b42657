"""The whole tree of commands: every one has help, examples that work, and a JSON document with its schema."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from cli.conftest import Ran
from cli.fake import FakeOps
from qctl.cli.exits import ExitCode
from qctl.cli.main import build
from qctl.ops.cleanup import EVERYTHING

Qctl = Callable[..., Ran]


def walk(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of the tree with its words."""
    commands = getattr(node, "commands", None)
    if commands is None:
        yield path, node
    for name, child in (commands or {}).items():
        yield from walk(child, (*path, name))


ROOT = typer.main.get_command(build())
TREE = dict(walk(ROOT))

NO_DOCUMENT = {("up",), ("monitor",), ("metrics", "export")}

RUNNABLE: dict[tuple[str, ...], tuple[str, ...]] = {
    ("pause",): ("email",),
    ("resume",): ("email",),
    ("clear",): ("email", "--confirm", "email"),
    ("retry",): ("job-1",),
    ("dlq", "retry"): ("job-1",),
    ("dlq", "show"): ("job-1",),
    ("dlq", "discard"): ("job-1",),
    **{("job", verb): ("job-1",) for verb in ("show", "wait", "retry", "cancel", "delete")},
    ("job", "move"): ("job-1", "--to", "other"),
    ("trash", "empty"): ("--confirm", "trash"),
    ("alert", "test"): ("late",),
    ("alert", "mute"): ("late",),
}
"""What a command needs to do its work, where that is something."""


def interrupt(_seconds: float) -> None:
    """Ctrl-C, instead of a wait for the next time."""
    raise KeyboardInterrupt


def examples(command: Any) -> list[str]:
    return [line.strip() for line in command.epilog.splitlines() if line.strip().startswith("qctl ")]


def test_the_tree_is_known() -> None:
    assert {" ".join(path) for path in TREE} == {
        *("stats", "pause", "resume", "clear", "retry", "monitor", "up", "ping", "health"),
        *(f"dlq {verb}" for verb in ("list", "groups", "show", "retry", "discard")),
        *(f"job {verb}" for verb in ("list", "show", "wait", "retry", "cancel", "delete", "move")),
        *("trash list", "trash restore", "trash empty", "worker list"),
        *("check", "metrics show", "metrics export", "alert list", "alert test", "alert mute"),
        *(f"cleanup {kind}" for kind in (*EVERYTHING, "all")),
    }


@pytest.mark.parametrize("path", TREE, ids=" ".join)
def test_help_says_what_it_does_and_gives_examples(path: tuple[str, ...], qctl: Qctl) -> None:
    shown = qctl(*path, "--help")
    assert shown.code == 0
    assert TREE[path].help.split()[0] in shown.out
    without_help = [one.name for one in TREE[path].params if not one.help and not getattr(one, "hidden", False)]
    assert not without_help
    assert examples(TREE[path])
    assert all(example in shown.out for example in examples(TREE[path]))
    assert max(map(len, shown.out.splitlines())) <= 80


@pytest.mark.parametrize(("path", "example"), [(path, e) for path in TREE for e in examples(TREE[path])])
def test_examples_are_commands_that_exist(
    path: tuple[str, ...], example: str, qctl: Qctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", [])
    monkeypatch.setattr("qctl.cli.watch.sleep", interrupt)
    for part in example.split(" | "):
        words = shlex.split(part)
        ran = qctl(*words[1:], "--read-only")
        assert words[0] == "qctl"
        assert ran.code in (0, 6, 130 if "--watch" in words else 0), ran.err
    assert path[-1] in shlex.split(example)


@pytest.mark.parametrize("path", TREE.keys() - NO_DOCUMENT, ids=" ".join)
def test_json_has_the_schema_of_its_command(path: tuple[str, ...], qctl: Qctl) -> None:
    ran = qctl(*path, *RUNNABLE.get(path, ()), "--json")
    name = "retry" if path[-1] == "retry" else ".".join(path)
    assert ran.code == 0, ran.err
    assert ran.json["schema"] == f"qctl.{name}/1"


@pytest.mark.parametrize("path", TREE.keys() - NO_DOCUMENT, ids=" ".join)
@pytest.mark.parametrize("form", ["jsonl", "csv", "name", "table"])
def test_every_format_prints_something(path: tuple[str, ...], form: str, qctl: Qctl) -> None:
    ran = qctl(*path, *RUNNABLE.get(path, ()), "-o", form)
    assert ran.code == 0, ran.err
    assert ran.out.endswith("\n")
    assert ran.out.strip()


@pytest.mark.parametrize("path", TREE.keys() - NO_DOCUMENT, ids=" ".join)
def test_csv_and_jsonl_have_the_same_rows(path: tuple[str, ...], qctl: Qctl) -> None:
    line = (*path, *RUNNABLE.get(path, ()))
    columns, *rows = csv.reader(qctl(*line, "-o", "csv").out.splitlines())
    records = [json.loads(each) for each in qctl(*line, "-o", "jsonl").out.splitlines()]
    fields = {name for record in records for name in flat(record)}
    assert len(rows) == len(records) > 0
    nested = {name for record in records for name, value in record.items() if isinstance(value, dict)}
    assert set(columns) == fields - nested


def flat(record: dict[str, Any]) -> Iterator[str]:
    """The names of a record's fields, as csv has them."""
    for key, value in record.items():
        yield from (f"{key}_{inner}" for inner in value) if isinstance(value, dict) else (key,)


def test_options_of_all_stand_before_and_after(qctl: Qctl) -> None:
    assert qctl("--json", "stats").json == qctl("stats", "--json").json
    assert qctl("dlq", "-o", "json", "list").json["schema"] == "qctl.dlq.list/1"
    assert qctl("-o", "csv", "stats", "-o", "json").json["schema"] == "qctl.stats/1"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("nosuch",), "No such command 'nosuch'"),
        (("stats", "--bad"), "No such option: --bad"),
        (("pause",), "Missing argument"),
        (("stats", "-o", "xml"), "'xml' is not one of"),
        (("dlq", "list", "--limit", "x"), "Invalid value for '--limit'"),
        (("dlq", "list", "--limit", "0"), "Invalid value for '--limit'"),
        (("stats", "--json", "-o", "csv"), "--json and -o csv contradict each other"),
        (("--redis-url", "", "stats"), "--redis-url is empty"),
        (("pause", "email", "--for", "30"), "--for: '30' has no unit"),
        (("retry",), "nothing is chosen"),
        (("retry", "job-1", "--all"), "exclude each other"),
        (("clear", "email", "--yes"), "No such option: --yes"),
    ],
)
def test_a_malformed_line_is_told_in_one_line(line: tuple[str, ...], said: str, qctl: Qctl) -> None:
    ran = qctl(*line)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("qctl: ")
    assert said in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("words", [(), ("dlq",), ("trash",)])
def test_without_a_verb_the_help_is_shown(words: tuple[str, ...], qctl: Qctl) -> None:
    ran = qctl(*words)
    assert ran.code == 2
    assert "Commands:" in ran.err


def test_version(qctl: Qctl) -> None:
    assert qctl("--version").out.startswith("qctl ")


CHANGING = [
    line.split() for line in ("pause q", "resume q", "clear q", "retry a", "trash restore", "trash empty", "up")
]


@pytest.mark.parametrize("line", CHANGING, ids=" ".join)
def test_read_only_refuses_what_changes(line: list[str], qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    ops = FakeOps()
    by_flag = qctl(*line, "--read-only", ops=ops)
    monkeypatch.setenv("QCTL_READ_ONLY", "true")
    by_setting = qctl(*line, ops=ops)
    assert (by_flag.code, by_setting.code) == (6, 6)
    assert "read-only" in by_flag.err
    assert ops.calls == []


@pytest.mark.parametrize("line", [("clear", "email", "--dry-run"), ("retry", "--all", "--dry-run"), ("stats",)])
def test_read_only_lets_read(line: tuple[str, ...], qctl: Qctl) -> None:
    assert qctl("--read-only", *line).code == 0


def test_the_help_of_all_tells_every_exit_code(qctl: Qctl) -> None:
    table = qctl("--help").out.partition("Exit codes:")[2]
    assert {int(number) for number in re.findall(r"\b\d+\b", table)} == {int(code) for code in ExitCode}
