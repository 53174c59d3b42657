"""Settings of data ingestion: sources, batches, and sinks."""

from __future__ import annotations

from pathlib import Path

from qctl.settings import data_parsers, parsers
from qctl.settings.field import SettingsPart, setting
from qctl.settings.parsers import boolean, one_of, seconds, text, whole_number
from qctl.settings.server_parsers import hosts, server_urls


class DataSettings(SettingsPart):
    """Part of `Settings`; not loaded by itself."""

    mqtt_enabled: bool = setting(
        "MQTT_ENABLED", boolean, "true", group="mqtt", doc="false: the bridge logs that it is disabled and exits with 0"
    )
    mqtt_brokers: tuple[str, ...] = setting(
        "MQTT_BROKER",
        server_urls("mqtt", "mqtts"),
        group="mqtt",
        empty=(),
        doc="URL of the broker: mqtt:// or mqtts://; several of one cluster, comma separated, are tried in turn. "
        "Default: the broker that `qctl up` starts on 127.0.0.1:MQTT_PORT",
    )
    mqtt_port: int = setting(
        "MQTT_PORT", whole_number(1, 65535), "1883", group="mqtt", doc="Port of the broker that `qctl up` starts"
    )
    mqtt_anonymous: bool = setting(
        "QCTL_MQTT_ANONYMOUS",
        boolean,
        "true",
        group="mqtt",
        doc="Whether programs of this machine may send readings to the broker that `qctl up` starts without a "
        "password; nobody but the bridge may read. false: only with MQTT_USERNAME and MQTT_PASSWORD",
    )
    mqtt_username: str | None = setting("MQTT_USERNAME", text, group="mqtt", doc="User name for the broker")
    mqtt_password: str | None = setting("MQTT_PASSWORD", text, group="mqtt", secret=True, doc="Password for the broker")
    mqtt_topic: str = setting(
        "MQTT_TOPIC",
        parsers.topic_filter,
        "sensors/#",
        group="mqtt",
        doc="Topic filter that the bridge subscribes to; $share/GROUP/FILTER if several bridges share it",
    )
    mqtt_topic_pattern: str = setting(
        "MQTT_TOPIC_PATTERN",
        parsers.topic_pattern,
        "+/{device}/...",
        group="mqtt",
        doc="Meaning of the levels of a topic: {device} is the device, other names become tags in InfluxDB: "
        "sensors/{site}/{device}/... If a topic does not match, the whole topic is the device",
    )
    mqtt_ignore: tuple[str, ...] = setting(
        "QCTL_MQTT_IGNORE",
        data_parsers.topic_filters,
        group="mqtt",
        doc="Topic filters, comma separated, whose messages are counted and not stored: +/+/debug,homeassistant/#",
    )
    mqtt_ca: Path | None = setting(
        "QCTL_MQTT_CA",
        parsers.path,
        group="mqtt",
        doc="File with the certificate authority of the broker, for mqtts://. Default: the authorities that the "
        "system trusts",
    )
    mqtt_client_id: str = setting(
        "MQTT_CLIENT_ID",
        parsers.client_id,
        "qctl-mqtt-bridge",
        group="mqtt",
        doc="Fixed client id: the broker stores the session of this id while the bridge is away. Each bridge needs "
        "its own",
    )
    mqtt_drops_topic: str = setting(
        "QCTL_MQTT_DROPS_TOPIC",
        parsers.system_topic_filter,
        group="mqtt",
        empty="",
        doc="Topic on which the broker tells how many messages it dropped, which are counted: mosquitto's is "
        "$SYS/broker/publish/messages/dropped. Default: not listened to",
    )
    mqtt_receive_maximum: int = setting(
        "QCTL_MQTT_RECEIVE_MAXIMUM",
        whole_number(1, 65535),
        "1000",
        group="mqtt",
        doc="Maximum number of messages that the broker may send before the first is acknowledged",
    )

    socket_enabled: bool = setting(
        "QCTL_SOCKET_ENABLED",
        boolean,
        "true",
        group="socket",
        doc="false: the socket batcher logs that it is disabled and exits with 0",
    )
    socket_host: str = setting(
        "QCTL_SOCKET_HOST",
        parsers.host,
        "127.0.0.1",
        group="socket",
        doc="Address that the socket batcher listens on; 0.0.0.0: every address of this host",
    )
    port: int | None = setting(
        "PORT",
        whole_number(1, 65535),
        group="socket",
        doc="Port of the daemon that QCTL_PROFILE says, without a profile of the socket batcher. QCTL_SOCKET_PORT and "
        "QCTL_GATEWAY_PORT override it",
    )
    socket_port: int = setting(
        "QCTL_SOCKET_PORT",
        whole_number(1, 65535),
        "3000",
        group="socket",
        port_of="socket-batcher",
        doc="Port that the socket batcher listens on",
    )
    client_url: tuple[str, ...] = setting(
        "CLIENT_URL",
        parsers.origins,
        "http://localhost:5173",
        group="socket",
        doc="Origins whose pages may connect, comma separated; *: any. Clients outside a browser send no origin",
    )
    socket_token: str | None = setting(
        "SOCKET_TOKEN",
        parsers.signing_key,
        group="socket",
        secret=True,
        doc="Token that a Socket.IO client must send as auth.token. Default: no token is required",
    )
    secret_key: str | None = setting(
        "SECRET_KEY",
        parsers.signing_key,
        group="socket",
        secret=True,
        doc="Key of the JWTs (HS256) that a Socket.IO client may send as auth.token, with the claims exp and "
        "QCTL_JWT_CLAIM; the client may write as that user_id only",
    )
    jwt_claim: str = setting(
        "QCTL_JWT_CLAIM",
        text,
        "sub",
        group="socket",
        doc="Claim of a JWT of SECRET_KEY that names the user",
    )
    jwt_audience: str | None = setting(
        "QCTL_JWT_AUDIENCE",
        text,
        group="socket",
        doc="Audience (aud) that a JWT of SECRET_KEY must have. Default: a JWT with an audience is refused",
    )
    socket_rate: int = setting(
        "QCTL_SOCKET_RATE",
        whole_number(1, 1_000_000),
        "1000",
        group="socket",
        doc="Maximum messages per second read from one connection; more are read later, not refused",
    )
    socket_connections: int = setting(
        "QCTL_SOCKET_CONNECTIONS",
        whole_number(1, 1_000_000),
        "10000",
        group="socket",
        doc="Maximum number of admitted clients of a socket batcher; beyond it, new ones are answered with 503",
    )

    cache_enabled: bool = setting(
        "CACHE_ENABLED",
        boolean,
        "true",
        group="ingest",
        doc="false: run without Redis and queues. The bridge and the batcher write to the database directly: while "
        "it is down nothing is acknowledged, rejected messages are only written to a file, and a reading "
        "without a time of its own that is sent again after a restart may be stored twice",
    )
    batch_size: int = setting(
        "BATCH_SIZE_THRESHOLD", whole_number(1, 100_000), "1000", group="ingest", doc="Number of items in a batch"
    )
    readings_flush_interval: float = setting(
        "QCTL_READINGS_FLUSH_INTERVAL",
        seconds(0.05, 3600),
        "1",
        group="ingest",
        doc="Maximum time (s) that a reading waits for its batch to fill",
    )
    messages_flush_interval: float = setting(
        "BATCH_CHECK_INTERVAL",
        seconds(0.05, 3600),
        "5",
        group="ingest",
        doc="Maximum time (s) that a message waits for its batch to fill",
    )
    buffer_high_water: int = setting(
        "QCTL_BUFFER_HIGH_WATER",
        whole_number(1, 1_000_000_000),
        "1000000",
        group="ingest",
        doc="Number of items in a buffer above which a source stops acknowledging",
    )
    max_waiting_batches: int = setting(
        "QCTL_MAX_WAITING_BATCHES",
        whole_number(1, 1_000_000),
        "200",
        group="ingest",
        doc="Maximum number of waiting batch jobs; beyond it the buffer grows instead",
    )
    max_payload: int = setting(
        "QCTL_MAX_PAYLOAD",
        whole_number(16, 16_777_216),
        "65536",
        group="ingest",
        doc="Maximum size (bytes) of a message; a larger one becomes a dead letter",
    )

    readings_timezone: str = setting(
        "QCTL_READINGS_TIMEZONE",
        parsers.timezone,
        "UTC",
        group="ingest",
        doc="Time zone of times of readings that name none: Europe/Berlin",
    )
    readings_numeric_strings: bool = setting(
        "QCTL_READINGS_NUMERIC_STRINGS",
        boolean,
        "true",
        group="ingest",
        doc='true: text in a reading that is a number is stored as a number: "21.5", "21,5", "1013.25 hPa"',
    )
    readings_text: bool = setting(
        "QCTL_READINGS_TEXT",
        boolean,
        "true",
        group="ingest",
        doc="true: text in a reading is stored as a field of text. false: it is left out and counted by name; for "
        "VictoriaMetrics, which stores numbers only",
    )
    readings_value_by_topic: bool = setting(
        "QCTL_READINGS_VALUE_BY_TOPIC",
        boolean,
        "false",
        group="ingest",
        doc='true: a reading {"value": 21.5} has its field named by the last level of its topic, as a bare 21.5 has, '
        "unless that level is the device",
    )
    readings_oldest_ns: int = setting(
        "QCTL_READINGS_OLDEST",
        data_parsers.day,
        "2015-01-01",
        group="ingest",
        doc="First day (UTC) that a device's clock may show; an earlier time is a clock that is not set, and the time "
        "of receipt counts",
    )
    readings_max_ahead: float = setting(
        "QCTL_READINGS_MAX_AHEAD",
        seconds(0, 315_360_000),
        "86400",
        group="ingest",
        doc="Time (s) that a device's clock may be ahead; beyond it the time of receipt counts",
    )

    influx_urls: tuple[str, ...] = setting(
        "INFLUX_URL",
        server_urls("http", "https"),
        group="influxdb",
        empty=(),
        doc="URL of the InfluxDB that stores readings; several entrances to one store, comma separated, are tried in "
        "turn. Default: SQLite, QCTL_HOME/qctl.db",
    )
    influx_token: str | None = setting("INFLUX_TOKEN", text, group="influxdb", secret=True, doc="Token for InfluxDB")
    influx_org: str | None = setting("ORG", text, group="influxdb", doc="Organisation in InfluxDB")
    influx_bucket: str | None = setting("BUCKET", text, group="influxdb", doc="Bucket in InfluxDB")

    messages_sink: str | None = setting(
        "QCTL_MESSAGES_SINK",
        one_of("mysql", "mongodb", "sqlite"),
        group="messages",
        doc="Database that stores messages: mysql, mongodb or sqlite. Default: mysql if DB_HOST is set, else sqlite",
    )
    db_hosts: tuple[str, ...] = setting(
        "DB_HOST",
        hosts,
        group="messages",
        empty=(),
        doc="Host of MySQL or MariaDB; of several, comma separated, the first that takes writes: nodes of a Galera "
        "cluster, or a primary and its replicas",
    )
    db_port: int = setting("DB_PORT", whole_number(1, 65535), "3306", group="messages", doc="Port of MySQL")
    db_user: str | None = setting("DB_USER", text, group="messages", doc="User name for MySQL")
    db_password: str | None = setting("DB_PASSWORD", text, group="messages", secret=True, doc="Password for MySQL")
    db_name: str | None = setting("DB_NAME", text, group="messages", doc="Database in MySQL; it must exist")
    db_tls: bool = setting(
        "QCTL_DB_TLS",
        boolean,
        "false",
        group="messages",
        doc="true: use TLS to MySQL, and verify its certificate and host name",
    )
    db_ca: Path | None = setting(
        "QCTL_DB_CA",
        parsers.path,
        group="messages",
        doc="File with the certificate authority of MySQL. Default: the authorities that the system trusts",
    )
    mongodb_uri: str | None = setting(
        "MONGODB_URI",
        parsers.mongodb_uri,
        group="messages",
        secret=True,
        doc="URI of MongoDB: mongodb:// or mongodb+srv://, with the database in its path (default: qctl)",
    )
