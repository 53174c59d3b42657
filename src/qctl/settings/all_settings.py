"""The class of all settings, and the text of `.env.example`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qctl import processors
from qctl.errors import SettingsError
from qctl.ownership import NOT_OWNER_MODE
from qctl.settings import parsers
from qctl.settings.alerts import AlertSettings
from qctl.settings.field import setting
from qctl.settings.gateway import GatewaySettings
from qctl.settings.ingest import DataSettings
from qctl.settings.jobs import JobSettings
from qctl.settings.mail import MailSettings
from qctl.settings.memory import MemorySettings
from qctl.settings.parsers import boolean, one_of, whole_number
from qctl.settings.profiles import PROFILES, Shapes, port_owner
from qctl.settings.push import PushSettings
from qctl.settings.site import SiteSettings
from qctl.settings.sources import find_sources
from qctl.settings.stack import StackSettings
from qctl.settings.work import WorkSettings

if TYPE_CHECKING:
    from qctl.models.pools import PoolSize

DEBUG_AREAS = ("mqtt", "socket", "batch", "claim", "schedule", "sink", "job", "alert", "history", "supervisor")
"""Areas that QCTL_DEBUG may name; `qctl.logs` maps each to its loggers."""

MAX_SOCKET_PATH_BYTES = 107
"""Limit of Linux for the path of a unix socket."""

GROUPS = (
    *("qctl", "redis", "mqtt", "socket", "gateway", "connections", "ingest", "influxdb", "messages", "jobs", "work"),
    *("mail", "alerts"),
)
"""Groups of settings, in the order of `.env.example`."""


class Settings(
    DataSettings,
    JobSettings,
    StackSettings,
    MemorySettings,
    MailSettings,
    PushSettings,
    WorkSettings,
    AlertSettings,
    GatewaySettings,
    SiteSettings,
):
    """All settings. Create it with `Settings.load`; a field without value and default is None."""

    log_level: str = setting(
        "LOG_LEVEL",
        one_of("debug", "info", "warning", "error"),
        "info",
        group="qctl",
        doc="Log level: debug, info, warning or error",
    )
    log_format: str = setting(
        "LOG_FORMAT",
        one_of("auto", "text", "json"),
        "auto",
        group="qctl",
        doc="Log format: text, json, or auto (text on a terminal, JSON elsewhere)",
    )
    debug: tuple[str, ...] = setting(
        "QCTL_DEBUG",
        parsers.list_of(*DEBUG_AREAS),
        group="qctl",
        empty=(),
        doc=f"Areas that log at debug level regardless of LOG_LEVEL, comma separated: {', '.join(DEBUG_AREAS)}",
    )
    allowed_jobs: tuple[str, ...] = setting(
        "QCTL_ALLOWED_JOBS",
        parsers.job_patterns,
        group="qctl",
        empty=(),
        doc="Your functions that qctl's workers may run, comma separated; * is a wildcard within a part after the "
        "first dot: myapp.tasks.*",
    )
    read_only: bool = setting(
        "QCTL_READ_ONLY",
        boolean,
        "false",
        group="qctl",
        doc="true: the command line refuses every command that changes something",
    )
    allowed_commands: tuple[str, ...] = setting(
        "QCTL_ALLOWED_COMMANDS",
        parsers.command_words,
        group="qctl",
        empty=(),
        doc="Commands allowed despite QCTL_READ_ONLY, comma separated: retry, dlq retry",
    )
    theme: str | None = setting(
        "QCTL_THEME",
        parsers.theme_name,
        group="qctl",
        doc="Colours of `qctl monitor`: nord, dracula, textual-light, ... (the key t lists all). Default: the theme "
        "chosen last with t",
    )

    redis_replicas: int = setting(
        "QCTL_REDIS_REPLICAS",
        whole_number(0, 10),
        "0",
        group="redis",
        doc="Replicas that must have received what is promised before it is acknowledged or reported: messages, jobs "
        "of producers, pauses and other changes by people. 0: a failover may lose what was acknowledged just before",
    )
    redis_maxmemory: str = setting(
        "QCTL_REDIS_MAXMEMORY",
        parsers.memory,
        "1gb",
        group="redis",
        doc="Memory limit (maxmemory) of the private Redis that `qctl up` starts; 0: no limit",
    )
    redis_appendfsync: str = setting(
        "QCTL_REDIS_APPENDFSYNC",
        one_of("everysec", "always"),
        "always",
        group="redis",
        doc="When the private Redis syncs its log: always (before it answers) or everysec (a crash may lose 2 s)",
    )

    @classmethod
    def load(
        cls,
        flags: Mapping[str, str | None] | None = None,
        environ: Mapping[str, str] | None = None,
        dotenv: Path | None = None,
    ) -> Settings:
        """Read every setting.

        `flags` maps setting names (REDIS_URL, ...) to values of the command line; `dotenv` is the .env file, by default
        the one in the working folder. Raises SettingsError that names the first invalid setting.
        """
        return cls.from_sources(find_sources(flags, environ, dotenv))

    @classmethod
    def names(cls) -> list[str]:
        """Return the environment variable of every setting."""
        return [spec.env for spec in cls.specs()]

    def _check_together(self) -> None:
        required = {
            "INFLUX_TOKEN": (self.influx_token, "INFLUX_URL", self.influx_urls),
            "ORG": (self.influx_org, "INFLUX_URL", self.influx_urls),
            "BUCKET": (self.influx_bucket, "INFLUX_URL", self.influx_urls),
            "MQTT_USERNAME": (self.mqtt_username, "MQTT_PASSWORD", self.mqtt_password),
            "REDIS_HOST": (self.redis_is_named, "REDIS_PASSWORD", self.redis_password),
            "DB_HOST": (self.db_hosts, "QCTL_MESSAGES_SINK=mysql", self.messages_sink == "mysql"),
            "DB_USER": (self.db_user, "DB_HOST", self.db_hosts),
            "DB_NAME": (self.db_name, "DB_HOST", self.db_hosts),
            "MONGODB_URI": (self.mongodb_uri, "QCTL_MESSAGES_SINK=mongodb", self.messages_sink == "mongodb"),
            "QCTL_S3_BUCKET": (self.s3_bucket, "QCTL_S3_URL", self.s3_url),
            "QCTL_S3_KEY_ID": (self.s3_key_id, "QCTL_S3_SECRET_KEY", self.s3_secret_key),
            "QCTL_S3_SECRET_KEY": (self.s3_secret_key, "QCTL_S3_KEY_ID", self.s3_key_id),
        }
        for name, (value, other, is_set) in required.items():
            if is_set and not value:
                raise SettingsError(name, f"not set, but required by {other}", f"set {name}, or unset {other}")
        obstacle = parsers.find_obstacle(self.home)
        if obstacle:
            raise SettingsError("QCTL_HOME", f"{str(obstacle)!r} is not a folder")
        too_long = len(os.fsencode(self.redis_socket)) - MAX_SOCKET_PATH_BYTES
        if too_long > 0 and not self.redis_is_named:
            raise SettingsError("QCTL_HOME", f"path is {too_long} bytes too long for the Redis socket in it")

    def make_home(self) -> Path:
        """Create the state folder, accessible to its owner only. Raises SettingsError if that fails.

        An existing folder that others may enter is closed to them; one that belongs to another user is refused.
        """
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self.home.stat()
            if os.geteuid() not in (0, status.st_uid):
                raise SettingsError("QCTL_HOME", f"{str(self.home)!r} belongs to another user", "set QCTL_HOME")
            if status.st_mode & NOT_OWNER_MODE:
                self.home.chmod(0o700)
        except OSError as error:
            raise SettingsError("QCTL_HOME", f"cannot create {str(self.home)!r}: {error.strerror}") from error
        if not os.access(self.home, os.W_OK | os.X_OK):
            raise SettingsError("QCTL_HOME", f"{str(self.home)!r} is not writable")
        return self.home

    @property
    def worker_size(self) -> PoolSize | None:
        """Processes of each worker daemon, None if no setting says it."""
        return self.workers or (parsers.pool_size("auto") if self.cluster_mode else None)

    @property
    def processes(self) -> int:
        """Processes of each gateway and MQTT bridge. Without a queue it is one."""
        if not self.cache_enabled or self.worker_size is None:
            return 1
        return max(1, self.worker_size.bounds(processors.available())[0])

    @property
    def shapes(self) -> Shapes:
        """Shapes of responses, by the profile."""
        return PROFILES[self.profile].shapes if self.profile else Shapes()

    def port_setting(self, daemon: str) -> str:
        """Name of the setting that sets the port of the gateway or the socket batcher."""
        name, port = {
            "gateway": ("QCTL_GATEWAY_PORT", self.gateway_port),
            "socket-batcher": ("QCTL_SOCKET_PORT", self.socket_port),
        }[daemon]
        return "PORT" if port_owner(self.profile) == daemon and port == self.port else name

    @property
    def mqtt_targets(self) -> tuple[str, ...]:
        """URLs of the nodes of the MQTT broker to use, of which one is enough."""
        return self.mqtt_brokers or (f"mqtt://127.0.0.1:{self.mqtt_port}",)

    @property
    def database(self) -> Path:
        """SQLite file used if no database server is set."""
        return self.home / "qctl.db"

    @property
    def messages_target(self) -> str:
        """Database that stores messages: mysql, mongodb or sqlite."""
        return self.messages_sink or ("mysql" if self.db_hosts else "sqlite")

    @property
    def alerts(self) -> Path:
        """File with the alert rules."""
        return self.alert_file or self.home / "alerts.toml"

    @property
    def history_database(self) -> Path:
        """SQLite file of the history, used if MONGODB_URI is not set."""
        return self.home / "history.db"

    @property
    def uploads(self) -> Path:
        """Folder that imports and images are read from."""
        return self.home / self.upload_dir

    @property
    def exports(self) -> Path:
        """Folder that exports and reports are written to."""
        return self.home / self.exports_dir

    @property
    def images(self) -> Path:
        """Folder that stores images of chat messages."""
        return self.home / self.images_dir

    @property
    def message_files(self) -> Path:
        """Folder that stores files of chat messages."""
        return self.home / self.message_files_dir

    def flush_interval(self, pipeline: str) -> float:
        """Return the maximum time (s) that an item of a pipeline waits for its batch to fill."""
        return {"readings": self.readings_flush_interval, "messages": self.messages_flush_interval}[pipeline]

    @property
    def retry_delays(self) -> list[int]:
        """Delays (s) before each retry: 2, 4, 8 by default."""
        return [max(1, round(self.backoff_ms * 2**n / 1000)) for n in range(self.attempts)]


def env_example(profile: str | None = None) -> str:
    """Return the text of `.env.example`: every setting with its default, commented out. A `profile` is chosen in it,
    and its defaults are shown."""
    defaults = PROFILES[profile].defaults if profile else {}
    from textwrap import wrap

    lines = ["# Settings of qctl. Copy this file to .env, and uncomment the lines that you change.", ""]
    group = ""
    for spec in sorted(Settings.specs(), key=lambda spec: GROUPS.index(spec.group)):
        if spec.group != group:
            group = spec.group
            lines += ([""] if lines[-1] else []) + [f"## {group}"]
        lines += wrap(spec.doc, 110, initial_indent="# ", subsequent_indent="# ")
        name = spec.env
        is_chosen = profile is not None and name == "QCTL_PROFILE"
        lines += [f"QCTL_PROFILE={profile}" if is_chosen else f"#{name}={defaults.get(name, spec.raw)}"]
    return "\n".join(lines) + "\n"
