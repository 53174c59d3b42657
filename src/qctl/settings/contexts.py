"""Contexts: named settings for one Redis of several, in the user's config.toml. Only the command line reads them.

    # ~/.config/qctl/config.toml
    [contexts.prod]
    REDIS_URL = "rediss://ops:secret@redis.example:6379/0"
    QCTL_READ_ONLY = true

A context has a higher priority than the defaults and a lower one than everything else. It is chosen by `--context`,
by QCTL_CONTEXT, or, if both are unset, by a file beside config.toml that `qctl context use` writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from qctl import ownership, toml
from qctl.errors import NotFoundError, QctlError, SettingsError, did_you_mean
from qctl.ownership import NOT_OWNER_MODE
from qctl.safe import redact_url
from qctl.settings import user_folders
from qctl.settings.field import MAX_SHOWN_CHARACTERS, Setting
from qctl.settings.parsers import context_name
from qctl.settings.servers import Source
from qctl.settings.site import SiteSettings
from qctl.settings.sources import DEFAULT, resolve

CHOSEN_BY_USE = "qctl context use"

ALL = "all"
"""Name that stands for every context, in commands that only read."""


class Context(NamedTuple):
    """Settings under a name, each as its text in the environment."""

    name: str
    values: Mapping[str, str]

    @property
    def source(self) -> Source:
        """The context as a source of settings."""
        return Source(f"context {self.name}", self.values)


class Choice(NamedTuple):
    """Name of the chosen context, and the source that chose it."""

    name: str
    by: str


def config_file() -> Path:
    """Return the path of the file with the contexts."""
    return user_folders.config_folder() / "config.toml"


def load_contexts() -> dict[str, Context]:
    """Read every context, by name. Raises SettingsError if the file is invalid, breaks the ownership rule, or exposes
    secrets to other users."""
    file = config_file()
    document = toml.read_toml(file)
    unknown = sorted(document.keys() - {"contexts"})
    if unknown:
        raise SettingsError(str(file), f"unknown entry {unknown[0]!r}", "write tables [contexts.NAME]")
    tables = document.get("contexts", {})
    if not isinstance(tables, dict):
        raise SettingsError(str(file), "'contexts' is not a table", "write tables [contexts.NAME]")
    if ALL in tables:
        raise SettingsError(str(file), f"contexts.{ALL}: the name stands for every context", "give it another name")
    contexts = {name: _context(file, name, table) for name, table in tables.items()}
    if any(_is_secret(*item) for context in contexts.values() for item in context.values.items()):
        _require_privacy(file)
    return contexts


def get_context(name: str) -> Context:
    """Return the context of this name. Raises NotFoundError with similar names, and SettingsError."""
    contexts = load_contexts()
    if name in contexts:
        return contexts[name]
    message = f"context {name!r} not found in {config_file()}"
    raise NotFoundError.with_suggestions(message, name, contexts, "list contexts with: qctl context list")


def chosen_context(sources: Sequence[Source]) -> Choice | None:
    """Return the choice of a context, None if there is none. Raises SettingsError."""
    (setting,) = resolve([spec for spec in SiteSettings.specs() if spec.env == "QCTL_CONTEXT"], sources)
    if setting.origin != DEFAULT:
        return Choice(str(setting.value()), setting.origin)
    ownership.require(_choice_file())
    try:
        name = _choice_file().read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(str(_choice_file()), f"cannot be read: {_reason(error)}") from None
    try:
        return Choice(context_name(name), CHOSEN_BY_USE) if name else None
    except ValueError as error:
        raise SettingsError(str(_choice_file()), f"{_cut(name)!r} {error}", "qctl context use --none") from None


def choose_context(name: str | None) -> None:
    """Choose a context for all later commands, or none. Raises NotFoundError and SettingsError."""
    file = _choice_file()
    try:
        if name is None:
            file.unlink(missing_ok=True)
            return
        get_context(name)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(f"{name}\n", encoding="utf-8")
    except OSError as error:
        raise QctlError(f"cannot write {str(file)!r}: {_reason(error)}") from error


@cache
def _specs() -> Mapping[str, Setting]:
    """Return the settings that a context may set, by their environment variable."""
    from qctl.settings import Settings  # most command lines that ask for the chosen context have none

    return {spec.env: spec for spec in Settings.specs() if spec.env != "QCTL_CONTEXT"}


def _choice_file() -> Path:
    return config_file().with_name("context")


def _context(file: Path, name: str, table: Any) -> Context:
    try:
        context_name(name)
    except ValueError as error:
        raise SettingsError(str(file), f"{_cut(name)!r} {error}") from None
    if not isinstance(table, dict):
        raise SettingsError(str(file), f"contexts.{name} is not a table", f"write it as [contexts.{name}]")
    specs = _specs()
    for key, value in table.items():
        if key not in specs:
            from difflib import get_close_matches  # 3 ms, paid only after a typing error

            close = get_close_matches(key.upper(), specs, n=1, cutoff=0.6)
            hint = did_you_mean(close) if close else "known settings: see .env.example"
            raise SettingsError(str(file), f"contexts.{name}: unknown setting {_cut(key)!r}", hint)
        if not isinstance(value, (str, int, float)):
            raise SettingsError(str(file), f"contexts.{name}: {key} is not a string, number or boolean")
    return Context(name, {key: _environment_text(value) for key, value in table.items()})


def _environment_text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cut(text: str) -> str:
    return text[:MAX_SHOWN_CHARACTERS]


def _is_secret(name: str, value: str) -> bool:
    """Return True for a value that must not be shown: a password, or a URL that contains one."""
    return bool(_specs()[name].secret and value) and ("://" not in value or redact_url(value) != value)


def _require_privacy(file: Path) -> None:
    status = file.stat()
    if status.st_mode & NOT_OWNER_MODE:
        raise SettingsError(str(file), "contains secrets, and other users may read or write it", f"chmod 600 {file}")


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "not UTF-8"
