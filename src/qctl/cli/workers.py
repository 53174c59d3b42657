"""`qctl worker list`."""

from __future__ import annotations

from datetime import datetime, timezone

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.session import Session

EMPTY = "No workers. Start one with `qctl-worker QUEUE`, or all with `qctl up`."


@command("list", examples="qctl worker list\nqctl worker list --json")
def everyone(session: Session) -> None:
    """List the workers that live: what they take from, what they do, and whether they obey a pause."""
    found = session.ops.workers.list()
    table = view.Table(view.worker_columns(datetime.now(timezone.utc)), found, EMPTY)
    session.out.listing(documents.workers(found), table)
