"""The command tree: every command has help, working examples, and a JSON document with its schema."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from cli.conftest import Ran
from cli.fake import FakeOps
from cli.lines import COMMANDS, NO_DOCUMENT, ROOT, RUNNABLE, SHARED, TREE
from qctl.cli.exit_codes import ExitCode
from qctl.cli.help_format import summary
from qctl.toml import read_toml

Qctl = Callable[..., Ran]

MAX_SUMMARY_CHARACTERS = 60

PROJECT_URLS = read_toml(Path(__file__).parents[2] / "pyproject.toml")["project"]["urls"]


def interrupt(_seconds: float) -> None:
    """Simulate Ctrl-C during a wait."""
    raise KeyboardInterrupt


def examples(command: Any) -> list[str]:
    return [line.strip() for line in command.epilog.splitlines() if line.strip().startswith("qctl ")]


@pytest.mark.parametrize("path", TREE, ids=" ".join)
def test_every_command_has_help_and_examples(path: tuple[str, ...], qctl: Qctl) -> None:
    shown = qctl(*path, "--help")
    assert shown.code == 0
    assert TREE[path].help.split()[0] in shown.out
    without_help = [
        parameter.name
        for parameter in TREE[path].params
        if not parameter.help and not getattr(parameter, "hidden", False)
    ]
    assert not without_help
    assert examples(TREE[path])
    assert all(example in shown.out for example in examples(TREE[path]))
    assert max(map(len, shown.out.splitlines())) <= 80


@pytest.mark.parametrize("path", TREE, ids=" ".join)
def test_help_starts_with_examples_and_ends_with_the_documentation(path: tuple[str, ...], qctl: Qctl) -> None:
    shown = qctl(*path, "-h").out
    assert shown.index("EXAMPLES") < shown.index("OUTPUT")
    assert shown.splitlines()[-1] == f"Documentation: {PROJECT_URLS['Documentation']}"


@pytest.mark.parametrize("group", sorted({path[:-1] for path in TREE}), ids=" ".join)
def test_help_of_a_group_has_short_whole_summaries(group: tuple[str, ...], qctl: Qctl) -> None:
    shown = qctl(*group, "--help").out
    node = ROOT
    for word in group:
        node = node.commands[word]
    for name, child in node.commands.items():
        assert re.search(rf"^  {name} +{re.escape(summary(child.help))}\.$", shown, re.MULTILINE)
        assert len(summary(child.help)) <= MAX_SUMMARY_CHARACTERS


@pytest.mark.parametrize("path", [(), ("stats",), ("queue",), ("queue", "drain"), ("ingest", "rejects", "show")])
def test_each_way_to_ask_for_help_shows_the_same(path: tuple[str, ...], qctl: Qctl) -> None:
    shown = qctl("help", *path)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == qctl(*path, "-h").out == qctl(*path, "--help").out


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("pause --queue email --reason deploy", "pause email --reason deploy"),
        ("pause --queue=email --queue report", "pause email report"),
        ("pause --reason --queue email", "pause --reason --queue email"),
        ("stats --queue email", "stats email"),
        ("queue move --queue email other --yes", "queue move email other --yes"),
        ("queue clear --yes --queue email", "clear email --confirm email"),
    ],
)
def test_queue_is_also_an_option(typed: str, plain: str, qctl: Qctl) -> None:
    ran, expected = FakeOps(), FakeOps()
    assert qctl(*typed.split(), ops=ran).out == qctl(*plain.split(), ops=expected).out
    assert ran.calls == expected.calls


def test_queue_without_a_name_is_a_usage_error(qctl: Qctl) -> None:
    ran = qctl("pause", "--queue")
    assert ran.code == 2
    assert "'--queue' requires an argument" in ran.err


def test_help_of_an_unknown_command_is_a_usage_error(qctl: Qctl) -> None:
    ran = qctl("help", "queue", "drian")
    assert ran.code == 2
    assert "No such command 'drian'" in ran.err


@pytest.mark.parametrize("verb", ["pause", "resume", "clear"])
def test_queue_has_the_commands_of_the_top_level(verb: str) -> None:
    assert COMMANDS["queue", verb] is COMMANDS[verb,]


@pytest.mark.parametrize(("path", "example"), [(path, e) for path in TREE for e in examples(TREE[path])])
def test_examples_run(path: tuple[str, ...], example: str, qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr("qctl.cli.watch.sleep", interrupt)
    monkeypatch.setattr("qctl.web_terminal.local_server.LocalServer.run", lambda served, started: started(served.url))
    for part in example.split(" | "):
        words = shlex.split(part)
        with patch.dict(os.environ):  # `--web` passes options to its children by the environment
            ran = qctl(*words[1:], "--read-only")
        assert words[0] == "qctl"
        assert "?token=" in ran.out or "--web" not in words
        assert ran.code in (0, 6, 130 if "--watch" in words else 0), ran.err
    assert path[-1] in shlex.split(example)


@pytest.mark.parametrize("path", TREE.keys() - NO_DOCUMENT, ids=" ".join)
def test_json_has_the_schema_of_its_command(path: tuple[str, ...], qctl: Qctl) -> None:
    ran = qctl(*path, *RUNNABLE.get(path, ()), "--json")
    name = SHARED.get(path, ".".join(path))
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
    records = [json.loads(row) for row in qctl(*line, "-o", "jsonl").out.splitlines()]
    fields = {name for record in records for name in flat(record)}
    assert len(rows) == len(records) > 0
    nested = {name for record in records for name, value in record.items() if isinstance(value, dict)}
    assert set(columns) == fields - nested


def flat(record: dict[str, Any]) -> Iterator[str]:
    """Yield the names of a record's fields, as in csv."""
    for key, value in record.items():
        yield from (f"{key}_{inner}" for inner in value) if isinstance(value, dict) else (key,)


