"""The units as files: systemd finds no fault with them, they are shut tight, and each line that matters is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from qctl.catalog import JOBS, QUEUES

UNITS = Path(__file__).parents[2] / "systemd"

DAEMONS = (
    *("qctl-mqtt-bridge.service", "qctl-socket-batcher.service", "qctl-scheduler.service", "qctl-worker@.service"),
    "qctl-gateway.service",
)
ONCE = ("qctl-cleanup.service", "qctl-check.service")
OTHERS = ("qctl.target", "qctl-cleanup.timer", "qctl-check.timer")


class Unit(ConfigParser):
    """A unit file; of a key that is repeated the last value."""

    def __init__(self, name: str) -> None:
        super().__init__(strict=False, interpolation=None)
        self.optionxform = str  # type: ignore[method-assign,assignment]
        self.read_string((UNITS / name).read_text())


def instance(name: str) -> str:
    """A unit by a name under which it can be started."""
    return name.replace("@.", "@email.")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units in a folder, with programs that exist in place of /usr/local/bin/qctl..., as verify wants them."""
    if shutil.which("systemd-analyze") is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("systemd-analyze is not installed: apt-get install systemd")
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    for file in folder.glob("*.service"):
        file.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", file.read_text(), flags=re.MULTILINE))
    return folder


def analyze(*arguments: str) -> tuple[int, str]:
    """Verdict of systemd-analyze."""
    ran = subprocess.run(
        ["systemd-analyze", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return ran.returncode, ran.stdout


def test_every_unit_of_the_folder_is_looked_at() -> None:
    there = {path.name for path in UNITS.iterdir() if path.suffix in (".service", ".timer", ".target")}
    assert there == {*DAEMONS, *ONCE, *OTHERS}


def test_systemd_finds_no_fault(installed: Path) -> None:
    code, said = analyze(
        "verify", "--man=no", *(str(installed / instance(name)) for name in (*DAEMONS, *ONCE, *OTHERS))
    )
    ours = [line for line in said.splitlines() if "qctl" in line]
    assert (code, ours) == (0, []), said


@pytest.mark.parametrize("name", [*DAEMONS, *ONCE])
def test_it_is_shut_tight(name: str, installed: Path) -> None:
    code, said = analyze("security", "--offline=true", "--threshold=20", str(installed / instance(name)))
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", said)
    assert exposure, said
    assert float(exposure[1]) < 2.0, said
    assert code == 0


@pytest.mark.parametrize("name", DAEMONS)
def test_it_lives_on_whatever_happens(name: str) -> None:
    unit = Unit(name)
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert service["KillMode"] == "mixed"
    assert service["OOMPolicy"] == "continue"
    assert int(service["WatchdogSec"]) > 0
    assert unit["Install"]["WantedBy"] == unit["Unit"]["PartOf"] == "qctl.target"


def test_a_worker_has_time_for_the_longest_job() -> None:
    longest = max(spec.timeout for spec in JOBS.values())
    service = Unit("qctl-worker@.service")["Service"]
    assert int(service["TimeoutStopSec"]) > longest
    assert int(service["WatchdogSec"]) <= 60  # however long a job takes: it asks for that
    assert f"({longest // 60} minutes)" in (UNITS / "qctl-worker@.service").read_text()


def test_every_queue_can_be_an_instance() -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", queue) for queue in QUEUES)


def test_every_line_of_the_sandbox_says_what_it_is_for() -> None:
    lines = (UNITS / "qctl-.service.d" / "sandbox.conf").read_text().splitlines()
    start = lines.index("[Service]")
    comment = ""
    for line in lines[start + 1 :]:
        if line.startswith("#"):
            comment += line
        elif line:
            assert comment, f"{line} has no comment"
        else:
            comment = ""
    settings = [line for line in lines if re.match(r"[A-Z]\w+=", line)]
    comments = [line for line in lines[start:] if line.startswith("# Without")]
    assert len(settings) > 30
    assert len(comments) > 20
