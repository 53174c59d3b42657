"""Imports modules of optional dependencies when they are needed: they are large, and may not be installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from qctl.errors import UnusableError


def load(module: str, *, extra: str, needed_by: str) -> Any:
    """Import a module of an extra of qctl. `needed_by` names the setting or the feature that needs it.

    Raises UnusableError if it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        problem = f"needs the extra {extra!r}, which is not installed: {error}"
        raise UnusableError(needed_by, problem, hint=f"pip install 'qctl[{extra}]'") from error
