"""Imports modules of optional dependencies when they are needed: they are large, and may not be installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from qctl.errors import UnusableError

_MODULES = {"gateway": "fastapi", "mqtt": "paho", "socketio": "socketio", "up": "honcho"}
"""A module that only this extra brings."""


def is_installed(extra: str) -> bool:
    """Tell whether an extra that a daemon needs is installed. Nothing is imported."""
    return find_spec(_MODULES[extra]) is not None


def install_command(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'qctl[{extra}]'"


def load(module: str, *, extra: str, needed_by: str) -> Any:
    """Import a module of an extra of qctl. `needed_by` names the setting or the feature that needs it.

    Raises UnusableError if it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        problem = f"needs the extra {extra!r}, which is not installed: {error}"
        raise UnusableError(needed_by, problem, hint=install_command(extra)) from error
