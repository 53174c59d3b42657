"""The banner of `qctl up`: addresses of the running programs, and commands to try next."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from qctl.safe import escape_line, redact_url
from qctl.settings import Settings
from qctl.stack.printer import wants_colour
from qctl.stack.program import Program, Stage
from qctl.stack.servers import installed

MQTT_PORT = 1883
"""The default port of MQTT clients."""

READING = """'{"temperature":21.5}'"""


def welcome(settings: Settings, programs: Iterable[Program], late: list[str], output: TextIO) -> None:
    """Print it. `late` names daemons that have not reported yet that they are ready."""
    rows = _rows(settings, programs)
    width = max(len(name) for name, _ in rows)
    console = Console(file=output, force_terminal=wants_colour(output), highlight=False, soft_wrap=True)
    console.print()
    console.print(Text("qctl is up", "bold green"))
    for name, where in rows:
        note = " (not ready yet)" if name in late else ""
        console.print(Text.assemble("  ", (name.ljust(width), "cyan"), "  ", escape_line(where), (note, "yellow")))
    console.print()
    console.print(Text("Try in a second terminal:", "bold"))
    for line in next_commands(settings):
        console.print(Text(f"  {escape_line(line)}"))
    console.print()
    console.print(Text("Ctrl-C lets running jobs finish and stops all; a second one does not wait.", "dim"))
    console.print()


def next_commands(settings: Settings) -> list[str]:
    """The commands to try, ready to paste into another shell of this user in this folder."""
    qctl = _callable("qctl")
    daily = [f"{qctl} stats", f"{qctl} pause sensor-data --reason deploy"] if settings.cache_enabled else []
    # `qctl health` is shown instead if there is no broker to publish to.
    commands = [_publish(settings), *daily] if settings.mqtt_enabled else [f"{qctl} health", *daily]
    default_home = Settings.load(environ={}, dotenv=Path(os.devnull)).home
    if settings.home == default_home:
        return commands
    return [f"export QCTL_HOME={shlex.quote(str(settings.home))}", *commands]


def _rows(settings: Settings, programs: Iterable[Program]) -> list[tuple[str, str]]:
    rows = [("home", str(settings.home))]
    if settings.redis_is_named and settings.cache_enabled:
        rows.append(("redis", f"{redact_url(settings.redis_target)} (yours)"))
    servers = [program for program in programs if program.stage is not Stage.DAEMON]
    rows += [(program.name, program.where) for program in servers]
    if settings.mqtt_enabled and settings.mqtt_brokers:
        rows.append(("mqtt", f"{_urls(settings.mqtt_brokers)} (yours)"))
    rows += [(program.name, program.where) for program in programs if program.stage is Stage.DAEMON]
    if settings.socket_enabled:
        rows.append(("socket.io", f"http://{settings.socket_host}:{settings.socket_port}"))
    if settings.gateway_enabled and settings.cache_enabled:
        rows.append(("http", f"http://{settings.gateway_host}:{settings.gateway_port}/api/docs"))
    readings = _urls(settings.influx_urls) if settings.influx_urls else str(settings.database)
    rows += [("readings", f"arrive in {readings}"), ("messages", f"arrive in {_messages(settings)}")]
    return [*rows, ("log", "this stream, all programs in one")]


def _urls(urls: Sequence[str]) -> str:
    return ", ".join(map(redact_url, urls))


def _messages(settings: Settings) -> str:
    targets = {
        "mysql": f"MySQL at {', '.join(settings.db_hosts)}, port {settings.db_port}",
        "mongodb": redact_url(settings.mongodb_uri or ""),
        "sqlite": str(settings.database),
    }
    return targets[settings.messages_target]


def _publish(settings: Settings) -> str:
    broker = urlsplit(settings.mqtt_targets[0])
    host, port = broker.hostname or "127.0.0.1", broker.port or MQTT_PORT
    message = f"-q 1 -t {shlex.quote(_example_topic(settings.mqtt_topic))} -m {READING}"
    if not shutil.which("mosquitto_pub"):
        return f"{_callable('amqtt_pub')} --url mqtt://{host}:{port} {message}"
    where = "" if host == "127.0.0.1" else f"-h {shlex.quote(host)} "
    where += "" if port == MQTT_PORT else f"-p {port} "
    return f"mosquitto_pub {where}{message}"


def _example_topic(topic_filter: str) -> str:
    """A topic that matches the filter: `sensors/livingroom` for `sensors/#`."""
    levels = topic_filter.split("/")
    if levels[0] == "$share":
        levels = levels[2:]
    return "/".join("livingroom" if level in ("#", "+") else level for level in levels)


def _callable(script: str) -> str:
    """The command for one of qctl's scripts in another shell of this user: its name if PATH has it, else its path."""
    path = Path(installed(script))
    found = shutil.which(script)
    if found and Path(found).resolve() == path.resolve():
        return script
    below = os.path.relpath(path)
    return shlex.quote(str(path) if below.startswith("..") else below)
