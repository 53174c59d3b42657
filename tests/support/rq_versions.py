"""Throw-away environments with other releases of RQ, from the package index: what a site has that does not run qctl."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import venv
from pathlib import Path

from support.servers import MissingServerError

RELEASES = ("1.16.2", "2.0.0", "2.6.0", "3.0.0")
"""Releases of RQ that qctl works beside."""

INSTALL_SECONDS = 180
"""Time (s) that one environment may take; about 5 s without load."""


def make_python(folder: Path, release: str, *requirements: str) -> Path:
    """Return the Python of an environment with this RQ and the `requirements`, made if `folder` has none yet.

    Processes that share `folder` make it once. Raises MissingServerError if the package index does not answer.
    """
    name = "-".join([f"rq-{release}", *(Path(each).name for each in requirements)])
    place = folder / name
    python, whole = place / "bin" / "python", folder / f"{name}.whole"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            venv.create(place, clear=True)
            _install(python, f"rq=={release}", *requirements)
            whole.touch()
    return python


def _install(python: Path, *requirements: str) -> None:
    """Install with the pip of this environment: the new one has none, which saves half of the time."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", *requirements]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise MissingServerError(f"pip did not install {requirements} within {INSTALL_SECONDS} s") from None
    if done.returncode:
        raise MissingServerError(f"pip cannot install {requirements}: {done.stdout[-500:]}")
