"""Settings: one typed class, read from flags, the environment, `.env` and defaults, in that order.

A plain dataclass, not a validation framework: `qctl --help` and completion load this module, and a framework
costs more start-up time than everything else they do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from textwrap import wrap
from typing import Any, TypeVar
from urllib.parse import quote

from platformdirs import user_state_path

from qctl import values
from qctl.errors import SettingsError
from qctl.values import address, boolean, one_of, seconds, text, whole

T = TypeVar("T")

SOCKET_LONGEST = 107
"""Bytes of a unix socket's path, by Linux."""

SHOWN = 60
"""Characters of a bad value that an error repeats."""


def _setting(
    env: str, parse: Callable[[str], T], default: str = "", *, doc: str, secret: bool = False, group: str
) -> Any:
    """One setting. `default` is written as it would be in the environment; empty means not set."""
    return field(
        default=None,
        repr=not secret,
        metadata={"env": env, "parse": parse, "raw": default, "doc": doc, "secret": secret, "group": group},
    )


def _default_home() -> Path:
    return user_state_path("qctl").absolute()


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. Build it with `Settings.load`; a field is None where nothing was set."""

    home: Path = _setting(  # noqa: RUF009 - a field, no shared value
        "QCTL_HOME",
        values.folder,
        group="qctl",
        doc="Folder that holds all state. Default: the user's state folder",
    )
    log_level: str = _setting(
        "LOG_LEVEL",
        one_of("debug", "info", "warning", "error"),
        "info",
        group="qctl",
        doc="debug, info, warning or error",
    )
    log_format: str = _setting(
        "LOG_FORMAT",
        one_of("auto", "text", "json"),
        "auto",
        group="qctl",
        doc="text, json, or auto: text on a terminal, JSON elsewhere",
    )
    allowed_jobs: tuple[str, ...] = _setting(
        "QCTL_ALLOWED_JOBS",
        values.job_patterns,
        group="qctl",
        doc="Functions of yours that qctl's workers may run, comma separated, * as wildcard after the first dot: "
        "myapp.tasks.*",
    )
    read_only: bool = _setting(
        "QCTL_READ_ONLY",
        boolean,
        "false",
        group="qctl",
        doc="true: the command line refuses whatever changes something",
    )

    redis_url: str | None = _setting(
        "REDIS_URL",
        values.redis_url,
        group="redis",
        secret=True,
        doc="Redis to use: redis://, rediss:// or unix://. Wins over REDIS_HOST. Unset, with REDIS_HOST unset too: "
        "the socket in QCTL_HOME where `qctl up` made one, else redis://localhost:6379/0",
    )
    redis_host: str | None = _setting(
        "REDIS_HOST", values.host, group="redis", doc="Host of Redis, where REDIS_URL is not set"
    )
    redis_port: int = _setting(
        "REDIS_PORT", whole(1, 65535), "6379", group="redis", doc="Port of Redis, with REDIS_HOST"
    )
    redis_password: str | None = _setting(
        "REDIS_PASSWORD", text, group="redis", secret=True, doc="Password of Redis, with REDIS_HOST"
    )
    redis_db: int = _setting(
        "REDIS_DB", whole(0, 1_000_000), "0", group="redis", doc="Database number of Redis, with REDIS_HOST"
    )
    redis_maxmemory: str = _setting(
        "QCTL_REDIS_MAXMEMORY",
        values.memory,
        "1gb",
        group="redis",
        doc="maxmemory of the private Redis that `qctl up` starts; 0 is without a limit",
    )
    redis_appendfsync: str = _setting(
        "QCTL_REDIS_APPENDFSYNC",
        one_of("everysec", "always"),
        "everysec",
        group="redis",
        doc="How often the private Redis syncs its log to disk: everysec (a power cut may cost 2 s) or always",
    )

    mqtt_enabled: bool = _setting(
        "MQTT_ENABLED", boolean, "true", group="mqtt", doc="false: the bridge exits 0 and says so"
    )
    mqtt_broker: str | None = _setting(
        "MQTT_BROKER",
        address("mqtt", "mqtts"),
        group="mqtt",
        doc="Broker to use: mqtt:// or mqtts://. Unset: the one that `qctl up` starts on 127.0.0.1:MQTT_PORT",
    )
    mqtt_port: int = _setting(
        "MQTT_PORT", whole(1, 65535), "1883", group="mqtt", doc="Port of the broker that `qctl up` starts"
    )
    mqtt_username: str | None = _setting("MQTT_USERNAME", text, group="mqtt", doc="User for the broker")
    mqtt_password: str | None = _setting(
        "MQTT_PASSWORD", text, group="mqtt", secret=True, doc="Password for the broker"
    )
    mqtt_topic: str = _setting(
        "MQTT_TOPIC",
        values.topic_filter,
        "sensors/#",
        group="mqtt",
        doc="Topic filter that the bridge subscribes to",
    )
    mqtt_client_id: str = _setting(
        "MQTT_CLIENT_ID",
        values.client_id,
        "qctl-mqtt-bridge",
        group="mqtt",
        doc="Fixed client id: the broker keeps the session of this name while the bridge is away. Each bridge "
        "needs its own",
    )
    mqtt_receive_maximum: int = _setting(
        "QCTL_MQTT_RECEIVE_MAXIMUM",
        whole(1, 65535),
        "1000",
        group="mqtt",
        doc="Most messages that the broker may send before an acknowledgement",
    )

    batch_size: int = _setting(
        "BATCH_SIZE_THRESHOLD", whole(1, 100_000), "1000", group="ingest", doc="Items that make a batch"
    )
    readings_flush_interval: float = _setting(
        "QCTL_READINGS_FLUSH_INTERVAL",
        seconds(0.05, 3600),
        "1",
        group="ingest",
        doc="Seconds after which a smaller batch of readings is cut",
    )
    buffer_high_water: int = _setting(
        "QCTL_BUFFER_HIGH_WATER",
        whole(1, 1_000_000_000),
        "1000000",
        group="ingest",
        doc="Items in a buffer above which a source stops acknowledging",
    )
    max_waiting_batches: int = _setting(
        "QCTL_MAX_WAITING_BATCHES",
        whole(1, 1_000_000),
        "200",
        group="ingest",
        doc="Batch jobs waiting above which no more are cut: the buffer grows instead",
    )
    max_payload: int = _setting(
        "QCTL_MAX_PAYLOAD",
        whole(16, 16_777_216),
        "65536",
        group="ingest",
        doc="Largest message in bytes; a larger one is a dead letter",
    )

    influx_url: str | None = _setting(
        "INFLUX_URL",
        address("http", "https"),
        group="influxdb",
        doc="InfluxDB that readings are written to. Unset: SQLite, QCTL_HOME/qctl.db",
    )
    influx_token: str | None = _setting("INFLUX_TOKEN", text, group="influxdb", secret=True, doc="Token for InfluxDB")
    influx_org: str | None = _setting("ORG", text, group="influxdb", doc="Organisation in InfluxDB")
    influx_bucket: str | None = _setting("BUCKET", text, group="influxdb", doc="Bucket in InfluxDB")

    attempts: int = _setting(
        "QUEUE_DEFAULT_ATTEMPTS",
        whole(0, 20),
        "3",
        group="jobs",
        doc="Retries of a failed job after its first run",
    )
    backoff_ms: int = _setting(
        "QUEUE_DEFAULT_BACKOFF",
        whole(0, 3_600_000),
        "2000",
        group="jobs",
        doc="Milliseconds before the first retry, at least 1000; each later one waits twice as long",
    )
    trash_ttl: int = _setting(
        "TRASH_TTL",
        whole(60, 31_536_000),
        "86400",
        group="jobs",
        doc="Seconds that the trash keeps what was cleared or discarded",
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
        sources = (flags or {}, os.environ if environ is None else environ, _from_file(dotenv or Path(".env")))
        read: dict[str, Any] = {}
        for spec in fields(cls):
            given = (source.get(spec.metadata["env"]) for source in sources)
            read[spec.name] = _parse(next((raw for raw in given if raw), spec.metadata["raw"]), spec)
        read["home"] = read["home"] or _default_home()
        loaded = cls(**read)
        loaded._check_together()
        return loaded

    def _check_together(self) -> None:
        needs = {
            "INFLUX_TOKEN": (self.influx_token, "INFLUX_URL", self.influx_url),
            "ORG": (self.influx_org, "INFLUX_URL", self.influx_url),
            "BUCKET": (self.influx_bucket, "INFLUX_URL", self.influx_url),
            "MQTT_USERNAME": (self.mqtt_username, "MQTT_PASSWORD", self.mqtt_password),
            "REDIS_HOST": (self.redis_is_named, "REDIS_PASSWORD", self.redis_password),
        }
        for name, (value, other, is_set) in needs.items():
            if is_set and not value:
                raise SettingsError(name, f"is needed with {other}")
        in_the_way = values.obstacle(self.home)
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
    def retry_delays(self) -> list[int]:
        """Seconds before each retry: 2, 4, 8 by default, as the third seed document states."""
        return [max(1, round(self.backoff_ms * 2**n / 1000)) for n in range(self.attempts)]


def _from_file(file: Path) -> Mapping[str, str | None]:
    if not os.path.isfile(file):  # Path.is_file raises where the folder may not be entered
        return {}
    from dotenv import dotenv_values  # a third of what this module costs to import, and seldom needed

    try:
        return dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(str(file), f"cannot be read: {reason}") from None


def _parse(raw: str, spec: Field[Any]) -> Any:
    if raw == "":
        return () if spec.metadata["parse"] is values.job_patterns else None
    try:
        return spec.metadata["parse"](raw)
    except ValueError as error:
        # What looks like a URL may have a password in it, whichever setting it was put into.
        hidden = spec.metadata["secret"] or "@" in raw or "://" in raw
        shown = "its value" if hidden else repr(raw if len(raw) <= SHOWN else raw[:SHOWN] + "...")
        hint = "see .env.example for what it may be"
        raise SettingsError(spec.metadata["env"], f"{shown} {error}", hint) from None


def env_example() -> str:
    """The text of `.env.example`: every setting with its default, commented out."""
    lines = ["# Settings of qctl. Copy to .env and take away the # of what you change.", ""]
    group = ""
    for spec in fields(Settings):
        if spec.metadata["group"] != group:
            group = spec.metadata["group"]
            lines += ([""] if lines[-1] else []) + [f"## {group}"]
        lines += wrap(spec.metadata["doc"], 110, initial_indent="# ", subsequent_indent="# ")
        lines += [f"#{spec.metadata['env']}={spec.metadata['raw']}"]
    return "\n".join(lines) + "\n"
