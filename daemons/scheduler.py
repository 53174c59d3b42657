"""qctl-scheduler: runs schedules and delayed jobs, cleans up, writes the history, checks alerts, mails owners."""

from __future__ import annotations

from threading import Thread

from qctl import daemon
from qctl.broker.maintenance import scheduler_loop
from qctl.broker.redis.connection import connect
from qctl.history.recorder import Recorder
from qctl.ops.alert_watch import AlertWatch
from qctl.ops.owner_mail import OwnerMail
from qctl.view.nagios import describe_problems

ENDS = 5.0
"""Time (s) allowed for a last write of the history or a last alert. The next scheduler does the rest."""


def serve(context: daemon.Context) -> None:
    """Run the scheduler, the history and the alerts until a stop signal."""
    settings = context.settings
    beside = {"history": Recorder(settings).run, "alerts": AlertWatch(settings, describe_problems).run}
    beside["owner-mail"] = OwnerMail(settings).run
    threads = [Thread(target=run, args=(context.stop,), name=name, daemon=True) for name, run in beside.items()]
    for thread in threads:
        thread.start()
    connection = connect(context.settings, name="qctl-scheduler")
    reloaded = scheduler_loop.ReloadedSettings()
    context.on_reload(scheduler_loop.ReloadedSettings.NAMES, reloaded.offer)
    try:
        scheduler_loop.run(connection, context.settings, context.stop.wait, context.beat, reloaded)
    finally:
        context.stop.set()
        for thread in threads:
            thread.join(ENDS)


def main() -> None:
    """Run until told to stop."""
    daemon.main("qctl-scheduler", serve, __doc__)
