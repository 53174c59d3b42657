"""The import contracts of pyproject.toml hold, and each fails when an import breaks it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run lint-imports with this folder's configuration on the package in its `src`."""
    code = "import sys; sys.path.insert(0, 'src'); from importlinter import cli; cli.lint_imports_command()"
    command = [sys.executable, "-c", code, "--no-cache"]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and its contracts."""
    shutil.copy2(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "src" / "qctl", tmp_path / "src" / "qctl", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_contracts_hold(copy: Path) -> None:
    run = lint(copy)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("contract", "module", "line"),
    [
        ("Layers: data flows one way", "ops/base.py", "import qctl.cli"),
        ("Layers: data flows one way", "tui/page.py", "import qctl.gateway"),
        ("Only broker opens Redis", "view/__init__.py", "import redis"),
        ("Only broker opens Redis", "gateway/app.py", "import rq"),
        ("The broker's rooms: one direction", "broker/query/workers.py", "import qctl.broker.admin.trash"),
        ("The broker's rooms: one direction", "broker/producer/enqueue.py", "import qctl.broker.worker.pauses"),
        ("No import cycles", "cli/session.py", "import qctl.cli.main"),
    ],
)
def test_a_contract_fails_when_an_import_breaks_it(copy: Path, contract: str, module: str, line: str) -> None:
    file = copy / "src" / "qctl" / module
    file.write_text(file.read_text() + f"\n{line}\n")
    run = lint(copy)
    assert run.returncode == 1
    assert f"{contract} BROKEN" in run.stdout


def test_a_module_without_a_layer_fails(copy: Path) -> None:
    (copy / "src" / "qctl" / "stray.py").write_text('"""A module that no layer names."""\n')
    run = lint(copy)
    assert "Layers: data flows one way BROKEN" in run.stdout
    assert "stray" in run.stdout
