"""The gateway's server process. Several may run behind a load balancer: durable state is in Redis and the database."""

from __future__ import annotations

import asyncio
import logging
import threading

from qctl.compat.uvicorn_guard import GuardedConfig, GuardedWebSocket
from qctl.compat.uvicorn_server import Server
from qctl.gateway.app import application
from qctl.gateway.dependencies import Backend
from qctl.gateway.long_lived_objects import LongLivedObjects
from qctl.gateway.socketio_server import MAX_PACKET_BYTES, FrontApplication, LiveServer
from qctl.guard.connections import ConnectionGuard
from qctl.host_guard import HostGuard, origin_hosts
from qctl.listener import BACKLOG, DrainNotice, Listener, allow_many_files, connection_guard
from qctl.settings import Settings
from qctl.supervisor import Heartbeat

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
"""Interval between checks of the stop event."""

DRAIN_SECONDS = 20
"""Time to finish open requests after the stop event."""


def run(settings: Settings, stop: threading.Event, beat: Heartbeat, processes: int = 1) -> None:
    """Serve until `stop` is set, and QCTL_DRAIN_NOTICE longer, then finish open requests.

    `processes`: how many share the address.

    Raises SettingsError, and SinkError if the database of users cannot be used with these settings.
    """
    backend = Backend(settings, stop.is_set)
    try:
        listener = Listener(
            ("QCTL_GATEWAY_HOST", settings.gateway_host),
            (settings.port_setting("gateway"), settings.gateway_port),
            "set QCTL_GATEWAY_PORT to a free port, or QCTL_GATEWAY_ENABLED=false",
            sharing=processes,
        )
        guard = connection_guard(settings, backend.denials, allow_many_files())
        with listener:
            asyncio.run(_serve(backend, listener, guard, stop, beat))
    finally:
        backend.close()


def _own_names(settings: Settings) -> list[str]:
    return [*settings.hosts, settings.gateway_host, *origin_hosts(settings.frontend_url)]


async def _serve(
    backend: Backend, listener: Listener, guard: ConnectionGuard, stop: threading.Event, beat: Heartbeat
) -> None:
    if backend.settings.log_level != "debug":
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
    live = LiveServer(backend)
    app = HostGuard(FrontApplication(live, application(backend)), _own_names(backend.settings))
    server = Server(
        GuardedConfig(
            guard.limit_requests(app),
            guard,
            ws=GuardedWebSocket,
            ws_max_size=MAX_PACKET_BYTES,
            ws_ping_interval=None,  # Engine.IO has its own pings
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(backend.settings.trusted_proxies),
            forwarded_allow_ips=list(backend.settings.trusted_proxies),
            backlog=BACKLOG,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    objects = LongLivedObjects()
    objects.start()
    serving = asyncio.create_task(server.serve([listener.open()]))
    notice = DrainNotice(stop, backend.settings.drain_notice)
    others = [asyncio.create_task(backend.readings.serve()), asyncio.create_task(live.serve())]
    try:
        while not notice.is_over:
            guard.denials.check()
            objects.check()
            beat(f"serves {backend.settings.gateway_host}:{backend.settings.gateway_port}", ready=server.started)
            done, _ = await asyncio.wait([serving, *others], timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if done:
                raise RuntimeError("a task of the gateway ended") from next(iter(done)).exception()
        await live.drain()
    finally:
        objects.stop()
        server.should_exit = True
        while not serving.done():
            beat()
            await asyncio.wait([serving], timeout=POLL_SECONDS)
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
