"""How answers become lines of JSON and models again. Secrets are taken out on the way into a file, as on the screen.

A recording comes from anywhere: reading one makes nothing but models, numbers, texts and times.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from qctl import models
from qctl.errors import NotFoundError, QctlError, RedisUnreachableError, RefusedError, UsageError
from qctl.histogram import Histogram
from qctl.safe import MASK, redact

TYPE = "$"
"""The key that says what an object of JSON stands for."""

MODELS: Mapping[str, type[Any]] = {
    each.__name__: each
    for each in (Histogram, *(getattr(models, name) for name in models.__all__))
    if isinstance(each, type) and is_dataclass(each)
}

ERRORS: Mapping[str, type[QctlError]] = {
    each.__name__: each for each in (QctlError, NotFoundError, RedisUnreachableError, RefusedError, UsageError)
}
"""The errors that screens tell apart; another is recorded as the nearest of these."""


def written(value: Any) -> Any:
    """The value as JSON can say it, without secrets. What it knows nothing of becomes a text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else {TYPE: "float", "is": str(value)}
    if isinstance(value, str):
        return _redacted(value)
    if isinstance(value, datetime):
        return {TYPE: "datetime", "is": value.isoformat()}
    if isinstance(value, list):
        return [written(each) for each in value]
    if isinstance(value, tuple):
        return {TYPE: "tuple", "is": [written(each) for each in value]}
    if isinstance(value, (set, frozenset)):
        return {TYPE: "frozenset", "is": [written(each) for each in sorted(value, key=str)]}
    if isinstance(value, Mapping):
        return {TYPE: "dict", "is": [[written(key), _of_key(key, each)] for key, each in value.items()]}
    if type(value).__name__ in MODELS:
        return {TYPE: type(value).__name__, **_fields(value)}
    return _redacted(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


def _fields(model: Any) -> dict[str, Any]:
    """Those that are not at their default."""
    found = ((each, getattr(model, each.name)) for each in fields(model) if each.init)
    return {each.name: written(value) for each, value in found if each.default is MISSING or value != each.default}


def _of_key(key: Any, value: Any) -> Any:
    return MASK if isinstance(key, str) and value is not None and _is_secret(key) else written(value)


@lru_cache(maxsize=4096)
def _is_secret(key: str) -> bool:
    return MASK in redact(f"{key}=x") and MASK not in key


@lru_cache(maxsize=16384)
def _redacted(text: str) -> str:
    return redact(text)


def read(value: Any) -> Any:
    """What was written. Raises ValueError where nothing writes that."""
    if isinstance(value, list):
        return [read(each) for each in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(TYPE)
    try:
        if isinstance(kind, str) and kind in MODELS:
            return MODELS[kind](**{name: read(each) for name, each in value.items() if name != TYPE})
        return _READERS[kind](value["is"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no recording holds {kind!r} like this") from error


_READERS: Mapping[Any, Any] = {
    "float": float,
    "datetime": datetime.fromisoformat,
    "tuple": lambda items: tuple(read(each) for each in items),
    "frozenset": lambda items: frozenset(read(each) for each in items),
    "dict": lambda pairs: {read(key): read(each) for key, each in pairs},
}


def written_error(error: QctlError) -> list[str | None]:
    """An error by the name that `read_error` knows."""
    kind = next(each.__name__ for each in type(error).__mro__ if each.__name__ in ERRORS)
    return [kind, redact(error.message), error.hint and redact(error.hint)]


def read_error(said: Sequence[Any]) -> QctlError:
    """The error again. Raises ValueError where nothing writes that."""
    try:
        kind, message, hint = said
        return ERRORS[kind](str(message), hint=hint and str(hint))
    except (KeyError, TypeError) as error:
        raise ValueError("no recording holds an error like this") from error
