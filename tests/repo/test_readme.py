"""The first five minutes work as written, and the table of commands is complete."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from qctl.cli.exit_codes import ExitCode
from qctl.cli.main import build
from support.up import Up, gone

ROOT_FOLDER = Path(__file__).parents[2]
README = (ROOT_FOLDER / "README.md").read_text()
COMMANDS = (ROOT_FOLDER / "docs" / "commands.md").read_text()

SHELL_BLOCKS = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
FIRST_MINUTES = SHELL_BLOCKS.findall((ROOT_FOLDER / "docs" / "getting-started.md").read_text())

MAX_README_LINES = 150

SLOW = "sleep() { command sleep $(($1 * 2)); }\n"
"""The pauses suit a reader's own machine; here other tests run beside it."""

ROOT: Any = typer.main.get_command(build())


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A folder like the reader's: `.venv` in it, a `qctl up` with its state in `var`, and an MQTT client.

    The client finds its port where it looks for a user's defaults, so that no line has to be changed.
    """
    if shutil.which("mosquitto_pub") is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("mosquitto_pub is not installed: apt-get install mosquitto-clients")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    up = Up(tmp_path, None, QCTL_HOME=str(tmp_path / "var"))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "mosquitto_pub").write_text(f"-p {up.port}\n")
    up.start()
    family = up.family()
    yield tmp_path
    up.end()
    assert gone(family)


def test_the_first_five_minutes_work_as_they_stand(checkout: Path) -> None:
    script = SLOW + "".join(FIRST_MINUTES)
    run = subprocess.run(
        ["sh", "-ex"],
        input=script,
        cwd=checkout,
        env={**os.environ, "XDG_CONFIG_HOME": str(checkout / "config")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert script.count("mosquitto_pub") > 3
    assert "('sensors/livingroom', 'livingroom', " in run.stdout
    assert "\tdeploy\t" in run.stdout
    assert "eyJ0ZW1wZXJhdHVyZSI6" in run.stdout  # `{"temperature":`, as its dead letter keeps it
    assert '"schema": "qctl.stats/1"' in run.stdout


def named() -> list[str]:
    """Every `qctl ...` in the table of commands."""
    section = COMMANDS.partition("\n## ")[0]
    rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("|")]
    return [code for row in rows for code in re.findall(r"`(qctl [^`]*)`", row)]


def find(line: str) -> tuple[str, Any, set[str]]:
    """The command that a line of the table names: its words, itself, and the options that the line gives it."""
    words = shlex.split(re.sub(r"[][.]", " ", line))[1:]
    command, path = ROOT, []
    while words and words[0] in getattr(command, "commands", {}):
        path.append(words.pop(0))
        command = command.commands[path[-1]]
    return " ".join(path), command, {word for word in words if word.startswith("-")}


@pytest.mark.parametrize("line", named())
def test_a_command_of_the_table_exists_and_takes_its_options(line: str) -> None:
    path, command, given = find(line)
    assert path
    assert not hasattr(command, "commands"), f"{path} wants a verb"
    assert given <= {option for parameter in command.params for option in parameter.opts}


def every(node: Any, path: str = "") -> Iterator[str]:
    """Every command of the tree by its words."""
    for name, child in node.commands.items():
        words = f"{path} {name}".strip()
        yield from every(child, words) if hasattr(child, "commands") else (words,)


def test_the_table_leaves_out_no_command() -> None:
    assert {find(line)[0] for line in named()} == set(every(ROOT))


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    codes = COMMANDS.partition("Exit codes: ")[2].partition("\n\n")[0]
    assert {int(number) for number in re.findall(r"\d+", codes)} == {int(code) for code in ExitCode}


def test_readme_stays_a_landing_page() -> None:
    assert len(README.splitlines()) < MAX_README_LINES


def test_readme_begins_with_a_picture_and_a_site_that_exists() -> None:
    before_the_first_heading = README.partition("\n## ")[0]
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", before_the_first_heading)
    assert (ROOT_FOLDER / picture).exists()
    first, second = SHELL_BLOCKS.findall(README)
    assert first.startswith("pipx install qctl\nqctl --redis-url ")
    assert {"make run", "make test"} <= {line.partition("#")[0].strip() for line in second.splitlines()}


def lines_of_readme() -> list[str]:
    """Every whole command line in README."""
    return re.findall(r"`(qctl [^`]+)`", README) + re.findall(r"^(qctl --.+)$", README, re.MULTILINE)


@pytest.mark.parametrize("line", lines_of_readme())
def test_a_command_line_of_readme_can_be_read(line: str) -> None:
    command, words = ROOT, shlex.split(line.replace(" F", " f00d"))[1:]
    context = None
    while hasattr(command, "commands"):
        with command.make_context("qctl", list(words), parent=context) as context:
            pass
        words = [*context._protected_args, *context.args]
        command = command.commands[words.pop(0)]
    command.make_context(line, words, parent=context)
