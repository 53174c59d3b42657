"""What the parts of `Ops` have in common: a connection, and errors of qctl's own alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import isfunction
from typing import Any

from qctl.broker.redis.connection import Connection, translate_errors
from qctl.settings import Settings


class Part:
    """A group of operations. What Redis raises in any public method leaves it as a QctlError."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._redis = connection
        self._settings = settings

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, method in list(vars(cls).items()):
            if isfunction(method) and not name.startswith("_"):
                setattr(cls, name, _translating(method))


def _translating(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Part, *args: Any, **kwargs: Any) -> Any:
        with translate_errors(self._settings):
            return method(self, *args, **kwargs)

    return call


def silent(done: int, total: int | None) -> None:
    """The progress of an act that nobody watches."""
