"""`qctl job explain` and `qctl queue explain`: why jobs do not run, and the command that changes it."""

from __future__ import annotations

from datetime import datetime, timezone

from qctl import view
from qctl.cli import documents, redaction
from qctl.cli.command import command
from qctl.cli.commands.jobs import Id
from qctl.cli.commands.queue_control import Queue
from qctl.cli.session import Session
from qctl.models import Explanation


@command("explain", examples="qctl job explain 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11\nqctl job explain job-1 --json")
def explain_job(session: Session, job_id: Id) -> None:
    """Explain why a job does not run, and how to change it."""
    _report(session, session.ops.explain.job(job_id))


@command("explain", examples="qctl queue explain email\nqctl queue explain email --json")
def explain_queue(session: Session, queue: Queue) -> None:
    """Explain why jobs of a queue do not start, and what to do."""
    _report(session, session.ops.explain.queue(queue))


def _report(session: Session, explained: Explanation) -> None:
    explained = redaction.explanation(explained)
    session.out.report(documents.explanation(explained), view.explanation(explained, datetime.now(timezone.utc)))
