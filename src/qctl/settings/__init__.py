"""Settings: one typed class, read from flags, the environment, `.env` and defaults, in that order.

A plain dataclass, not a validation framework: `qctl --help` and completion load this module, and a framework
costs more start-up time than everything else they do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import wrap
from urllib.parse import quote

from platformdirs import user_state_path

from qctl.errors import SettingsError
from qctl.settings import parsers
from qctl.settings.alerts import AlertSettings
from qctl.settings.field import setting
from qctl.settings.gateway import GatewaySettings
from qctl.settings.ingest import DataSettings
from qctl.settings.jobs import JobSettings
from qctl.settings.mail import MailSettings
from qctl.settings.parsers import boolean, one_of, text, whole_number
from qctl.settings.sources import Source, find_sources, resolve
from qctl.settings.work import WorkSettings

DEBUG_AREAS = ("mqtt", "socket", "batch", "claim", "schedule", "sink", "job", "alert", "history", "supervisor")
"""What QCTL_DEBUG may name; `qctl.logs` knows which parts of the program each is."""

SOCKET_LONGEST = 107
"""Bytes of a unix socket's path, by Linux."""

GROUPS = (
    *("qctl", "redis", "mqtt", "socket", "gateway", "ingest", "influxdb", "messages", "jobs", "work", "mail"),
    "alerts",
)
"""The groups of settings, in the order of `.env.example`."""


def _default_home() -> Path:
    return user_state_path("qctl").absolute()


