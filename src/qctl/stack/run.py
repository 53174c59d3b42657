"""`qctl up` as a whole: check, start, keep running, end."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Mapping

from qctl import extras
from qctl.errors import QctlError, SettingsError, UsageError
from qctl.models import PoolSize
from qctl.notify_listener import Readiness
from qctl.ownership import NOT_OWNER_MODE
from qctl.settings import Settings
from qctl.settings.listeners import collisions
from qctl.stack.banner import welcome
from qctl.stack.daemons import daemons, without_extra
from qctl.stack.home import LEAVING, locked, stop_leftover_redis
from qctl.stack.manager import BAD_SETTINGS, Manager
from qctl.stack.mqtt_access import MqttAccess
from qctl.stack.printer import LogPrinter
from qctl.stack.program import Program
from qctl.stack.servers import check_port, mqtt_broker, private_redis, redis_server

SUPERVISORS = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""Variables by which systemd communicates with this process; the daemons get their own, or none."""


def run_stack(settings: Settings, sizes: Mapping[str, PoolSize] | None = None) -> int:
    """Start every server that no setting replaces, and every daemon; keep them running until a signal comes.

    `sizes` are the numbers of processes of workers, by a queue that they serve or by the name of the daemon.

    Returns the exit code: 130 after Ctrl-C, 0 after SIGTERM or SIGHUP, 1 if daemons had to be killed. Raises
    SettingsError that names the invalid setting, NotFoundError if no worker serves a queue of `sizes`, RefusedError if
    this home is in use, UsageError if a daemon refuses its settings, QctlError if a server does not start.
    """
    os.umask(NOT_OWNER_MODE)
    settings.make_home()
    with locked(settings.home) as killed_before:
        serves_mqtt = settings.mqtt_enabled and not settings.mqtt_brokers and extras.is_installed("mqtt")
        access = MqttAccess.create(settings) if serves_mqtt else None
        programs = _programs(settings, access, sizes or {}, patience=LEAVING if killed_before else 0.0)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a log line that cannot be encoded must not end qctl
        printer = LogPrinter(sys.stdout, {program.name: program.tidy for program in programs})
        if not settings.redis_is_named and (pid := stop_leftover_redis(settings)):
            printer.say(f"stopped the Redis of an earlier qctl up (pid {pid})")
        for spec in without_extra(settings):
            printer.say(f"skips {spec.name}, which needs: {extras.install_command(spec.extra)}")
        for warning in (program.warning for program in programs if program.warning):
            printer.say(f"warning: {warning}")
        readiness = Readiness()
        try:
            manager = Manager(
                programs,
                _environment(settings, access, readiness),
                printer,
                readiness,
                lambda late: printer.guarded(lambda: welcome(settings, programs, late, sys.stdout)),
            )
            code = manager.run()
        finally:
            readiness.close()
    if manager.complaint:
        raise (UsageError if code == BAD_SETTINGS else QctlError)(manager.complaint)
    return code


def _programs(
    settings: Settings, access: MqttAccess | None, sizes: Mapping[str, PoolSize], patience: float
) -> list[Program]:
    """Programs to run, in start order. `patience`: time (s) allowed for a port to become free."""
    servers = []
    for collision in collisions(settings):
        raise collision
    if settings.cache_enabled and not settings.redis_is_named:
        servers.append(redis_server(settings))
    if access is not None:
        _await_port("MQTT_PORT", "127.0.0.1", settings.mqtt_port, patience)
        servers.append(mqtt_broker(settings, access))
    if settings.socket_enabled and extras.is_installed("socketio"):
        _await_port(settings.port_setting("socket-batcher"), settings.socket_host, settings.socket_port, patience)
    if settings.gateway_enabled and settings.cache_enabled and extras.is_installed("gateway"):
        _await_port(settings.port_setting("gateway"), settings.gateway_host, settings.gateway_port, patience)
    return servers + daemons(settings, sizes)


def _await_port(name: str, host: str, port: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            return check_port(name, host, port)
        except SettingsError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _environment(settings: Settings, access: MqttAccess | None, readiness: Readiness) -> dict[str, str]:
    """The environment of every program: ours, plus the settings changed by our flags and by our own servers."""
    env = {name: value for name, value in os.environ.items() if name not in SUPERVISORS}
    env["QCTL_HOME"] = str(settings.home)
    if settings.profile:
        env["QCTL_PROFILE"] = settings.profile
    env["LOG_FORMAT"] = "text" if settings.log_format == "auto" else settings.log_format
    env["PYTHONUNBUFFERED"] = "1"
    env["NOTIFY_SOCKET"] = readiness.address
    if access is not None:
        env.update(access.environment())
    if not settings.redis_is_named:
        settings = private_redis(settings)
    if settings.redis_url:
        env["REDIS_URL"] = settings.redis_url
    return env
