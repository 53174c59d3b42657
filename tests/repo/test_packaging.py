"""The package as users get it: a wheel, installed where nothing else of this checkout is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.metadata import metadata
from pathlib import Path

import pytest

from support.wheels import copy_checkout

ROOT = Path(__file__).parents[2]

PROGRAMS = ("qctl", "qctl-mqtt-bridge", "qctl-worker", "qctl-scheduler", "qctl-socket-batcher", "qctl-gateway")

EXTRAS = {
    "gateway": "fastapi",
    "graphql": "strawberry-graphql",
    "influxdb": "influxdb-client",
    "mongodb": "pymongo",
    "mqtt": "paho-mqtt",
    "mysql": "PyMySQL",
    "socketio": "python-socketio",
    "images": "Pillow",
    "mail": "Jinja2",
    "reports": "Jinja2",
    "s3": "boto3",
    "up": "honcho",
}
"""The library that each extra installs."""


def pip(*arguments: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:]


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel of the files that git knows or may come to know, built away from the checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("git: this is no checkout")
    folder = copy_checkout(tmp_path / "source")
    pip("wheel", "--no-deps", "--wheel-dir", str(folder / "wheels"), str(folder))
    (built,) = (folder / "wheels").glob("*.whl")
    return built


def installed(wheel: Path, folder: Path) -> Path:
    """A venv with the wheel in it. What it depends on is taken from here."""
    venv.create(folder, symlinks=True, with_pip=False)
    pip("--python", str(folder), "install", "--no-deps", str(wheel))
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")  # of its own .pth files none is read
    return folder


def run(program: Path, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "QCTL_HOME": str(home)}
    return subprocess.run([program, *arguments], cwd=home, env=env, capture_output=True, text=True, check=False)


def everything_that_is_no_python_is_in_it(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "src"
    ours = {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and "egg-info" not in str(path)
    }
    ours |= {f"qctl/systemd/shipped/{path.relative_to(ROOT / 'systemd')}" for path in (ROOT / "systemd").rglob("*.*")}
    ours -= {"qctl/systemd/shipped/qctl-.service.d"}
    assert len([name for name in ours if name.endswith(".lua")]) > 5
    assert ours <= inside
    assert {name for name in inside if name.startswith("tests")} == set()


def programs_units_and_completions_are_where_they_are_looked_for(prefix: Path, tmp_path: Path) -> None:
    for program in PROGRAMS:
        ran = run(prefix / "bin" / program, "--help", home=tmp_path)
        assert ran.returncode == 0, ran.stderr
    for place, file in (
        ("bash-completion/completions", "completions/qctl.bash"),
        ("zsh/site-functions", "completions/_qctl"),
        ("fish/vendor_completions.d", "completions/qctl.fish"),
        ("man/man1", "man/qctl.1"),
        ("man/man1", "man/qctl-queue.1"),
    ):
        assert (prefix / "share" / place / Path(file).name).read_text() == (ROOT / file).read_text()
    printed = run(prefix / "bin" / "qctl", "daemon", "install", "--print", "--json", home=tmp_path)
    units = {row["file"]: row["text"] for row in json.loads(printed.stdout)["files"]}
    assert f"ExecStart={prefix}/bin/qctl-scheduler\n" in units["qctl-scheduler.service"]


def it_is_that_qctl_and_no_other(prefix: Path, tmp_path: Path) -> None:
    code = "import qctl, qctl_daemons.worker, qctl.broker.worker.rq_adapter; print(qctl.__file__)"
    ran = run(prefix / "bin" / "python", "-c", code, home=tmp_path)
    assert ran.stdout.startswith(str(prefix)), ran.stderr


def test_each_sink_has_its_extra() -> None:
    requires = metadata("qctl").get_all("Requires-Dist") or []
    for extra, needed in EXTRAS.items():
        assert any(re.match(rf"{needed}\b.*extra == ['\"]{extra}['\"]", line, re.IGNORECASE) for line in requires), (
            extra
        )


def with_all_that_it_depends_on_it_runs(wheel: Path, home: Path) -> None:
    venv.create(home / "whole", symlinks=True, with_pip=False)
    wanted = f"{wheel}[{','.join(EXTRAS)}]"
    pip("--python", str(home / "whole"), "install", "-c", str(ROOT / "constraints.txt"), wanted)
    ran = run(home / "whole" / "bin" / "qctl", "config", "show", home=home)
    assert ran.returncode == 0, ran.stderr
    code = "import influxdb_client, pymongo, pymysql, socketio, jinja2, PIL, textual, qctl.sinks.mysql"
    assert run(home / "whole" / "bin" / "python", "-c", code, home=home).returncode == 0


def test_a_wheel_is_whole_and_runs_in_a_clean_venv(wheel: Path, tmp_path: Path, long_run: bool) -> None:
    """Built once for all of these; with `--long` what it depends on is downloaded too."""
    everything_that_is_no_python_is_in_it(wheel)
    prefix = installed(wheel, tmp_path / "venv")
    it_is_that_qctl_and_no_other(prefix, tmp_path)
    programs_units_and_completions_are_where_they_are_looked_for(prefix, tmp_path)
    if long_run:
        with_all_that_it_depends_on_it_runs(wheel, tmp_path)
