"""Sources of settings: flags, the environment, `.env`, a context, and last the defaults. The first that sets a value
wins."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from qctl.errors import SettingsError, did_you_mean
from qctl.settings.field import Setting, parse_value, read_env_file
from qctl.settings.profiles import chosen_profile, port_owner
from qctl.settings.servers import Source, usable_sources

DEFAULT = "default"
"""Origin of a value that no source sets."""

OWN_PREFIX = "QCTL_"
"""Prefix of qctl's own names: an unknown name with it is a typing error; others belong to other programs."""


class SettingValue(NamedTuple):
    """Text of one setting and its origin. `raw` is "" if it is not set and has no default."""

    spec: Setting
    raw: str
    origin: str

    @property
    def name(self) -> str:
        """Environment variable of the setting."""
        return str(self.spec.env)

    @property
    def secret(self) -> bool:
        """True if the value must never be shown."""
        return bool(self.spec.secret)

    def value(self) -> Any:
        """Parse the text. Raises SettingsError."""
        return parse_value(self.raw, self.spec)


class UnknownSetting(NamedTuple):
    """A name with qctl's prefix that no setting has. `close` holds similar names of settings."""

    name: str
    origin: str
    close: tuple[str, ...]

    @property
    def message(self) -> str:
        """Warning for a person."""
        guess = f"; {did_you_mean(self.close)}" if self.close else ""
        return f"unknown setting {self.name!r} ({self.origin}){guess}"


def find_sources(
    flags: Mapping[str, str | None] | None = None,
    environ: Mapping[str, str] | None = None,
    dotenv: Path | None = None,
) -> list[Source]:
    """Read flags, the environment, and the .env file, by default the one in the working folder. Raises
    SettingsError."""
    file = dotenv or Path(".env")
    return [
        Source("flag", flags or {}),
        Source("environment", os.environ if environ is None else environ),
        Source(str(file), read_env_file(file)),
    ]


def resolve(specs: Iterable[Setting], sources: Sequence[Source]) -> list[SettingValue]:
    """Find the text of each setting in the first source that sets it. An empty text counts as not set.

    Settings of one server come from one source: `qctl.settings.servers`.
    """
    profile = chosen_profile(sources)
    owner = port_owner(profile.name if profile else None)
    return [_resolve(spec, sources, owner) for spec in specs]


def _resolve(spec: Setting, sources: Sequence[Source], port_owner: str) -> SettingValue:
    names = (spec.env, *(("PORT",) if spec.port_of == port_owner else ()))
    for name in names:
        for source in usable_sources(name, sources):
            if raw := source.values.get(name):
                return SettingValue(spec, raw, source.name)
    return SettingValue(spec, spec.raw, DEFAULT)


def problems(values: Iterable[SettingValue]) -> list[SettingsError]:
    """Collect the errors of all settings, each parsed on its own."""
    errors = []
    for value in values:
        try:
            value.value()
        except SettingsError as error:
            errors.append(error)
    return errors


def unknown_settings(sources: Iterable[Source], known: Iterable[str]) -> list[UnknownSetting]:
    """List the names with qctl's prefix that are not among the known ones."""
    names = sorted(known)
    unknown = [
        (name, source.name)
        for source in sources
        for name in sorted(source.values)
        if name.startswith(OWN_PREFIX) and name not in names
    ]
    if not unknown:
        return []
    from difflib import get_close_matches  # 3 ms, paid only after a typing error

    return [
        UnknownSetting(name, origin, tuple(get_close_matches(name, names, n=2, cutoff=0.7))) for name, origin in unknown
    ]
