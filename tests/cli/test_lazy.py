"""Lazy imports: a command line imports only the modules it needs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable

import pytest
import typer

from cli.conftest import Ran
from qctl.cli import command_tree
from qctl.cli.command import all_commands

Qctl = Callable[..., Ran]


def test_tree_help_matches_command_docstrings() -> None:
    commands = all_commands(command_tree.build())
    for name, verb in command_tree.VERBS.items():
        command = command_tree.load(verb.path)
        assert command.name == name
        assert " ".join((inspect.getdoc(command.function) or "").split()).startswith(verb.help), name
        assert commands[name,] == command


def test_help_does_not_depend_on_imported_commands(qctl: Qctl) -> None:
    whole = typer.main.get_command(command_tree.build())
    bare = typer.main.get_command(command_tree.build([]))
    assert list(whole.commands) == list(bare.commands)  # type: ignore[attr-defined]
    assert qctl("--help").out == qctl("--help", "stats", "cleanup").out


@pytest.mark.parametrize(
    ("line", "imported"),
    [(["--help"], set()), (["stats", "--help"], {"stats"}), (["-o", "json", "trash", "--help"], {"trash"})],
)
def test_only_the_named_command_is_imported(line: list[str], imported: set[str]) -> None:
    code = f"import sys; from qctl.cli.main import run, Session; run({line!r}, Session()); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    modules = ran.stdout.splitlines()[-1].split()
    places = {verb.path.partition(".")[0] for verb in command_tree.VERBS.values()}
    places |= {path.partition(".")[0] for noun in command_tree.NOUNS.values() for path in noun.verbs}
    loaded = {module.removeprefix("qctl.cli.commands.") for module in modules} & places
    assert loaded == imported
    assert not {"redis", "rq", "rich", "qctl.ops"} & set(modules)


def test_unknown_command_is_a_usage_error(qctl: Qctl) -> None:
    ran = qctl("stat")
    assert ran.code == 2
    assert "No such command 'stat'" in ran.err
