"""Declaration of settings as attributes of a class, and parsing of their text.

Not dataclasses: making one of two hundred fields takes longer than all else that a completion of the shell does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from qctl import ownership
from qctl.errors import SettingsError

T = TypeVar("T")
G = TypeVar("G", bound="SettingsPart")

MAX_SHOWN_CHARACTERS = 60
"""Length limit of an invalid value in an error message; the rest is cut."""


class Setting:
    """Declaration of one setting. `name` is that of the attribute; `setting` describes the others."""

    __slots__ = ("doc", "empty", "env", "group", "name", "parse", "port_of", "raw", "secret")

    def __init__(
        self,
        env: str,
        parse: Callable[[str], Any],
        raw: str,
        doc: str,
        secret: bool,
        group: str,
        empty: Any,
        port_of: str,
    ) -> None:
        self.name = ""
        self.env = env
        self.parse = parse
        self.raw = raw
        self.doc = doc
        self.secret = secret
        self.group = group
        self.empty = empty
        self.port_of = port_of

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name


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
    """Declare a setting. `default` is its text as in the environment; "" means not set, and the attribute is `empty`.

    `port_of`: the daemon whose port it is. PORT sets it too, if that is the daemon's (`qctl.settings.profiles`).
    """
    return Setting(env, parse, default, doc, secret, group, empty, port_of)


class SettingsPart:
    """Settings that a class and its bases declare. An instance has their values, and cannot be changed."""

    def __init__(self, **values: Any) -> None:
        """`values` are by attribute; a setting that they lack is None. Raises TypeError for an unknown name."""
        names = [spec.name for spec in self.specs()]
        if unknown := values.keys() - set(names):
            raise TypeError(f"unknown settings: {', '.join(sorted(unknown))}")
        self.__dict__.update({name: values.get(name) for name in names})

    @classmethod
    def specs(cls) -> list[Setting]:
        """Return the declarations, those of the last base first."""
        return [spec for base in reversed(cls.__mro__) for spec in vars(base).values() if isinstance(spec, Setting)]

    def replace(self: G, **changes: Any) -> G:
        """Return a copy with other values."""
        return type(self)(**{**vars(self), **changes})

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"cannot set {name}: settings do not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete {name}: settings do not change")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        shown = (f"{spec.name}={getattr(self, spec.name)!r}" for spec in self.specs() if not spec.secret)
        return f"{type(self).__name__}({', '.join(shown)})"


def parse_value(raw: str, spec: Setting) -> Any:
    """Parse the text of a setting. Raises SettingsError, which never repeats a secret."""
    if raw == "":
        return spec.empty
    try:
        return spec.parse(raw)
    except ValueError as error:
        # A value that looks like a URL may contain a password, in any setting.
        hidden = spec.secret or "@" in raw or "://" in raw
        cut = raw if len(raw) <= MAX_SHOWN_CHARACTERS else raw[:MAX_SHOWN_CHARACTERS] + "..."
        shown = "its value" if hidden else repr(cut)
        hint = "allowed values: see .env.example"
        raise SettingsError(spec.env, f"{shown} {error}", hint) from None


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
