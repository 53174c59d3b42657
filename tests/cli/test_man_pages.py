"""Manual pages: generated from the command tree, valid, and complete."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.lines import ROOT, TREE
from qctl.cli.completions.man_pages import render

FOLDER = Path(__file__).parents[2] / "man"


def test_pages_are_those_of_the_command_tree() -> None:
    assert {file.name: file.read_text() for file in FOLDER.glob("*")} == render(), "run `make man`"


def test_each_command_has_a_page_with_its_synopsis_and_examples() -> None:
    pages = render()
    assert set(pages) == {"qctl.1", *(f"qctl-{name}.1" for name in ROOT.commands)}
    for path, command in TREE.items():
        page = pages[f"qctl-{path[0]}.1"].replace("\\-", "-")
        assert f".B qctl {' '.join(path)}\n" in page
        assert all(
            name in page for option in command.params if not option.hidden for name in option.opts if name[:2] == "--"
        )
        assert command.epilog.splitlines()[1].split("'")[0].strip() in page


@pytest.mark.parametrize("name", sorted(render()))
def test_page_is_valid(name: str) -> None:
    if shutil.which("groff") is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("groff is not installed: apt-get install groff-base")
    run = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", str(FOLDER / name)], capture_output=True, text=True, check=True
    )
    assert run.stderr == ""
    assert "EXAMPLES" in run.stdout.replace("\b", "") or "E\bEX\bX" in run.stdout
