"""Settings of the data flow: where messages come in, how they are batched, and where they end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qctl.settings import parsers
from qctl.settings.field import setting
from qctl.settings.parsers import boolean, one_of, seconds, server_url, text, whole_number


@dataclass(frozen=True)
class DataSettings:
    """That part of `Settings`; it is not loaded by itself."""

    mqtt_enabled: bool = setting(
        "MQTT_ENABLED", boolean, "true", group="mqtt", doc="false: the bridge exits 0 and says so"
    )
    mqtt_broker: str | None = setting(
        "MQTT_BROKER",
        server_url("mqtt", "mqtts"),
        group="mqtt",
        doc="Broker to use: mqtt:// or mqtts://. Unset: the one that `qctl up` starts on 127.0.0.1:MQTT_PORT",
    )
    mqtt_port: int = setting(
        "MQTT_PORT", whole_number(1, 65535), "1883", group="mqtt", doc="Port of the broker that `qctl up` starts"
    )
    mqtt_username: str | None = setting("MQTT_USERNAME", text, group="mqtt", doc="User for the broker")
    mqtt_password: str | None = setting("MQTT_PASSWORD", text, group="mqtt", secret=True, doc="Password for the broker")
    mqtt_topic: str = setting(
        "MQTT_TOPIC",
        parsers.topic_filter,
        "sensors/#",
        group="mqtt",
        doc="Topic filter that the bridge subscribes to; $share/GROUP/FILTER for several bridges",
    )
    mqtt_topic_pattern: str = setting(
        "MQTT_TOPIC_PATTERN",
        parsers.topic_pattern,
        "+/{device}/...",
        group="mqtt",
        doc="Which level of a topic is the device; other names become tags in InfluxDB: sensors/{site}/{device}/... "
        "Where a topic does not fit, the whole of it is the device",
    )
    mqtt_ca: Path | None = setting(  # noqa: RUF009 - a field, no shared value
        "QCTL_MQTT_CA",
        parsers.path,
        group="mqtt",
        doc="File with the certificate authority of the broker, for mqtts://. Unset: those that the system trusts",
    )
    mqtt_client_id: str = setting(
        "MQTT_CLIENT_ID",
        parsers.client_id,
        "qctl-mqtt-bridge",
        group="mqtt",
        doc="Fixed client id: the broker keeps the session of this name while the bridge is away. Each bridge "
        "needs its own",
    )
    mqtt_receive_maximum: int = setting(
        "QCTL_MQTT_RECEIVE_MAXIMUM",
        whole_number(1, 65535),
        "1000",
        group="mqtt",
        doc="Most messages that the broker may send before an acknowledgement",
    )

    socket_enabled: bool = setting(
        "QCTL_SOCKET_ENABLED", boolean, "true", group="socket", doc="false: the socket batcher exits 0 and says so"
    )
    socket_host: str = setting(
        "QCTL_SOCKET_HOST",
        parsers.host,
        "127.0.0.1",
        group="socket",
        doc="Address that the socket batcher listens on; 0.0.0.0 is every one of this host",
    )
    socket_port: int = setting("PORT", whole_number(1, 65535), "3000", group="socket", doc="Port of the socket batcher")
    client_url: tuple[str, ...] = setting(
        "CLIENT_URL",
        parsers.origins,
        "http://localhost:5173",
        group="socket",
        doc="Origins whose pages may connect, comma separated; * is every one. Clients outside browsers have none",
    )
    socket_token: str | None = setting(
        "SOCKET_TOKEN",
        text,
        group="socket",
        secret=True,
        doc="Token that a Socket.IO client must send as auth.token",
    )
    secret_key: str | None = setting(
        "SECRET_KEY",
        text,
        group="socket",
        secret=True,
        doc="Key of the JWTs (HS256) that a Socket.IO client may send as auth.token; their sub is the only user_id "
        "that it may write",
    )
    socket_rate: int = setting(
        "QCTL_SOCKET_RATE",
        whole_number(1, 1_000_000),
        "1000",
        group="socket",
        doc="Messages a second that are read from one connection; a faster one is read later, not refused",
    )
    socket_connections: int = setting(
        "QCTL_SOCKET_CONNECTIONS",
        whole_number(1, 1_000_000),
        "10000",
        group="socket",
        doc="Connections above which a socket batcher answers 503 to new ones",
    )

    cache_enabled: bool = setting(
        "CACHE_ENABLED",
        boolean,
        "true",
        group="ingest",
        doc="false: without Redis and queues. The bridge and the batcher write to the database at once: while it is "
        "down nothing is acknowledged, what is refused is only noted in a file, and a reading without a time that is "
        "sent again after a restart may show twice",
    )
    batch_size: int = setting(
        "BATCH_SIZE_THRESHOLD", whole_number(1, 100_000), "1000", group="ingest", doc="Items that make a batch"
    )
    readings_flush_interval: float = setting(
        "QCTL_READINGS_FLUSH_INTERVAL",
        seconds(0.05, 3600),
        "1",
        group="ingest",
        doc="Seconds after which a smaller batch of readings is cut",
    )
    messages_flush_interval: float = setting(
        "BATCH_CHECK_INTERVAL",
        seconds(0.05, 3600),
        "5",
        group="ingest",
        doc="Seconds after which a smaller batch of messages is cut",
    )
    buffer_high_water: int = setting(
        "QCTL_BUFFER_HIGH_WATER",
        whole_number(1, 1_000_000_000),
        "1000000",
        group="ingest",
        doc="Items in a buffer above which a source stops acknowledging",
    )
    max_waiting_batches: int = setting(
        "QCTL_MAX_WAITING_BATCHES",
        whole_number(1, 1_000_000),
        "200",
        group="ingest",
        doc="Batch jobs waiting above which no more are cut: the buffer grows instead",
    )
    max_payload: int = setting(
        "QCTL_MAX_PAYLOAD",
        whole_number(16, 16_777_216),
        "65536",
        group="ingest",
        doc="Largest message in bytes; a larger one is a dead letter",
    )

    influx_url: str | None = setting(
        "INFLUX_URL",
        server_url("http", "https"),
        group="influxdb",
        doc="InfluxDB that readings are written to. Unset: SQLite, QCTL_HOME/qctl.db",
    )
    influx_token: str | None = setting("INFLUX_TOKEN", text, group="influxdb", secret=True, doc="Token for InfluxDB")
    influx_org: str | None = setting("ORG", text, group="influxdb", doc="Organisation in InfluxDB")
    influx_bucket: str | None = setting("BUCKET", text, group="influxdb", doc="Bucket in InfluxDB")

    messages_sink: str | None = setting(
        "QCTL_MESSAGES_SINK",
        one_of("mysql", "mongodb", "sqlite"),
        group="messages",
        doc="Where messages are written: mysql, mongodb or sqlite. Unset: mysql where DB_HOST is set, else sqlite",
    )
    db_host: str | None = setting("DB_HOST", parsers.host, group="messages", doc="Host of MySQL or MariaDB")
    db_port: int = setting("DB_PORT", whole_number(1, 65535), "3306", group="messages", doc="Port of MySQL")
    db_user: str | None = setting("DB_USER", text, group="messages", doc="User for MySQL")
    db_password: str | None = setting("DB_PASSWORD", text, group="messages", secret=True, doc="Password for MySQL")
    db_name: str | None = setting("DB_NAME", text, group="messages", doc="Database in MySQL; it must exist")
    db_tls: bool = setting(
        "QCTL_DB_TLS",
        boolean,
        "false",
        group="messages",
        doc="true: speak TLS to MySQL, and check its certificate and name",
    )
    db_ca: Path | None = setting(  # noqa: RUF009 - a field, no shared value
        "QCTL_DB_CA",
        parsers.path,
        group="messages",
        doc="File with the certificate authority of MySQL. Unset: those that the system trusts",
    )
    mongodb_uri: str | None = setting(
        "MONGODB_URI",
        parsers.mongodb_uri,
        group="messages",
        secret=True,
        doc="MongoDB: mongodb:// or mongodb+srv://, with the database in its path (qctl where it names none)",
    )
