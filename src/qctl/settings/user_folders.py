"""Folders of a user by the XDG Base Directory Specification, as on every Linux."""

from __future__ import annotations

import os
from pathlib import Path

from qctl.errors import SettingsError


def state_folder() -> Path:
    """Return the folder of qctl's state: `~/.local/state/qctl`, or the one in XDG_STATE_HOME."""
    return _folder("XDG_STATE_HOME", "~/.local/state") / "qctl"


def config_folder(program: str = "qctl") -> Path:
    """Return the folder of a program's configuration: `~/.config/qctl`, or the one in XDG_CONFIG_HOME."""
    return _folder("XDG_CONFIG_HOME", "~/.config") / program


def _folder(variable: str, default: str) -> Path:
    chosen = os.environ.get(variable, "").strip()
    if not os.path.isabs(chosen):  # the specification says to ignore it
        chosen = os.path.expanduser(default)
    if not os.path.isabs(chosen):
        raise SettingsError("HOME", "is not set, and this user has no home folder", f"set HOME or {variable}")
    return Path(chosen)
