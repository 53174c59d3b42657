"""The real servers that tests run against. Each names what it would need where it is missing."""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import redis

from qctl.stack import redis_program
from support.process import Program, accepts, free_port
from support.waiting import PATIENCE_SECONDS


class MissingServerError(Exception):
    """A server that a test needs is not installed. The message names what to install."""


class RedisServer(Program):
    """A private Redis as `qctl up` starts it: its log synced before each answer, nothing evicted, no snapshots; a unix
    socket and a port.

    `options` are further command-line options, such as `--maxmemory 50mb`.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.socket = folder / "redis.sock"
        self.port = free_port()
        super().__init__("redis", [redis_command(), *self._options(folder), *options], folder)

    def _options(self, folder: Path) -> list[str]:
        pairs = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "unixsocket": str(self.socket),
            "dir": str(folder),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
        }
        return [word for name, value in pairs.items() for word in (f"--{name}", value)]

    @property
    def url(self) -> str:
        """Its URL by the socket: no port can be mistaken."""
        return f"unix://{self.socket}"

    @property
    def tcp_url(self) -> str:
        """Its URL by TCP."""
        return f"redis://127.0.0.1:{self.port}/0"

    def connect(self) -> redis.Redis:
        """A client of its own, with redis-py's defaults. Close it."""
        return redis.Redis.from_url(self.url, protocol=2)

    def ready(self) -> bool:
        """True if it has loaded its data and answers."""
        client = self.connect()
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
            return False
        finally:
            client.close()

    def wipe(self) -> None:
        """Make it as new: connections that a test left behind are closed first and write nothing more."""
        client = self.connect()
        try:
            client.client_kill_filter(_type="normal", skipme=True)
            client.client_kill_filter(_type="pubsub", skipme=True)
            client.flushall()
        finally:
            client.close()


class Mosquitto(Program):
    """An MQTT broker: mosquitto with persistence; where `stand_in` allows it, amqtt without."""

    def __init__(self, folder: Path, *, stand_in: bool = True, address: str = "127.0.0.1") -> None:
        self.port = free_port()
        self.address = address
        self._config = folder / "broker.conf"
        mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        self.persistent = mosquitto is not None
        if mosquitto:
            command = [mosquitto, "-c", str(self._config)]
            self._config.write_text(self._mosquitto_config(folder))
        elif stand_in:
            command = [str(Path(sys.executable).with_name("amqtt")), "-c", str(self._config)]
            self._config.write_text(self._amqtt_config())
        else:
            raise MissingServerError("mosquitto is not installed: apt-get install mosquitto")
        super().__init__("mosquitto", command, folder)

    def _mosquitto_config(self, folder: Path) -> str:
        lines = [
            f"listener {self.port} {self.address}",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 1",
            "max_inflight_messages 0",
            "max_queued_messages 0",
            "set_tcp_nodelay true",
        ]
        if os.geteuid() == 0:  # else it gives up root, and cannot write into the folder
            lines.append("user root")
        return "\n".join(lines) + "\n"

    def configure(self, *lines: str) -> None:
        """Set options of mosquitto from its next start on, in the place of those of the same name."""
        names = {line.split()[0] for line in lines}
        remaining = [line for line in self._config.read_text().splitlines() if line.split()[0] not in names]
        self._config.write_text("\n".join([*remaining, *lines]) + "\n")

    def _amqtt_config(self) -> str:
        config = {
            "listeners": {"default": {"type": "tcp", "bind": f"{self.address}:{self.port}"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
            },
        }
        return json.dumps(config)  # JSON is YAML

    @property
    def url(self) -> str:
        """Its URL."""
        return f"mqtt://{self.address}:{self.port}"

    def ready(self) -> bool:
        """True if it accepts connections."""
        return accepts(self.port, self.address)


class S3Server(Program):
    """A server that speaks S3: moto's, which keeps buckets in memory. Every key is let in, unless `checks_keys`."""

    bucket = "chat-images"
    region = "eu-central-1"

    def __init__(self, folder: Path, *, checks_keys: bool = False) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # Requests before it begins to check: the one that makes the bucket.
        env = {"INITIAL_NO_AUTH_ACTION_COUNT": "1"} if checks_keys else {}
        program = str(Path(sys.executable).with_name("moto_server"))
        super().__init__("s3", [program, "-H", "127.0.0.1", "-p", str(self.port)], folder, env)

    def ready(self) -> bool:
        """True if it accepts connections."""
        return accepts(self.port)

    def start(self) -> None:
        """Start it and make the bucket."""
        super().start()
        where = {"LocationConstraint": self.region}
        self.connect().create_bucket(Bucket=self.bucket, CreateBucketConfiguration=where)

    def connect(self) -> Any:
        """A client of its own."""
        import boto3

        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.session.Session().client("s3", endpoint_url=self.url, region_name=self.region, **keys)

    def objects(self) -> dict[str, bytes]:
        """Contents of the bucket, by key."""
        client = self.connect()
        found = client.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {each["Key"]: client.get_object(Bucket=self.bucket, Key=each["Key"])["Body"].read() for each in found}

    def wipe(self) -> None:
        """Empty the bucket."""
        client = self.connect()
        for key in self.objects():
            client.delete_object(Bucket=self.bucket, Key=key)

    @property
    def environ(self) -> dict[str, str]:
        """The settings that lead to it."""
        return {
            "QCTL_S3_BUCKET": self.bucket,
            "QCTL_S3_URL": self.url,
            "QCTL_S3_REGION": self.region,
            "QCTL_S3_KEY_ID": "test",
            "QCTL_S3_SECRET_KEY": "test-secret",
        }


class VictoriaMetrics(Program):
    """A time-series server that takes InfluxDB's write requests, so that what arrived can be read back."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("victoria-metrics") or shutil.which("victoria-metrics-prod")
        if program is None:
            raise MissingServerError("VictoriaMetrics is not installed: apt-get install victoria-metrics")
        self.port = free_port()
        options = {
            "httpListenAddr": f"127.0.0.1:{self.port}",
            "storageDataPath": str(folder / "data"),
            "retentionPeriod": "100y",
            "memory.allowedBytes": "100MB",
            "loggerLevel": "WARN",
            "dedup.minScrapeInterval": "1ms",  # like InfluxDB: a point that is written again is there once
        }
        super().__init__("victoria-metrics", [program, *(f"-{k}={v}" for k, v in options.items())], folder)

    @property
    def url(self) -> str:
        """Its URL, to be used as INFLUX_URL."""
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """True if it answers."""
        try:
            self._get("/health")
        except OSError:
            return False
        return True

    def series(self, match: str) -> list[dict[str, Any]]:
        """Every series that matches a selector such as `{device="a"}`, as written up to now.

        Each has `metric` (its labels; `__name__` is `measurement_field`), `values` and `timestamps` (in
        milliseconds).
        """
        self._get("/internal/force_flush")
        reply = self._get("/api/v1/export?" + urllib.parse.urlencode({"match[]": match}))
        return [json.loads(line) for line in reply.split("\n") if line]

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE_SECONDS) as reply:  # noqa: S310 - our own server
            text: str = reply.read().decode()
            return text


def redis_command() -> str:
    """The path of redis-server, or of a server that speaks like it."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    program = next(redis_program.bundled(), None)
    if program is None:
        raise MissingServerError("Redis is not installed: apt-get install redis-server")
    return program.path
