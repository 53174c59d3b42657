"""Contexts: named settings for one Redis of several, in a file of the user's. The command line alone reads them.

    # ~/.config/qctl/config.toml
    [contexts.prod]
    REDIS_URL = "rediss://ops:secret@redis.example:6379/0"
    QCTL_READ_ONLY = true

A context counts above the defaults and below everything else. Which one is meant is said by `--context`, QCTL_CONTEXT,
or, where both are silent, a file beside config.toml that `qctl context use` writes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from qctl import toml
from qctl.errors import NotFoundError, QctlError, SettingsError
from qctl.safe import redact_url
from qctl.settings import Settings
from qctl.settings.parsers import context_name
from qctl.settings.sources import DEFAULT, Source, resolve

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""The rights of everybody but the owner of a file."""

CHOSEN_BY_USE = "qctl context use"

_SPECS = {spec.metadata["env"]: spec for spec in fields(Settings) if spec.metadata["env"] != "QCTL_CONTEXT"}


@dataclass(frozen=True)
class Context:
    """Settings under a name, as the environment would write them."""

    name: str
    values: Mapping[str, str]

    @property
    def source(self) -> Source:
        """It as a place that settings come from."""
        return Source(f"context {self.name}", self.values)


@dataclass(frozen=True)
class Choice:
    """The name of the context that is meant, and who chose it."""

    name: str
    by: str


def config_file() -> Path:
    """Where contexts are written down."""
    return user_config_path("qctl") / "config.toml"


def load_contexts() -> dict[str, Context]:
    """Every context by its name. Raises SettingsError where the file cannot be used, or tells secrets to others."""
    file = config_file()
    tables = toml.read_toml(file)
    if set(tables) - {"contexts"}:
        raise SettingsError(str(file), f"{min(set(tables) - {'contexts'})!r} means nothing: write [contexts.NAME]")
    listed = tables.get("contexts", {})
    if not isinstance(listed, dict):
        raise SettingsError(str(file), "'contexts' is no table: write [contexts.NAME]")
    found = {name: _context(file, name, table) for name, table in listed.items()}
    if any(_is_secret(*item) for context in found.values() for item in context.values.items()):
        _require_privacy(file)
    return found


def get_context(name: str) -> Context:
    """The context of this name. Raises NotFoundError, with names that look like it, and SettingsError."""
    found = load_contexts()
    if name in found:
        return found[name]
    message = f"there is no context {name} in {config_file()}"
    raise NotFoundError.with_suggestions(message, name, found, "qctl context list shows them")


def chosen_context(places: Sequence[Source]) -> Choice | None:
    """Which context is meant, None where nobody said. Raises SettingsError."""
    (given,) = resolve([spec for spec in fields(Settings) if spec.metadata["env"] == "QCTL_CONTEXT"], places)
    if given.origin != DEFAULT:
        return Choice(str(given.value()), given.origin)
    try:
        written = _choice_file().read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(str(_choice_file()), f"cannot be read: {_why(error)}") from None
    try:
        return Choice(context_name(written), CHOSEN_BY_USE) if written else None
    except ValueError as error:
        raise SettingsError(str(_choice_file()), f"{written[:60]!r} {error}", "qctl context use --none") from None


def choose_context(name: str | None) -> None:
    """Choose a context for all that comes, or with None no longer any. Raises NotFoundError and SettingsError."""
    file = _choice_file()
    try:
        if name is None:
            file.unlink(missing_ok=True)
            return
        get_context(name)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(f"{name}\n", encoding="utf-8")
    except OSError as error:
        raise QctlError(f"{file} cannot be written: {_why(error)}") from error


def _choice_file() -> Path:
    return config_file().with_name("context")


def _context(file: Path, name: str, table: Any) -> Context:
    try:
        context_name(name)
    except ValueError as error:
        raise SettingsError(str(file), f"{name[:60]!r} {error}") from None
    if not isinstance(table, dict):
        raise SettingsError(str(file), f"contexts.{name} is no table: write [contexts.{name}]")
    for key, value in table.items():
        if key not in _SPECS:
            from difflib import get_close_matches  # 3 ms that only a slip pays

            close = get_close_matches(key.upper(), _SPECS, n=1, cutoff=0.6)
            hint = f"did you mean {close[0]}?" if close else "see .env.example for what there is"
            raise SettingsError(str(file), f"contexts.{name}: {key[:60]!r} is no setting", hint)
        if not isinstance(value, (str, int, float)):
            raise SettingsError(str(file), f"contexts.{name}: {key} is neither text nor a number nor true or false")
    return Context(name, {key: _written(value) for key, value in table.items()})


def _written(value: str | float) -> str:
    """A value of TOML as the environment would write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_secret(name: str, value: str) -> bool:
    """Whether nobody may see it: a password is one, a URL only where there is a password in it."""
    return bool(_SPECS[name].metadata["secret"] and value) and ("://" not in value or redact_url(value) != value)


def _require_privacy(file: Path) -> None:
    status = file.stat()
    if status.st_mode & OTHERS:
        raise SettingsError(str(file), "holds secrets, and others may read or write it", f"chmod 600 {file}")
    if status.st_uid not in (0, os.geteuid()):
        raise SettingsError(str(file), "holds secrets, and belongs to another user")


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "not UTF-8"
