"""Runs systemctl and journalctl."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from qctl.errors import QctlError, RefusedError, UnreachableError

BOOTED = "/run/systemd/system"
"""Folder that exists if systemd is the init of this machine: sd_booted(3)."""

_ACCESS_ERRORS = ("Access denied", "authentication required", "Permission denied")


def scope(user: bool) -> list[str]:
    """The option that selects the user's manager, none for the machine's."""
    return ["--user"] if user else []


def systemctl(user: bool, *arguments: str) -> str:
    """Run systemctl and return its output. Raises UnreachableError without systemd, RefusedError without access, and
    QctlError for its other errors."""
    require()
    completed = _run(["systemctl", "--no-pager", "--no-ask-password", *scope(user), *arguments])
    if completed.returncode:
        lines = completed.stderr.strip().splitlines()
        message = lines[0] if lines else f"systemctl failed with exit code {completed.returncode}"
        if any(words in completed.stderr for words in _ACCESS_ERRORS):
            raise RefusedError(message, "run it as root, or use your own units with --user")
        if "Failed to connect to bus" in completed.stderr:
            raise UnreachableError(message, "does this user have a session? See loginctl enable-linger")
        raise QctlError(message)
    return completed.stdout


def journalctl(user: bool, arguments: Sequence[str]) -> int:
    """Run journalctl on our own output. Returns its exit code."""
    require()
    try:
        return subprocess.run(["journalctl", *scope(user), *arguments], check=False).returncode
    except FileNotFoundError:
        raise UnreachableError("journalctl is not installed") from None


def require() -> None:
    """Raise UnreachableError if systemd does not run this machine."""
    if not os.path.isdir(BOOTED):
        raise UnreachableError(
            "systemd does not run this machine, so it has no units", "run everything in the foreground with: qctl up"
        )


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise UnreachableError(f"{command[0]} is not installed") from None
