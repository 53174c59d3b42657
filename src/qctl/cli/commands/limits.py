"""`qctl limit set|list|clear`: limits of rates and of concurrency."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from shlex import quote
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import Limit, LimitScope
from qctl.view import Cell

Queue = Annotated[str | None, typer.Argument(metavar="[QUEUE]", show_default=False, help="Name of a queue.")]
JobName = Annotated[
    str | None, typer.Option("--job", metavar="NAME", help="Jobs of this name, or function by its dotted path.")
]
Owner = Annotated[str | None, typer.Option("--owner", metavar="OWNER", help="Jobs of this owner.")]

_RATE = re.compile(r"([0-9]{1,7})/([0-9]{0,6})(s|sec|m|min|h|d)")
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
LIFTED = "none"


@command(
    "set",
    examples="qctl limit set email --rate 100/m --concurrency 5\n"
    "qctl limit set --job send-newsletter --concurrency 0 --for 2h\n"
    "qctl limit set --owner ada --rate 10/m\nqctl limit set email --rate none\n"
    "qctl limit set report --blackout 'mon-fri 08:00-18:00'",
    changes=True,
)
def set_limit(
    session: Session,
    queue: Queue = None,
    job: JobName = None,
    owner: Owner = None,
    rate: Annotated[
        str | None, typer.Option(metavar="RATE", help="Jobs that may start: 5/s, 100/m, 1/30s; none: no limit.")
    ] = None,
    concurrency: Annotated[
        str | None, typer.Option(metavar="N", help="Jobs that may run at once; 0 pauses, none: no limit.")
    ] = None,
    blackout: Annotated[
        str | None,
        typer.Option(metavar="WINDOWS", help="No starts then: 'mon-fri 22:00-06:00; sun 00:00-24:00'; none: lift it."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--timezone", metavar="ZONE", help="Zone of --blackout: Europe/Berlin. Default: QCTL_TIMEZONE."),
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", show_default=False, help="Reason, shown to everyone.")] = "",
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Time until it ends by itself: 90s, 30m, 2d.")
    ] = None,
) -> None:
    """Limit how many jobs start in a time, and run at once.

    Of a queue, a name or an owner. Every worker of the site obeys from its next claim on. What is not given of an
    existing limit stays as it is.
    """
    scope, name = _target(queue, job, owner)
    limit = session.ops.limits.set(
        scope,
        name,
        rate=None if rate in (None, LIFTED) else _rate(str(rate)),
        concurrency=None if concurrency in (None, LIFTED) else _whole(str(concurrency)),
        lift_rate=rate == LIFTED,
        lift_concurrency=concurrency == LIFTED,
        blackout=None if blackout == LIFTED else blackout,
        zone=zone,
        lift_blackout=blackout == LIFTED,
        reason=reason,
        seconds=None if duration is None else durations.parse(duration, "--for", min_seconds=1.0),
    )
    session.out.report(documents.limit_set(limit), _lines(limit))


def _lines(limit: Limit) -> list[Cell]:
    subject = f"{limit.scope} {limit.name}"
    if not limit.text:
        return [Cell(f"{subject} has no limit any more", "good")]
    now = datetime.now(timezone.utc)
    until = f" until {view.local_time(limit.until, now)}" if limit.until else ""
    option = quote(limit.name) if limit.scope == "queue" else f"--{limit.scope} {quote(limit.name)}"
    return [
        Cell(f"{subject}: {limit.text}{until}", "good"),
        Cell(f"  lift it with: qctl limit clear {option}", "dim"),
    ]


@command("list", examples="qctl limit list\nqctl limit list --json")
def list_limits(session: Session) -> None:
    """List limits with their use, and those that RQ has."""
    limits = session.ops.limits.list()
    if limits.deaf_workers:
        session.out.say(f"Stock workers that do not claim by script ignore limits: {', '.join(limits.deaf_workers)}")
    columns = view.limit_columns(datetime.now(timezone.utc))
    table = view.Table(columns, view.limit_rows(limits), "No limits. Set one with: qctl limit set QUEUE --rate 100/m")
    session.out.listing(documents.limit_list(limits), table)


@command("clear", examples="qctl limit clear email\nqctl limit clear --job send-newsletter", changes=True)
def clear(session: Session, queue: Queue = None, job: JobName = None, owner: Owner = None) -> None:
    """Lift the limit of a queue, a name or an owner."""
    scope, name = _target(queue, job, owner)
    changed = session.ops.limits.clear(scope, name)
    line = f"{scope} {name}: limit lifted" if changed else f"{scope} {name} had no limit"
    session.out.report(documents.limit_clear(scope, name, changed), [Cell(line, "good" if changed else "")])


def _target(queue: str | None, job: str | None, owner: str | None) -> tuple[LimitScope, str]:
    given: list[tuple[LimitScope, str | None]] = [("queue", queue), ("job", job), ("owner", owner)]
    named = [(scope, name) for scope, name in given if name is not None]
    if len(named) != 1:
        raise UsageError("exactly one of QUEUE, --job and --owner is required")
    return named[0]


def _rate(text: str) -> tuple[int, float]:
    match = _RATE.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(f"--rate: {text!r} is not a rate", "examples: 5/s, 100/m, 1/30s, none")
    return int(match[1]), float(match[2] or 1) * _SECONDS[match[3]]


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise UsageError(f"--concurrency: {text!r} is not a whole number", "examples: 5, 0, none")
    return int(text)
