"""qctl-gateway: serves users, their jobs and operators over HTTP, with the operations of the command line."""

from __future__ import annotations

from qctl import daemon, extras
from qctl.pool import fixed
from qctl.settings import Settings


def _switches(settings: Settings) -> dict[str, bool]:
    """Settings that must be true for the gateway to run."""
    return {"QCTL_GATEWAY_ENABLED": settings.gateway_enabled, "CACHE_ENABLED": settings.cache_enabled}


def serve(context: daemon.Context) -> None:
    """Run the gateway in one process or several, until told to stop."""
    fixed.serve(context, "qctl-gateway", _serve)


def _serve(context: daemon.Context) -> None:
    off = next((name for name, value in _switches(context.settings).items() if not value), None)
    if off:
        context.nothing_to_do(f"{off} is false")
        return
    server = extras.load(
        "qctl.gateway.server", extra="gateway", needed_by="qctl-gateway", without=extras.UNUSED_BY_GATEWAY
    )
    server.run(context.settings, context.stop, context.beat, context.place.count)


def main() -> None:
    """Run until a stop signal; answer the open requests first."""
    daemon.main("qctl-gateway", serve, __doc__)
