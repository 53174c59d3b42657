"""qctl-scheduler: enqueues delayed jobs and retries when they are due, and keeps house."""

from __future__ import annotations

from qctl import daemon
from qctl.broker import scheduler
from qctl.broker.connection import connect


def main() -> None:
    """Run until told to stop."""

    def serve(context: daemon.Context) -> None:
        connection = connect(context.settings, name="qctl-scheduler")
        scheduler.serve(connection, context.settings, context.stop.wait, context.beat)

    daemon.main("qctl-scheduler", serve, __doc__)
