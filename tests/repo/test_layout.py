"""The repository keeps its own rules: layers, sizes, pins, and heads of Lua files."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import requires
from pathlib import Path

import pytest

from qctl import toml

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "qctl"

DOWNLOADS = re.compile(
    r"pypi\.org|pythonhosted|registry\.npmjs|proxy\.golang|crates\.io|deb\.debian|archive\.ubuntu"
    r"|--(?:extra-)?index(?:-url)?\b|find-links|trusted-host|/simple/",
    re.IGNORECASE,
)
LOCK_FILES = {"poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock", "pip.conf", "package-lock.json"}

HEAVY = {"textual", "rich", "influxdb_client", "paho", "amqtt", "honcho", "redis", "rq"}
"""Modules that help and completion must not import: they take as long as their imports."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def longer_than(most: int, paths: Iterable[Path]) -> dict[str, int]:
    """Files with more lines than the limit, with their lines."""
    sizes = {name(path): len(path.read_text().splitlines()) for path in paths}
    assert sizes, "there is nothing to measure"
    return {path: size for path, size in sizes.items() if size > most}


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("git: this is no checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    return [path for part in listed.decode().split("\0") if part and (path := ROOT / part).is_file()]


def test_only_the_broker_opens_redis_or_names_a_key() -> None:
    opens = re.compile(
        r"""^\s*(?:from|import)\s+(?:redis|rq)\b|["'](?:(?:qctl|rq|\{RQ\}):|\{QCTL\})[\w{]""", re.MULTILINE
    )
    others = [path for path in PACKAGE.rglob("*.py") if PACKAGE / "broker" not in path.parents]
    others += (ROOT / "daemons").glob("*.py")
    assert opens.search((PACKAGE / "broker" / "redis" / "keys.py").read_text())
    assert not [name(path) for path in others if opens.search(path.read_text())]


def test_files_stay_short() -> None:
    assert not longer_than(400, [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.lua")])
    assert not longer_than(40, (ROOT / "daemons").glob("*.py"))


def test_every_package_is_installed() -> None:
    rule = toml.read_toml(ROOT / "pyproject.toml")["tool"]["setuptools"]["packages"]["find"]
    (folder,) = rule["where"]
    assert {"qctl", "qctl_daemons"} <= {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")}
    unpacked = {path.parent for path in PACKAGE.rglob("*.py")} - {path.parent for path in PACKAGE.rglob("__init__.py")}
    assert not unpacked, "find_packages leaves out folders without an __init__.py"


def test_no_file_in_git_says_where_downloads_come_from() -> None:
    files = [path for path in tracked() if path != Path(__file__)]
    assert len(files) > 20
    assert not [name(path) for path in files if DOWNLOADS.search(path.read_text(errors="replace"))]
    assert not [name(path) for path in files if path.name in LOCK_FILES]


def test_constraints_are_names_and_versions() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert not [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line)]
    pinned = [plain(line.partition("==")[0]) for line in lines]
    assert len(set(pinned)) == len(pinned)
    wanted = {plain(re.split(r"[^\w.-]", requirement)[0]) for requirement in requires("qctl") or []}
    assert wanted - {"qctl"} <= set(pinned)  # the extra `all` names the others


def plain(requirement: str) -> str:
    """The name of a distribution, as pip compares it."""
    return re.sub(r"[-_.]+", "-", requirement).lower()


def test_the_head_of_a_lua_file_is_its_signature() -> None:
    missing = {name(path): words for path in PACKAGE.rglob("*.lua") if (words := not_in_head(path.read_text()))}
    assert list(PACKAGE.rglob("*.lua"))
    assert not missing


def not_in_head(script: str) -> set[str]:
    """Names that the head of a Lua file lacks: keys and arguments that it uses, ..."""
    head = re.match(r"(--.*\n)*", script)
    assert head is not None
    wanted = {"KEYS", "ARGV", "Returns", "Atomic", *re.findall(r"\b(?:KEYS|ARGV)\[\d+\]", script)}
    return {word for word in wanted if word not in head[0]}


def test_the_command_line_imports_nothing_heavy() -> None:
    code = "import sys, qctl.cli.main; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    loaded = {module.partition(".")[0] for module in run.stdout.split()}
    assert "qctl" in loaded
    assert not loaded.intersection(HEAVY)
