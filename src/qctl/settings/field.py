"""One setting: how it is declared as a field, and how its text becomes a value."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, field
from pathlib import Path
from typing import Any, TypeVar

from qctl.errors import SettingsError

T = TypeVar("T")

MAX_SHOWN_CHARACTERS = 60
"""Characters of a bad value that an error repeats."""


def setting(
    env: str,
    parse: Callable[[str], T],
    default: str = "",
    *,
    doc: str,
    secret: bool = False,
    group: str,
    empty: Any = None,
) -> Any:
    """The field of one setting. `default` is written as it would be in the environment; "" there means not set, and
    makes `empty` of the field."""
    return field(
        default=None,
        repr=not secret,
        metadata={
            "env": env,
            "parse": parse,
            "raw": default,
            "doc": doc,
            "secret": secret,
            "group": group,
            "empty": empty,
        },
    )


def parse_value(raw: str, spec: Field[Any]) -> Any:
    """The value of a setting. Raises SettingsError, which repeats no secret."""
    if raw == "":
        return spec.metadata["empty"]
    try:
        return spec.metadata["parse"](raw)
    except ValueError as error:
        # What looks like a URL may have a password in it, whichever setting it was put into.
        hidden = spec.metadata["secret"] or "@" in raw or "://" in raw
        cut = raw if len(raw) <= MAX_SHOWN_CHARACTERS else raw[:MAX_SHOWN_CHARACTERS] + "..."
        shown = "its value" if hidden else repr(cut)
        hint = "see .env.example for what it may be"
        raise SettingsError(spec.metadata["env"], f"{shown} {error}", hint) from None


def read_env_file(file: Path) -> Mapping[str, str | None]:
    """What a .env file sets; nothing where there is none."""
    if not os.path.isfile(file):  # Path.is_file raises where the folder may not be entered
        return {}
    from dotenv import dotenv_values  # a third of what loading settings costs, and seldom needed

    try:
        return dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SettingsError(str(file), f"cannot be read: {reason}") from None
