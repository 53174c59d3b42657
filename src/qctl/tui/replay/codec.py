"""Encodes answers as JSON and decodes them to models. Secrets are redacted on the way into a file, as on the screen.

A recording may come from anywhere: decoding creates nothing but models, numbers, texts and times.
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
"""Key of the type name in a JSON object."""

MODELS: Mapping[str, type[Any]] = {
    model.__name__: model
    for model in (Histogram, *(getattr(models, name) for name in models.__all__))
    if isinstance(model, type) and is_dataclass(model)
}

ERRORS: Mapping[str, type[QctlError]] = {
    error.__name__: error for error in (QctlError, NotFoundError, RedisUnreachableError, RefusedError, UsageError)
}
"""Errors that pages tell apart; any other error is recorded as its nearest base class among these."""


def encode(value: Any) -> Any:
    """Encode a value as JSON data, without secrets. A value of an unknown type becomes text."""
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
        return [encode(item) for item in value]
    if isinstance(value, tuple):
        return {TYPE: "tuple", "is": [encode(item) for item in value]}
    if isinstance(value, (set, frozenset)):
        return {TYPE: "frozenset", "is": [encode(item) for item in sorted(value, key=str)]}
    if isinstance(value, Mapping):
        return {TYPE: "dict", "is": [[encode(key), _encode_entry(key, item)] for key, item in value.items()]}
    if type(value).__name__ in MODELS:
        return {TYPE: type(value).__name__, **_encode_fields(value)}
    return _redacted(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


def _encode_fields(model: Any) -> dict[str, Any]:
    """Encode the fields that differ from their default."""
    values = ((field, getattr(model, field.name)) for field in fields(model) if field.init)
    return {field.name: encode(value) for field, value in values if field.default is MISSING or value != field.default}


def _encode_entry(key: Any, value: Any) -> Any:
    return MASK if isinstance(key, str) and value is not None and _is_secret(key) else encode(value)


@lru_cache(maxsize=4096)
def _is_secret(key: str) -> bool:
    return MASK in redact(f"{key}=x") and MASK not in key


@lru_cache(maxsize=16384)
def _redacted(text: str) -> str:
    return redact(text)


def decode(value: Any) -> Any:
    """Decode JSON data. Raises ValueError for data that `encode` never returns."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(TYPE)
    try:
        if isinstance(kind, str) and kind in MODELS:
            return MODELS[kind](**{name: decode(item) for name, item in value.items() if name != TYPE})
        return _DECODERS[kind](value["is"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"invalid object of type {kind!r} in a recording") from error


_DECODERS: Mapping[Any, Any] = {
    "float": float,
    "datetime": datetime.fromisoformat,
    "tuple": lambda items: tuple(decode(item) for item in items),
    "frozenset": lambda items: frozenset(decode(item) for item in items),
    "dict": lambda pairs: {decode(key): decode(item) for key, item in pairs},
}


def encode_error(error: QctlError) -> list[str | None]:
    """Encode an error: the name of its type, its message and its hint."""
    kind = next(base.__name__ for base in type(error).__mro__ if base.__name__ in ERRORS)
    return [kind, redact(error.message), error.hint and redact(error.hint)]


def decode_error(data: Sequence[Any]) -> QctlError:
    """Decode an error. Raises ValueError for data that `encode_error` never returns."""
    try:
        kind, message, hint = data
        return ERRORS[kind](str(message), hint=hint and str(hint))
    except (KeyError, TypeError) as error:
        raise ValueError("invalid error in a recording") from error
