"""systemctl and journalctl, as programs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from qctl.errors import QctlError, RefusedError, UnreachableError

BOOTED = "/run/systemd/system"
"""Is there where systemd is the init of this machine: sd_booted(3)."""

_REFUSED = ("Access denied", "authentication required", "Permission denied")


def scope(user: bool) -> list[str]:
    """The option that says whose units are meant."""
    return ["--user"] if user else []


def systemctl(user: bool, *arguments: str) -> str:
    """Output of systemctl. Raises UnreachableError without systemd, RefusedError for lack of rights, QctlError."""
    require()
    ran = _run(["systemctl", "--no-pager", "--no-ask-password", *scope(user), *arguments])
    if ran.returncode:
        said = (ran.stderr.strip().splitlines() or [f"systemctl ended with {ran.returncode}"])[0]
        if any(words in ran.stderr for words in _REFUSED):
            raise RefusedError(said, "run it as root, or name your own units with --user")
        if "Failed to connect to bus" in ran.stderr:
            raise UnreachableError(said, "is there a session of this user? See loginctl enable-linger")
        raise QctlError(said)
    return ran.stdout


def journalctl(user: bool, arguments: Sequence[str]) -> int:
    """Have journalctl print to where we do. Returns its exit code."""
    require()
    try:
        return subprocess.run(["journalctl", *scope(user), *arguments], check=False).returncode
    except FileNotFoundError:
        raise UnreachableError("journalctl is not installed") from None


def require() -> None:
    """Raises UnreachableError where systemd does not run this machine."""
    if not os.path.isdir(BOOTED):
        raise UnreachableError(
            "systemd does not run this machine, so there are no units", "`qctl up` runs everything in the foreground"
        )


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise UnreachableError(f"{command[0]} is not installed") from None
