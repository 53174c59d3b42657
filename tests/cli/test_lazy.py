"""Only what a command line needs is read, and nobody can tell."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable

import pytest
import typer

from cli.conftest import Ran
from qctl.cli import tree
from qctl.cli.command import tree as commands_of

Qctl = Callable[..., Ran]


def test_what_the_table_says_is_what_the_commands_say() -> None:
    known = commands_of(tree.build())
    for name, (path, sentence) in tree.DAILY.items():
        command = tree.load(path)
        assert command.name == name
        assert " ".join((inspect.getdoc(command.function) or "").split()).startswith(sentence), name
        assert known[name,] == command


def test_help_is_the_same_whatever_else_is_read(qctl: Qctl) -> None:
    whole = typer.main.get_command(tree.build())
    bare = typer.main.get_command(tree.build([]))
    assert list(whole.commands) == list(bare.commands)  # type: ignore[attr-defined]
    assert qctl("--help").out == qctl("--help", "stats", "cleanup").out


@pytest.mark.parametrize(
    ("line", "read"),
    [(["--help"], set()), (["stats", "--help"], {"stats"}), (["-o", "json", "trash", "--help"], {"trash"})],
)
def test_modules_of_other_commands_are_not_read(line: list[str], read: set[str]) -> None:
    code = f"import sys; from qctl.cli.main import run, Session; run({line!r}, Session()); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    modules = ran.stdout.splitlines()[-1].split()
    places = {path.partition(".")[0] for path, _ in tree.DAILY.values()}
    places |= {path.partition(".")[0] for noun in tree.NOUNS.values() for path in noun.verbs}
    loaded = {module.removeprefix("qctl.cli.commands.") for module in modules} & places
    assert loaded == read
    assert not {"redis", "rq", "rich", "qctl.ops"} & set(modules)


def test_an_unknown_word_is_told_with_what_it_may_be(qctl: Qctl) -> None:
    ran = qctl("stat")
    assert ran.code == 2
    assert "No such command 'stat'" in ran.err
