"""The theme of the monitor that was chosen with its key: a file beside config.toml."""

from __future__ import annotations

from pathlib import Path

from qctl import ownership
from qctl.errors import QctlError, SettingsError
from qctl.settings import parsers
from qctl.settings.contexts import config_file

MAX_NAME_BYTES = 200
"""Bytes of the file that are read; a name is much shorter."""


def saved_theme() -> str | None:
    """Return the saved theme, None if there is none. Raises SettingsError for a file that others may write, or that
    holds no name."""
    file = _theme_file()
    ownership.require(file)
    try:
        with file.open("rb") as stream:
            name = stream.read(MAX_NAME_BYTES).decode("utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(str(file), f"cannot be read: {error}", f"delete {file}") from None
    try:
        return parsers.theme_name(name) if name else None
    except ValueError as error:
        raise SettingsError(str(file), f"its content {error}", f"delete {file}") from None


def save_theme(name: str) -> None:
    """Save a theme for the next start of the monitor. Raises QctlError."""
    file = _theme_file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(f"{name}\n", encoding="utf-8")
    except OSError as error:
        raise QctlError(f"cannot write {str(file)!r}: {error.strerror}") from error


def _theme_file() -> Path:
    return config_file().with_name("theme")