def test_global_options_are_accepted_before_and_after_commands(qctl: Qctl) -> None:
    assert qctl("--json", "stats").json == qctl("stats", "--json").json
    assert qctl("dlq", "-o", "json", "list").json["schema"] == "qctl.dlq.list/1"
    assert qctl("-o", "csv", "stats", "-o", "json").json["schema"] == "qctl.stats/1"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("nosuch",), "No such command 'nosuch'"),
        (("stats", "--bad"), "No such option: --bad"),
        (("pause",), "Missing argument"),
        (("stats", "-o", "xml"), "'xml' is not one of"),
        (("dlq", "list", "--limit", "x"), "Invalid value for '--limit'"),
        (("dlq", "list", "--limit", "0"), "Invalid value for '--limit'"),
        (("stats", "--json", "-o", "csv"), "--json cannot be combined with -o csv"),
        (("--redis-url", "", "stats"), "--redis-url is empty"),
        (("pause", "email", "--for", "30"), "--for: '30' has no unit"),
        (("retry",), "no jobs selected"),
        (("retry", "job-1", "--all"), "job ids cannot be combined"),
        (("clear", "email", "--sure"), "No such option: --sure"),
    ],
)
def test_malformed_command_line_is_one_line(line: tuple[str, ...], message: str, qctl: Qctl) -> None:
    ran = qctl(*line)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("qctl: ")
    assert message in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("words", [(), ("dlq",), ("trash",)])
def test_group_without_a_verb_shows_its_help(words: tuple[str, ...], qctl: Qctl) -> None:
    ran = qctl(*words)
    assert ran.code == 2
    assert "COMMANDS" in ran.err or "QUEUES AND JOBS" in ran.err


def test_version(qctl: Qctl) -> None:
    assert qctl("--version").out.startswith("qctl ")
    assert qctl("version").out == qctl("--version").out


def test_root_help_lists_every_exit_code(qctl: Qctl) -> None:
    table = qctl("--help").out.partition("EXIT CODES")[2]
    assert {int(number) for number in re.findall(r"\b\d+\b", table)} == {int(code) for code in ExitCode}