@dataclass(frozen=True)
class Settings(DataSettings, JobSettings, MailSettings, WorkSettings, AlertSettings, GatewaySettings):
    """Everything that can be set. Build it with `Settings.load`; a field is None where nothing was set."""

    home: Path = setting(  # noqa: RUF009 - a field, no shared value
        "QCTL_HOME",
        parsers.path,
        group="qctl",
        doc="Folder that holds all state. Default: the user's state folder",
    )
    log_level: str = setting(
        "LOG_LEVEL",
        one_of("debug", "info", "warning", "error"),
        "info",
        group="qctl",
        doc="debug, info, warning or error",
    )
    log_format: str = setting(
        "LOG_FORMAT",
        one_of("auto", "text", "json"),
        "auto",
        group="qctl",
        doc="text, json, or auto: text on a terminal, JSON elsewhere",
    )
    debug: tuple[str, ...] = setting(
        "QCTL_DEBUG",
        parsers.list_of(*DEBUG_AREAS),
        group="qctl",
        empty=(),
        doc=f"Of what daemons tell all, whatever LOG_LEVEL says, comma separated: {', '.join(DEBUG_AREAS)}",
    )
    allowed_jobs: tuple[str, ...] = setting(
        "QCTL_ALLOWED_JOBS",
        parsers.job_patterns,
        group="qctl",
        empty=(),
        doc="Functions of yours that qctl's workers may run, comma separated, * as wildcard after the first dot: "
        "myapp.tasks.*",
    )
    read_only: bool = setting(
        "QCTL_READ_ONLY",
        boolean,
        "false",
        group="qctl",
        doc="true: the command line refuses whatever changes something",
    )
    allowed_commands: tuple[str, ...] = setting(
        "QCTL_ALLOWED_COMMANDS",
        parsers.command_words,
        group="qctl",
        empty=(),
        doc="Commands that QCTL_READ_ONLY does not refuse, comma separated: retry, dlq retry",
    )
    context: str | None = setting(
        "QCTL_CONTEXT",
        parsers.context_name,
        group="qctl",
        doc="Which Redis of several the command line means: a context of its config.toml. Daemons know no contexts",
    )

    redis_url: str | None = setting(
        "REDIS_URL",
        parsers.redis_url,
        group="redis",
        secret=True,
        doc="Redis to use: redis://, rediss:// or unix://. Wins over REDIS_HOST. Unset, with REDIS_HOST unset too: "
        "the socket in QCTL_HOME where `qctl up` made one, else redis://localhost:6379/0",
    )
    redis_host: str | None = setting(
        "REDIS_HOST", parsers.host, group="redis", doc="Host of Redis, where REDIS_URL is not set"
    )
    redis_port: int = setting(
        "REDIS_PORT", whole_number(1, 65535), "6379", group="redis", doc="Port of Redis, with REDIS_HOST"
    )
    redis_password: str | None = setting(
        "REDIS_PASSWORD", text, group="redis", secret=True, doc="Password of Redis, with REDIS_HOST"
    )
    redis_db: int = setting(
        "REDIS_DB", whole_number(0, 1_000_000), "0", group="redis", doc="Database number of Redis, with REDIS_HOST"
    )
    redis_maxmemory: str = setting(
        "QCTL_REDIS_MAXMEMORY",
        parsers.memory,
        "1gb",
        group="redis",
        doc="maxmemory of the private Redis that `qctl up` starts; 0 is without a limit",
    )
    redis_appendfsync: str = setting(
        "QCTL_REDIS_APPENDFSYNC",
        one_of("everysec", "always"),
        "everysec",
        group="redis",
        doc="How often the private Redis syncs its log to disk: everysec (a power cut may cost 2 s) or always",
    )

    @classmethod
    def load(
        cls,
        flags: Mapping[str, str | None] | None = None,
        environ: Mapping[str, str] | None = None,
        dotenv: Path | None = None,
    ) -> Settings:
        """Read every setting.

        `flags` maps setting names (REDIS_URL, ...) to values from the command line; `dotenv` is the .env file, by
        default the one in the working folder. Raises SettingsError naming the first setting that cannot be used.
        """
        return cls.from_sources(find_sources(flags, environ, dotenv))

    @classmethod
    def from_sources(cls, places: Sequence[Source]) -> Settings:
        """Read every setting from these places, of which the first one that sets it counts. Raises SettingsError."""
        read = {each.spec.name: each.value() for each in resolve(fields(cls), places)}
        read["home"] = read["home"] or _default_home()
        loaded = cls(**read)
        loaded._check_together()
        return loaded

    @classmethod
    def names(cls) -> list[str]:
        """The name of every setting in the environment."""
        return [spec.metadata["env"] for spec in fields(cls)]

    def _check_together(self) -> None:
        needs = {
            "INFLUX_TOKEN": (self.influx_token, "INFLUX_URL", self.influx_url),
            "ORG": (self.influx_org, "INFLUX_URL", self.influx_url),
            "BUCKET": (self.influx_bucket, "INFLUX_URL", self.influx_url),
            "MQTT_USERNAME": (self.mqtt_username, "MQTT_PASSWORD", self.mqtt_password),
            "REDIS_HOST": (self.redis_is_named, "REDIS_PASSWORD", self.redis_password),
            "DB_HOST": (self.db_host, "QCTL_MESSAGES_SINK=mysql", self.messages_sink == "mysql"),
            "DB_USER": (self.db_user, "DB_HOST", self.db_host),
            "DB_NAME": (self.db_name, "DB_HOST", self.db_host),
            "MONGODB_URI": (self.mongodb_uri, "QCTL_MESSAGES_SINK=mongodb", self.messages_sink == "mongodb"),
            "QCTL_S3_BUCKET": (self.s3_bucket, "QCTL_S3_URL", self.s3_url),
            "QCTL_S3_KEY_ID": (self.s3_key_id, "QCTL_S3_SECRET_KEY", self.s3_secret_key),
            "QCTL_S3_SECRET_KEY": (self.s3_secret_key, "QCTL_S3_KEY_ID", self.s3_key_id),
        }
        for name, (value, other, is_set) in needs.items():
            if is_set and not value:
                raise SettingsError(name, f"is needed with {other}")
        in_the_way = parsers.find_obstacle(self.home)
        if in_the_way:
            raise SettingsError("QCTL_HOME", f"{str(in_the_way)!r} is not a folder")
        too_long = len(os.fsencode(self.redis_socket)) - SOCKET_LONGEST
        if too_long > 0 and not self.redis_is_named:
            raise SettingsError("QCTL_HOME", f"is {too_long} bytes too long for the socket of Redis in it")

    def make_home(self) -> Path:
        """Make the folder that holds all state, for its owner alone. Raises SettingsError where that fails."""
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError("QCTL_HOME", f"{str(self.home)!r} cannot be made: {error.strerror}") from error
        if not os.access(self.home, os.W_OK | os.X_OK):
            raise SettingsError("QCTL_HOME", f"{str(self.home)!r} cannot be written to")
        return self.home

    @property
    def redis_socket(self) -> Path:
        """Where `qctl up` puts the socket of its private Redis."""
        return self.home / "redis.sock"

    @property
    def redis_is_named(self) -> bool:
        """True where a Redis was named, so that `qctl up` starts none of its own."""
        return bool(self.redis_url or self.redis_host)

    @property
    def redis_target(self) -> str:
        """The URL of the Redis to use. It may hold a password: print `safe.redact_url` of it."""
        if self.redis_url:
            return self.redis_url
        if self.redis_host:
            secret = f":{quote(self.redis_password, safe='')}@" if self.redis_password else ""
            host = f"[{self.redis_host}]" if ":" in self.redis_host else self.redis_host
            return f"redis://{secret}{host}:{self.redis_port}/{self.redis_db}"
        if os.path.exists(self.redis_socket):  # Path.exists raises where the folder is another user's
            return f"unix://{quote(str(self.redis_socket))}"
        return "redis://localhost:6379/0"

    @property
    def mqtt_target(self) -> str:
        """The URL of the MQTT broker to use."""
        return self.mqtt_broker or f"mqtt://127.0.0.1:{self.mqtt_port}"

    @property
    def database(self) -> Path:
        """The SQLite file that stands in for a database server."""
        return self.home / "qctl.db"

    @property
    def messages_target(self) -> str:
        """Where messages are written: mysql, mongodb or sqlite."""
        return self.messages_sink or ("mysql" if self.db_host else "sqlite")

    @property
    def alerts(self) -> Path:
        """The file with the rules of alerts."""
        return self.alert_file or self.home / "alerts.toml"

    @property
    def history_database(self) -> Path:
        """The SQLite file of the history, where MONGODB_URI is not set."""
        return self.home / "history.db"

    @property
    def uploads(self) -> Path:
        """The folder that imports and images are read from."""
        return self.home / self.upload_dir

    @property
    def exports(self) -> Path:
        """The folder that exports and reports are written to."""
        return self.home / self.exports_dir

    @property
    def images(self) -> Path:
        """The folder that images of chat messages are kept in."""
        return self.home / self.images_dir

    def flush_interval(self, pipeline: str) -> float:
        """Seconds after which less than a whole batch of a pipeline is cut."""
        return {"readings": self.readings_flush_interval, "messages": self.messages_flush_interval}[pipeline]

    @property
    def retry_delays(self) -> list[int]:
        """Seconds before each retry: 2, 4, 8 by default, as the third seed document states."""
        return [max(1, round(self.backoff_ms * 2**n / 1000)) for n in range(self.attempts)]


def env_example() -> str:
    """The text of `.env.example`: every setting with its default, commented out."""
    lines = ["# Settings of qctl. Copy to .env and take away the # of what you change.", ""]
    group = ""
    for spec in sorted(fields(Settings), key=lambda spec: GROUPS.index(spec.metadata["group"])):
        if spec.metadata["group"] != group:
            group = spec.metadata["group"]
            lines += ([""] if lines[-1] else []) + [f"## {group}"]
        lines += wrap(spec.metadata["doc"], 110, initial_indent="# ", subsequent_indent="# ")
        lines += [f"#{spec.metadata['env']}={spec.metadata['raw']}"]
    return "\n".join(lines) + "\n"
