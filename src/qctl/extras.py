"""Imports modules of optional dependencies when they are needed: they are large, and may not be installed."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
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


UNUSED_BY_SOCKETIO = ("aiohttp", "aio_pika", "kafka", "kombu", "redis.asyncio", "requests", "valkey", "websocket")
"""Libraries that python-socketio imports if they are installed, for its clients and for servers that share messages.
The gateway's extra brings the first: a fifth of the gateway's start and memory."""

UNUSED_BY_ROUTES = ("pydantic.v1",)
"""Modules that FastAPI imports when a route is added, because a model might be one of an older release."""

UNUSED_BY_GATEWAY = (*UNUSED_BY_SOCKETIO, *UNUSED_BY_ROUTES)


def load(module: str, *, extra: str, needed_by: str, without: Collection[str] = ()) -> Any:
    """Import a module of an extra of qctl. `needed_by` names the setting or the feature that needs it.

    `without`: optional libraries that it finds missing, unless they have been imported before. Raises UnusableError if
    the module is not installed.
    """
    try:
        with hidden(without):
            return import_module(module)
    except ImportError as error:
        problem = f"needs the extra {extra!r}, which is not installed: {error}"
        raise UnusableError(needed_by, problem, hint=install_command(extra)) from error


@contextmanager
def hidden(modules: Collection[str]) -> Iterator[None]:
    """Let the import of these modules fail within the block; None in `sys.modules` means that there is none."""
    absent = [module for module in modules if module not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for module in absent:
            sys.modules.pop(module, None)
