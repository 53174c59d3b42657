"""Declaration of a setting as a dataclass field, and parsing of its text."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, field
from pathlib import Path
from typing import Any, TypeVar

from qctl import ownership
from qctl.errors import SettingsError

T = TypeVar("T")

MAX_SHOWN_CHARACTERS = 60
"""Length limit of an invalid value in an error message; the rest is cut."""


def setting(
    env: str,
    parse: Callable[[str], T],
    default: str = "",
    *,
    doc: str,
    secret: bool = False,
    group: str,
    empty: Any = None,
    port_of: str = "",
) -> Any:
    """Declare a setting. `default` is its text as in the environment; "" means not set, and the field is `empty`.

    `port_of`: the daemon whose port it is. PORT sets it too, if that is the daemon's (`qctl.settings.profiles`).
    """
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
            "port_of": port_of,
        },
    )


def parse_value(raw: str, spec: Field[Any]) -> Any:
    """Parse the text of a setting. Raises SettingsError, which never repeats a secret."""
    if raw == "":
        return spec.metadata["empty"]
    try:
        return spec.metadata["parse"](raw)
    except ValueError as error:
        # A value that looks like a URL may contain a password, in any setting.
        hidden = spec.metadata["secret"] or "@" in raw or "://" in raw
        cut = raw if len(raw) <= MAX_SHOWN_CHARACTERS else raw[:MAX_SHOWN_CHARACTERS] + "..."
        shown = "its value" if hidden else repr(cut)
        hint = "allowed values: see .env.example"
        raise SettingsError(spec.metadata["env"], f"{shown} {error}", hint) from None


def read_env_file(file: Path) -> Mapping[str, str | None]:
    """Read a .env file; a missing file sets nothing. Raises SettingsError if it breaks the ownership rule or cannot be
    read."""
    if not os.path.isfile(file):  # Path.is_file raises if the folder is not accessible
        return {}
    ownership.require(file)
    from dotenv import dotenv_values  # a third of the time to load settings, and rarely needed

    try:
        return dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SettingsError(str(file), f"cannot be read: {reason}") from None
