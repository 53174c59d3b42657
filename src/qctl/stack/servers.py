"""The embedded servers: the program, its configuration, and the check that it is ready."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from qctl import known_holes
from qctl.broker.redis.connection import connect, translate_errors
from qctl.errors import RedisUnreachableError, SettingsError
from qctl.settings import Settings
from qctl.stack import redis_program
from qctl.stack.configs import amqtt_config, mosquitto_config, redis_config
from qctl.stack.mqtt_access import MqttAccess
from qctl.stack.program import Program, Stage

SOCKET_PATH_BYTES = 107
"""Longest path that Linux accepts for a unix socket."""


def private_redis(settings: Settings) -> Settings:
    """The same settings, bound to the private Redis in QCTL_HOME, even if its socket does not exist yet.

    Otherwise the default without a socket is localhost:6379, which is another Redis.
    """
    return settings.replace(redis_url=f"unix://{quote(str(settings.redis_socket))}", redis_host=None)


def redis_server(settings: Settings) -> Program:
    """The private Redis.

    Raises SettingsError if no program for it is installed or the path of its socket in QCTL_HOME is too long,
    RefusedError if its data was written by a newer one than can be started.
    """
    length = len(os.fsencode(settings.redis_socket))
    if length > SOCKET_PATH_BYTES:
        raise SettingsError(
            "QCTL_HOME",
            f"is {length - SOCKET_PATH_BYTES} bytes too long for the unix socket of Redis in it",
            hint="set QCTL_HOME to a shorter path",
        )
    folder = settings.home / "redis"
    program = redis_program.choose(folder)
    return Program(
        name="redis",
        command=(program.path, str(_written(folder / "redis.conf", redis_config(settings, folder)))),
        stage=Stage.REDIS,
        where=f"{settings.redis_socket} ({program})",
        warning=program.warning,
        ready=lambda: _answers(private_redis(settings)),
        tidy=_tidy_redis,
    )


def mqtt_broker(settings: Settings, access: MqttAccess) -> Program:
    """The MQTT broker: mosquitto, else amqtt. Raises SettingsError if neither is installed."""
    address = f"127.0.0.1:{settings.mqtt_port}"
    tidy: Callable[[str], str | None] = _tidy_mosquitto
    mosquitto = known_holes.find_mosquitto()
    if mosquitto:
        folder = settings.home / "mosquitto"
        config = _written(folder / "mosquitto.conf", mosquitto_config(settings, folder, access))
        _written(folder / "passwords", access.mosquitto_passwords())
        _written(folder / "acl", access.mosquitto_acl())
        name, command, where = "mosquitto", (mosquitto, "-c", str(config)), address
    else:
        config = _written(settings.home / "amqtt" / "amqtt.yaml", amqtt_config(settings, access))
        name, command, tidy = "amqtt", (installed("amqtt"), "-c", str(config)), _tidy_amqtt
        where = f"{address} (keeps messages in memory only; install mosquitto)"
    version = known_holes.mosquitto_version(mosquitto) if mosquitto else ""
    return Program(
        name=name,
        command=command,
        stage=Stage.BROKER,
        where=where,
        warning=known_holes.warning("mosquitto", version),
        ready=lambda: _accepts(settings.mqtt_port),
        tidy=tidy,
    )


def installed(script: str) -> str:
    """The path of a script that was installed with qctl: beside its Python, else on PATH.

    Raises SettingsError if it is in neither.
    """
    beside = Path(sys.executable).with_name(script)
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which(script)
    if found is None:
        raise SettingsError(
            "PATH", f"there is no {script} beside {sys.executable} or on PATH", hint="install qctl again"
        )
    return found


def check_port(name: str, host: str, port: int) -> None:
    """Raises SettingsError if no server can listen on this port, which the setting `name` has."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise SettingsError(name, f"{port} is for root only; set {name} to a port above 1023") from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return  # the server reports an invalid host more precisely
            raise SettingsError(name, f"{port} is taken by another program; set {name} to a free port") from None


def _written(file: Path, text: str) -> Path:
    """Write a configuration that only this user can read. It is generated at each start from the settings."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    file.chmod(0o600)
    return file


def _answers(settings: Settings) -> bool:
    try:
        with translate_errors(settings), connect(settings, name="qctl-up") as client:
            return bool(client.ping())
    except RedisUnreachableError:
        return False


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


_REDIS_STAMP = re.compile(r"^\d+:[A-Z] \d+ \w+ \d+ [\d:.]+ [.*#-] ")
_REDIS_CHATTER = re.compile(
    r"oO0OoO0OoO0Oo|Redis version=|Configuration loaded|Server initialized"
    r"|scheduling shutdown|User requested shutdown|ready to exit, bye"
)


def _tidy_redis(line: str) -> str | None:
    """Remove Redis's own time stamp, and its start and end messages; shorten its warning about overcommit to the
    fix."""
    text = _REDIS_STAMP.sub("", line)
    if _REDIS_CHATTER.search(text):
        return None
    return re.sub(r".*Memory overcommit must be enabled!.*", "overcommit is off: sysctl vm.overcommit_memory=1", text)


def _tidy_mosquitto(line: str) -> str | None:
    """Drop its warning about root, which configs.py explains."""
    return None if "should not be run as root" in line else line


_AMQTT_STAMP = re.compile(r"^\[[\d :,-]+\] :: (?P<level>[A-Z]+) - ")


def _tidy_amqtt(line: str) -> str | None:
    """Remove amqtt's own time stamp, and drop all lines below warnings: it logs every connection."""
    found = _AMQTT_STAMP.match(line)
    if found and found["level"] == "INFO":
        return None
    return line[found.end() :] if found else line
