"""Where settings are given: flags, the environment, `.env`, a context, and last the defaults. The first one wins."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, dataclass
from pathlib import Path
from typing import Any

from qctl.errors import SettingsError
from qctl.settings.field import parse_value, read_env_file

DEFAULT = "default"
"""The origin of what nobody set."""

OWN_PREFIX = "QCTL_"
"""What names of our own begin with. Where one of them is not known it is a slip; other names are other programs'."""

_NAMES_A_REDIS = ("REDIS_URL", "REDIS_HOST")
_OF_REDIS = (*_NAMES_A_REDIS, "REDIS_PORT", "REDIS_PASSWORD", "REDIS_DB")


@dataclass(frozen=True)
class Source:
    """One place that settings come from. `name` is what a person calls it: `flag`, `environment`, `.env`."""

    name: str
    values: Mapping[str, str | None]


@dataclass(frozen=True)
class SettingValue:
    """What one setting was given as, and by whom. `raw` is "" where it is not set and has no default."""

    spec: Field[Any]
    raw: str
    origin: str

    @property
    def name(self) -> str:
        """Its name in the environment."""
        return str(self.spec.metadata["env"])

    @property
    def secret(self) -> bool:
        """Whether its value is shown to nobody."""
        return bool(self.spec.metadata["secret"])

    def value(self) -> Any:
        """What it means. Raises SettingsError."""
        return parse_value(self.raw, self.spec)


@dataclass(frozen=True)
class UnknownSetting:
    """A name of ours that nothing reads, with those that look like it."""

    name: str
    origin: str
    close: tuple[str, ...]

    @property
    def message(self) -> str:
        """What to tell a person."""
        guess = f"; did you mean {' or '.join(self.close)}?" if self.close else ""
        return f"{self.name} ({self.origin}) is no setting{guess}"


def find_sources(
    flags: Mapping[str, str | None] | None = None,
    environ: Mapping[str, str] | None = None,
    dotenv: Path | None = None,
) -> list[Source]:
    """Flags, the environment, and the .env file, by default the one in the working folder. Raises SettingsError."""
    file = dotenv or Path(".env")
    return [
        Source("flag", flags or {}),
        Source("environment", os.environ if environ is None else environ),
        Source(str(file), read_env_file(file)),
    ]


def context_below(context: Source, others: Sequence[Source]) -> Source:
    """A context as it counts below other sources: where one of them names a Redis, nothing of the context's does."""
    if not any(source.values.get(name) for source in others for name in _NAMES_A_REDIS):
        return context
    return Source(context.name, {name: value for name, value in context.values.items() if name not in _OF_REDIS})


def resolve(specs: Iterable[Field[Any]], sources: Sequence[Source]) -> list[SettingValue]:
    """What each setting was given as. Empty means not set."""
    return [_first(spec, sources) for spec in specs]


def _first(spec: Field[Any], sources: Sequence[Source]) -> SettingValue:
    for source in sources:
        raw = source.values.get(spec.metadata["env"])
        if raw:
            return SettingValue(spec, raw, source.name)
    return SettingValue(spec, spec.metadata["raw"], DEFAULT)


def problems(given: Iterable[SettingValue]) -> list[SettingsError]:
    """What is wrong with each setting by itself; all of it at once."""
    found = []
    for each in given:
        try:
            each.value()
        except SettingsError as error:
            found.append(error)
    return found


def unknown_settings(sources: Iterable[Source], known: Iterable[str]) -> list[UnknownSetting]:
    """The names of ours that nothing reads."""
    names = sorted(known)
    found = [
        (name, source.name)
        for source in sources
        for name in sorted(source.values)
        if name.startswith(OWN_PREFIX) and name not in names
    ]
    if not found:
        return []
    from difflib import get_close_matches  # 3 ms that only a slip pays

    return [
        UnknownSetting(name, where, tuple(get_close_matches(name, names, n=2, cutoff=0.7))) for name, where in found
    ]
