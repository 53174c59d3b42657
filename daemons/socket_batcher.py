"""qctl-socket-batcher: takes messages of Socket.IO clients into Redis, and acknowledges them when they are there."""

from __future__ import annotations

import logging

from qctl import daemon
from qctl.errors import QctlError
from qctl.jobs import batches, messages

log = logging.getLogger(__name__)


def serve(context: daemon.Context) -> None:
    """Run the batcher until told to stop."""
    if not context.settings.socket_enabled:
        # A supervisor takes an end before the first beat for a failure.
        context.beat("QCTL_SOCKET_ENABLED is false")
        log.info("QCTL_SOCKET_ENABLED is false: nothing to do")
        return
    try:
        from qctl.sources.batcher import SocketBatcher
    except ImportError as error:
        raise QctlError(f"Socket.IO is not installed: {error}; pip install qctl[socketio]") from error
    keeping = batches.without_queue(context.settings, "messages", messages.sink)
    SocketBatcher(context.settings, context.stop, context.beat, keeping).run()


def main() -> None:
    """Run until told to stop; what is in hand is finished first."""
    daemon.main("qctl-socket-batcher", serve, __doc__)
