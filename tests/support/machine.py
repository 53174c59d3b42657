"""A machine of its own that boots systemd, in a container: a Debian made once and kept, with this checkout's qctl."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from support.process import Program
from support.waiting import eventually

ROOT = Path(__file__).parents[2]

RELEASE = "bookworm"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

ITS_PYTHON = (3, 11)
"""Packages of that release of Debian."""

OURS = Path(sys.base_prefix)
"""The Python that runs here. Where it is no Debian's, the machine gets it too."""

PACKAGES = "systemd,systemd-sysv,dbus,python3,redis-server"

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qctl-tests" / f"debian-{RELEASE}"
"""Folder that keeps the built Debian for later runs; a mark beside it says that it is complete."""

MAKING = 300
"""Seconds that it may take to download and unpack it; under a minute where nothing else runs."""

INTERPRETER = """#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=/opt/qctl/lib:/opt/qctl/site-packages PYTHONDONTWRITEBYTECODE=1
exec {python} "$@"
"""

PROGRAM = """#!/bin/sh
exec qctl-python -c 'import sys; from {module} import main; sys.argv[0] = "{name}"; sys.exit(main())' "$@"
"""


class NoMachineError(Exception):
    """Such a machine cannot be had here, for this reason."""


def made() -> Path:
    """The folder of the Debian, made where it is not there yet. Raises NoMachineError."""
    if os.geteuid() != 0:
        raise NoMachineError("a container takes root")
    if Path("/usr") == OURS and sys.version_info[:2] != ITS_PYTHON:
        raise NoMachineError(f"the Python of Debian {RELEASE} cannot import what is installed here for another")
    for program, package in (("systemd-nspawn", "systemd-container"), ("debootstrap", "debootstrap")):
        if shutil.which(program) is None:
            raise NoMachineError(f"{program} is not installed: apt-get install {package}")
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    whole = CACHE.with_suffix(".whole")
    with (CACHE.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(CACHE, ignore_errors=True)
            _make(CACHE)
            whole.touch()
    return CACHE


def _make(place: Path) -> None:
    """Download and unpack it. What debootstrap mounts there is gone with it, however it ends."""
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", RELEASE, str(place)]
    try:
        ran = subprocess.run(
            ["unshare", "--mount", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=MAKING,
        )
    except subprocess.TimeoutExpired:
        raise NoMachineError(f"debootstrap was not done within {MAKING} s") from None
    if ran.returncode:
        raise NoMachineError(f"debootstrap: {ran.stdout.strip().splitlines()[-1:]}")


class Machine(Program):
    """The container, with this checkout's qctl on PATH and no unit of it yet. What it writes is gone with it."""

    def __init__(self, folder: Path) -> None:
        programs = folder / "bin"
        programs.mkdir()
        python = "/usr/bin/python3" if Path("/usr") == OURS else "/opt/python/bin/python3"
        texts = {name: PROGRAM.format(module=module, name=name) for name, module in _programs().items()}
        for name, text in {**texts, "qctl-python": INTERPRETER.format(python=python)}.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        binds = {
            programs: "/usr/local/bin",
            ROOT / "systemd": "/opt/qctl/systemd",  # where qctl's own link to them leads
            ROOT / "src/qctl": "/opt/qctl/lib/qctl",
            ROOT / "daemons": "/opt/qctl/lib/qctl_daemons",
            ROOT / "tests/support": "/opt/qctl/lib/support",
            Path(sysconfig.get_path("purelib")): "/opt/qctl/site-packages",
        }
        if Path("/usr") != OURS:
            binds[OURS] = "/opt/python"
        command = [
            # Whatever it started dies with unshare, which dies with us: nspawn alone would leave its machine running.
            *("unshare", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--private-network"),
            *("--volatile=overlay", f"--directory={made()}", "--machine=qctl-test", "--console=pipe"),
            *(f"--bind-ro={here}:{there}" for here, there in binds.items()),
        ]
        super().__init__("machine", command, folder)

    def ready(self) -> bool:
        """True if its systemd has started all of its own units."""
        state = self.run("systemctl", "is-system-running", check=False)
        return state in ("running", "degraded")

    def run(self, *command: str, check: bool = True, stdin: str = "") -> str:
        """Run a program in it. Returns what it printed, without the last newline."""
        leader = self.leader()
        if leader is None:
            return ""
        enter = ["nsenter", f"--target={leader}", "--all", "--", "/usr/bin/env", "-i", f"PATH={PATH}"]
        ran = subprocess.run(
            [*enter, *command],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        assert not check or ran.returncode == 0, f"{command}: {ran.returncode}\n{ran.stdout}"
        return ran.stdout.rstrip("\n")

    def write(self, path: str, text: str) -> None:
        """Write a file in it."""
        self.run("mkdir", "-p", str(Path(path).parent))
        self.run("sh", "-c", f"cat > {path}", stdin=text)

    def show(self, unit: str, fact: str) -> str:
        """One fact that its systemd knows of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={fact}", unit)

    def leader(self) -> int | None:
        """The pid, outside, of the first process inside."""
        try:
            children = psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return None
        return next((child.pid for child in children if _is_first(child.pid)), None)


def _is_first(pid: int) -> bool:
    """True for the first process of a machine. nspawn itself is the first, one level further out."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        ours = Path("/proc/self/status").read_text()
    except OSError:
        return False
    numbers, depth = _numbers(status), len(_numbers(ours))
    return len(numbers) == depth + 2 and numbers[-1] == "1"


def _numbers(status: str) -> list[str]:
    """The pids of a process, from the outermost namespace to its own."""
    return next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))


def _programs() -> dict[str, str]:
    names = ("mqtt_bridge", "worker", "scheduler", "socket_batcher", "gateway")
    return {"qctl": "qctl.cli.entry", **{f"qctl-{name.replace('_', '-')}": f"qctl_daemons.{name}" for name in names}}


@contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """A machine from its boot until it is killed. Raises NoMachineError where it does not come up."""
    machine = Machine(folder)
    try:
        machine.start()
    except AssertionError as error:
        raise NoMachineError(f"the container does not boot: {str(error)[-600:]}") from None
    first = machine.leader()
    try:
        yield machine
    finally:
        machine.end()
    eventually(lambda: not psutil.pid_exists(first or 0), what="the machine's end")
