"""Wheels of the packages of this repository, built away from the checkout: a build leaves folders in its source."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

BUILD_SECONDS = 180
"""Time (s) that a build may take; about 5 s without load, most of it for setuptools."""


ROOT = Path(__file__).parents[2]


def copy_checkout(folder: Path) -> Path:
    """Copy the files that git knows or may come to know, without tests and links followed. Returns `folder`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists() and not name.startswith(("tests/", "packages/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def make_wheel(folder: Path, source: Path) -> Path:
    """Return the wheel of the package in `source`, built in `folder` if it is not there yet.

    Processes that share `folder` build it once.
    """
    folder.mkdir(exist_ok=True)
    with (folder / f"{source.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        target = folder / source.name
        if not target.exists():
            copy = folder / f"{source.name}-source"
            if source == ROOT:
                copy_checkout(copy)
            else:
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
            command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(target)]
            done = subprocess.run(
                [*command, str(copy)],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=BUILD_SECONDS,
            )
            assert done.returncode == 0, done.stdout[-3000:]
        (wheel,) = target.glob("*.whl")
    return wheel
