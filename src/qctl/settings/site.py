"""Settings that say which site a command is about: the state folder, and Redis.

Shell completion needs no others, and loading all takes longer than the rest of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from qctl.settings import parsers, user_folders
from qctl.settings.field import SettingsPart, setting
from qctl.settings.parsers import one_of, text, whole_number
from qctl.settings.profiles import PROFILES, with_profile
from qctl.settings.servers import Source, mixed_servers
from qctl.settings.sources import resolve

S = TypeVar("S", bound="SiteSettings")


class SiteSettings(SettingsPart):
    """Part of `Settings` that can be loaded by itself."""

    home: Path = setting(
        "QCTL_HOME",
        parsers.path,
        group="qctl",
        doc="Folder for all state. Default: the user's state folder, on Linux ~/.local/state/qctl",
    )
    profile: str | None = setting(
        "QCTL_PROFILE",
        one_of(*PROFILES),
        group="qctl",
        doc="Set of defaults for one of the systems that qctl replaces (docs/compatibility.md): "
        f"{', '.join(PROFILES)}. Every other source of settings overrides them",
    )
    context: str | None = setting(
        "QCTL_CONTEXT",
        parsers.context_name,
        group="qctl",
        doc="Context of config.toml that the command line uses: which of several Redis servers. Daemons ignore it",
    )

    redis_url: str | None = setting(
        "REDIS_URL",
        parsers.redis_url,
        group="redis",
        secret=True,
        doc="URL of Redis: redis://, rediss:// or unix://; or of its Sentinels: redis+sentinel://HOST:26379,"
        "HOST2:26379/SERVICE/0; or of nodes of a Redis Cluster: redis+cluster://HOST:6379,HOST2:6379/. Overrides "
        "REDIS_HOST. Default, if REDIS_HOST is unset too: the socket in QCTL_HOME if "
        "`qctl up` created one, else redis://localhost:6379/0",
    )
    redis_host: str | None = setting(
        "REDIS_HOST", parsers.host, group="redis", doc="Host of Redis, used if REDIS_URL is unset"
    )
    redis_port: int = setting(
        "REDIS_PORT", whole_number(1, 65535), "6379", group="redis", doc="Port of Redis, used with REDIS_HOST"
    )
    redis_password: str | None = setting(
        "REDIS_PASSWORD", text, group="redis", secret=True, doc="Password of Redis, used with REDIS_HOST"
    )
    redis_db: int = setting(
        "REDIS_DB", whole_number(0, 1_000_000), "0", group="redis", doc="Database number of Redis, used with REDIS_HOST"
    )

    @classmethod
    def from_sources(cls: type[S], sources: Sequence[Source]) -> S:
        """Read every setting from the first source that sets it. Raises SettingsError."""
        for mixed in mixed_servers(sources):
            raise mixed
        values = {setting.spec.name: setting.value() for setting in resolve(cls.specs(), with_profile(sources))}
        values["home"] = values["home"] or user_folders.state_folder()
        loaded = cls(**values)
        loaded._check_together()
        return loaded

    def _check_together(self) -> None:
        """Raise SettingsError if settings contradict each other."""

    @property
    def redis_socket(self) -> Path:
        """Socket of the private Redis that `qctl up` starts."""
        return self.home / "redis.sock"

    @property
    def redis_is_named(self) -> bool:
        """True if a Redis is set, so that `qctl up` starts none of its own."""
        return bool(self.redis_url or self.redis_host)

    @property
    def redis_target(self) -> str:
        """URL of the Redis to use. It may contain a password: print it through `safe.redact_url`."""
        if self.redis_url:
            return self.redis_url
        if self.redis_host:
            secret = f":{quote(self.redis_password, safe='')}@" if self.redis_password else ""
            host = f"[{self.redis_host}]" if ":" in self.redis_host else self.redis_host
            return f"redis://{secret}{host}:{self.redis_port}/{self.redis_db}"
        if os.path.exists(self.redis_socket):  # Path.exists raises if the folder is another user's
            return f"unix://{quote(str(self.redis_socket))}"
        return "redis://localhost:6379/0"
