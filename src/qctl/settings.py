"""Settings: one typed class, read from flags, the environment, `.env` and defaults, in that order.

A plain dataclass, not a validation framework: `qctl --help` and completion load this module, and a framework
costs more start-up time than everything else they do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from dotenv import dotenv_values
from platformdirs import user_state_path

from qctl.errors import SettingsError

T = TypeVar("T")

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def _text(raw: str) -> str:
    if any(ord(c) < 32 or ord(c) == 127 for c in raw):
        raise ValueError("has a control character in it")
    return raw


def _bool(raw: str) -> bool:
    if raw.lower() in TRUE:
        return True
    if raw.lower() in FALSE:
        return False
    raise ValueError(f"{raw!r} is not true or false")


def _int(low: int, high: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        try:
            value = int(raw)
        except ValueError:
            raise ValueError(f"{raw!r} is not a whole number") from None
        if not low <= value <= high:
            raise ValueError(f"{value} is not between {low} and {high}")
        return value

    return parse


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        try:
            value = float(raw)
        except ValueError:
            raise ValueError(f"{raw!r} is not a number of seconds") from None
        if not low <= value <= high:
            raise ValueError(f"{value} is not between {low} and {high} seconds")
        return value

    return parse


def _one_of(*names: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw.lower() not in names:
            raise ValueError(f"{raw!r} is not one of {', '.join(names)}")
        return raw.lower()

    return parse


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        try:
            parts = urlsplit(_text(raw))
            _ = parts.port
        except ValueError as error:
            raise ValueError(f"is not a URL: {error}") from None
        if parts.scheme not in schemes:
            raise ValueError(f"must begin with {' or '.join(s + '://' for s in schemes)}")
        if not (parts.hostname or parts.path):
            raise ValueError("names no host")
        return raw

    return parse


def _names(raw: str) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in _text(raw).split(",")) if part)


def _path(raw: str) -> Path:
    return Path(_text(raw)).expanduser()


def _setting(
    env: str, parse: Callable[[str], T], default: str = "", *, doc: str, secret: bool = False, group: str
) -> Any:
    """One setting. `default` is written as it would be in the environment; empty means not set."""
    return field(
        default=None,
        repr=not secret,
        metadata={"env": env, "parse": parse, "raw": default, "doc": doc, "secret": secret, "group": group},
    )


def _default_home() -> str:
    return str(user_state_path("qctl"))


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. Build it with `Settings.load`; a field is None where nothing was set."""

    home: Path = _setting(
        "QCTL_HOME", _path, group="qctl", doc="Folder that holds all state. Default: the user's state folder"
    )
    log_level: str = _setting(
        "LOG_LEVEL",
        _one_of("debug", "info", "warning", "error"),
        "info",
        group="qctl",
        doc="debug, info, warning or error",
    )
    log_format: str = _setting(
        "LOG_FORMAT",
        _one_of("auto", "text", "json"),
        "auto",
        group="qctl",
        doc="text, json, or auto: text on a terminal, JSON elsewhere",
    )
    allowed_jobs: tuple[str, ...] = _setting(
        "QCTL_ALLOWED_JOBS",
        _names,
        group="qctl",
        doc="Functions of yours that qctl's workers may run, comma separated, * as wildcard: myapp.tasks.*",
    )

    redis_url: str | None = _setting(
        "REDIS_URL",
        _url("redis", "rediss", "unix"),
        group="redis",
        secret=True,
        doc="Redis to use. Wins over REDIS_HOST. Unset, with REDIS_HOST unset too: the socket in QCTL_HOME where `qctl up` made one, else redis://localhost:6379/0",
    )
    redis_host: str | None = _setting(
        "REDIS_HOST", _text, group="redis", doc="Host of Redis, where REDIS_URL is not set"
    )
    redis_port: int = _setting(
        "REDIS_PORT", _int(1, 65535), "6379", group="redis", doc="Port of Redis, with REDIS_HOST"
    )
    redis_password: str | None = _setting(
        "REDIS_PASSWORD", _text, group="redis", secret=True, doc="Password of Redis, with REDIS_HOST"
    )
    redis_db: int = _setting(
        "REDIS_DB", _int(0, 1_000_000), "0", group="redis", doc="Database number of Redis, with REDIS_HOST"
    )
    redis_maxmemory: str = _setting(
        "QCTL_REDIS_MAXMEMORY",
        _text,
        "1gb",
        group="redis",
        doc="maxmemory of the private Redis that `qctl up` starts",
    )
    redis_appendfsync: str = _setting(
        "QCTL_REDIS_APPENDFSYNC",
        _one_of("everysec", "always"),
        "everysec",
        group="redis",
        doc="How often the private Redis syncs its log to disk: everysec (a power cut may cost 2 s) or always",
    )

    mqtt_enabled: bool = _setting(
        "MQTT_ENABLED", _bool, "true", group="mqtt", doc="false: the bridge exits 0 and says so"
    )
    mqtt_broker: str | None = _setting(
        "MQTT_BROKER",
        _url("mqtt", "mqtts"),
        group="mqtt",
        doc="Broker to use. Unset: the one that `qctl up` starts on 127.0.0.1:MQTT_PORT",
    )
    mqtt_port: int = _setting(
        "MQTT_PORT", _int(1, 65535), "1883", group="mqtt", doc="Port of the broker that `qctl up` starts"
    )
    mqtt_username: str | None = _setting("MQTT_USERNAME", _text, group="mqtt", doc="User for the broker")
    mqtt_password: str | None = _setting(
        "MQTT_PASSWORD", _text, group="mqtt", secret=True, doc="Password for the broker"
    )
    mqtt_topic: str = _setting(
        "MQTT_TOPIC", _text, "sensors/#", group="mqtt", doc="Topic filter that the bridge subscribes to"
    )
    mqtt_client_id: str = _setting(
        "MQTT_CLIENT_ID",
        _text,
        "qctl-mqtt-bridge",
        group="mqtt",
        doc="Fixed client id: the broker keeps the session of this name while the bridge is away. One bridge, one id",
    )
    mqtt_receive_maximum: int = _setting(
        "QCTL_MQTT_RECEIVE_MAXIMUM",
        _int(1, 65535),
        "1000",
        group="mqtt",
        doc="Most messages that the broker may send before an acknowledgement",
    )

    batch_size: int = _setting(
        "BATCH_SIZE_THRESHOLD", _int(1, 100_000), "1000", group="ingest", doc="Items that make a batch"
    )
    readings_flush_interval: float = _setting(
        "QCTL_READINGS_FLUSH_INTERVAL",
        _seconds(0.05, 3600),
        "1",
        group="ingest",
        doc="Seconds after which a smaller batch of readings is cut",
    )
    buffer_high_water: int = _setting(
        "QCTL_BUFFER_HIGH_WATER",
        _int(1, 1_000_000_000),
        "1000000",
        group="ingest",
        doc="Items in a buffer above which a source stops acknowledging",
    )
    max_waiting_batches: int = _setting(
        "QCTL_MAX_WAITING_BATCHES",
        _int(1, 1_000_000),
        "200",
        group="ingest",
        doc="Batch jobs waiting above which no more are cut: the buffer grows instead",
    )
    max_payload: int = _setting(
        "QCTL_MAX_PAYLOAD",
        _int(16, 16_777_216),
        "65536",
        group="ingest",
        doc="Largest message in bytes; a larger one is a dead letter",
    )

    influx_url: str | None = _setting(
        "INFLUX_URL",
        _url("http", "https"),
        group="influxdb",
        doc="InfluxDB that readings are written to. Unset: SQLite, QCTL_HOME/qctl.db",
    )
    influx_token: str | None = _setting(
        "INFLUX_TOKEN", _text, group="influxdb", secret=True, doc="Token for InfluxDB"
    )
    influx_org: str | None = _setting("ORG", _text, group="influxdb", doc="Organisation in InfluxDB")
    influx_bucket: str | None = _setting("BUCKET", _text, group="influxdb", doc="Bucket in InfluxDB")

    attempts: int = _setting(
        "QUEUE_DEFAULT_ATTEMPTS",
        _int(0, 20),
        "3",
        group="jobs",
        doc="Retries of a failed job after its first run",
    )
    backoff_ms: int = _setting(
        "QUEUE_DEFAULT_BACKOFF",
        _int(0, 3_600_000),
        "2000",
        group="jobs",
        doc="Milliseconds before the first retry; each later one waits twice as long",
    )
    trash_ttl: int = _setting(
        "TRASH_TTL",
        _int(60, 31_536_000),
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
        environ = os.environ if environ is None else environ
        file = Path(".env") if dotenv is None else dotenv
        from_file = dotenv_values(file, interpolate=False) if file.is_file() else {}
        values: dict[str, Any] = {}
        for spec in fields(cls):
            env = spec.metadata["env"]
            raw = next(
                (
                    v
                    for v in ((flags or {}).get(env), environ.get(env), from_file.get(env))
                    if v not in (None, "")
                ),
                spec.metadata["raw"],
            )
            values[spec.name] = _parse(env, str(raw), spec)
        values["home"] = (values["home"] or Path(_default_home())).absolute()
        loaded = cls(**values)
        loaded._check_together()
        return loaded

    def _check_together(self) -> None:
        if self.influx_url:
            for name, value in (
                ("INFLUX_TOKEN", self.influx_token),
                ("ORG", self.influx_org),
                ("BUCKET", self.influx_bucket),
            ):
                if not value:
                    raise SettingsError(name, "is needed with INFLUX_URL")
        if self.mqtt_password and not self.mqtt_username:
            raise SettingsError("MQTT_USERNAME", "is needed with MQTT_PASSWORD")

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
            return f"redis://{secret}{self.redis_host}:{self.redis_port}/{self.redis_db}"
        if self.redis_socket.exists():
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


def _parse(env: str, raw: str, spec: Field[Any]) -> Any:
    if raw == "":
        return () if spec.metadata["parse"] is _names else None
    try:
        return spec.metadata["parse"](raw)
    except ValueError as error:
        shown = str(error).replace(raw, "***") if spec.metadata["secret"] else str(error)
        raise SettingsError(env, shown, hint="see .env.example for what it may be") from None


def env_example() -> str:
    """The text of `.env.example`: every setting with its default, commented out."""
    lines = ["# Settings of qctl. Copy to .env and take away the # of what you change.", ""]
    group = ""
    for spec in fields(Settings):
        if spec.metadata["group"] != group:
            group = spec.metadata["group"]
            lines += ([""] if lines[-1] else []) + [f"## {group}"]
        lines += [f"# {spec.metadata['doc']}", f"#{spec.metadata['env']}={spec.metadata['raw']}"]
    return "\n".join(lines) + "\n"
