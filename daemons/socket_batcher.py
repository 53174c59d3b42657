"""qctl-socket-batcher: stores messages of Socket.IO clients in Redis, and acknowledges them once stored."""

from __future__ import annotations

from qctl import daemon, extras
from qctl.jobs import batches, message_batches


def serve(context: daemon.Context) -> None:
    """Run the batcher until told to stop."""
    if not context.settings.socket_enabled:
        context.nothing_to_do("QCTL_SOCKET_ENABLED is false")
        return
    batcher = extras.load(
        "qctl.sources.batcher", extra="socketio", needed_by="qctl-socket-batcher", without=extras.UNUSED_BY_SOCKETIO
    )
    destination = batches.direct_destination(context.settings, "messages", message_batches.sink)
    batcher.SocketBatcher(context.settings, context.stop, context.beat, destination).run()


def main() -> None:
    """Run until a stop signal; commit the received messages first."""
    daemon.main("qctl-socket-batcher", serve, __doc__)
