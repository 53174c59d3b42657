"""`qctl report`: one problem as a Markdown file, or a page with plots, for a colleague."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from typing import Annotated

import typer

from qctl import __version__
from qctl.cli.case_report import Case, markdown
from qctl.cli.command import command
from qctl.cli.job_selection import parse_fingerprint
from qctl.cli.session import Session
from qctl.errors import NotFoundError
from qctl.models import Cause, EventFilter, QueueStats, Selector

LETTERS = 3
"""Dead letters that are shown whole, the newest first."""

EVENTS = 30
AUDIT_ENTRIES = 20

PLOT_SECONDS = 3600.0


@command(
    "report",
    examples="qctl report\nqctl report --queue email\nqctl report --fingerprint 0d9c5c1fb0a7\n"
    "qctl report --html --queue email",
)
def report(
    session: Session,
    fingerprint: Annotated[
        str | None,
        typer.Option(metavar="CAUSE", help="Cause of death. Default: the most frequent one."),
    ] = None,
    queue: Annotated[
        str | None, typer.Option("--queue", metavar="GLOB", help="Queue name or glob. Default: all.")
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="An HTML page with plots of the last hour.")] = False,
) -> None:
    """Write a problem as Markdown without secrets, to send.

    It has the cause, three dead letters with tracebacks and payloads, statistics, events, the audit and versions. Write
    it to a file with `> case.md`.
    """
    ops = session.ops
    cause = _cause(session, queue, parse_fingerprint(fingerprint))
    selector = Selector(queue=queue, fingerprint=cause.fingerprint if cause else None)
    letters = ops.dead_letters.list(selector, limit=LETTERS).letters if cause else []
    queues = _queues(session, queue, cause)
    pattern = queue or (queues[0].name if len(queues) == 1 else None)
    case = Case(
        title=_title(cause, queue),
        at=datetime.now(timezone.utc),
        cause=cause,
        letters=[ops.dead_letters.show(letter.id) for letter in letters],
        queues=queues,
        events=ops.events.list(EventFilter(queue=pattern), limit=EVENTS),
        audit=ops.audit.list(limit=AUDIT_ENTRIES),
        versions={
            "qctl": __version__,
            "Python": platform.python_version(),
            "RQ": version("rq"),
            "redis-py": version("redis"),
            "Redis": ops.health.ping().redis_version,
            "system": platform.platform(),
        },
    )
    if not html:
        session.out.print(markdown(case))
        return
    from qctl.cli.case_page import page  # plots, which no other command needs

    names = [queue.name for queue in queues]
    series = ops.metrics.series(names, seconds=PLOT_SECONDS, step=60.0) if names else None
    session.out.print(page(case, series))


def _cause(session: Session, queue: str | None, fingerprint: str | None) -> Cause | None:
    """Return the cause of this fingerprint, or the most frequent one; None without dead letters."""
    causes = session.ops.dead_letters.groups(queue).causes
    if fingerprint is None:
        return causes[0] if causes else None
    for cause in causes:
        if cause.fingerprint == fingerprint:
            return cause
    raise NotFoundError(f"no dead letter has the cause {fingerprint!r}", hint="list causes with: qctl dlq groups")


def _queues(session: Session, pattern: str | None, cause: Cause | None) -> Sequence[QueueStats]:
    """Return the queues of the pattern, else those of the cause, else all."""
    from qctl.ops.selection import select_queues  # imports redis and rq

    queues = session.ops.stats.read().queues
    names = [queue.name for queue in queues]
    wanted = select_queues(pattern, names) if pattern or not cause else cause.queues
    return [queue for queue in queues if queue.name in wanted]


def _title(cause: Cause | None, queue: str | None) -> str:
    where = f" of queue {queue}" if queue else ""
    if cause is None:
        return f"State{where}"
    return f"{cause.exception or 'Dead letters'} in {cause.function}{where}"
