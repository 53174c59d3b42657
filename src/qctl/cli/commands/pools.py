"""`qctl worker pools|scale`: pools of workers, and their sizes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import Pool, PoolSize

DEFAULT = "default"
EMPTY = "No pools. Start one with: qctl-worker QUEUE --workers 2"


@command("pools", examples="qctl worker pools\nqctl worker pools --json", fleet=True)
def list_pools(session: Session) -> None:
    """List pools of workers with their sizes, and why."""
    _print(session, session.ops.pools.list(), "pools")


@command(
    "scale",
    examples="qctl worker scale email 4\nqctl worker scale report 1..4\nqctl worker scale email default",
    changes=True,
)
def scale(
    session: Session,
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help="Queue of the pool, or its name.")],
    size: Annotated[
        str,
        typer.Argument(
            metavar="SIZE", help="4, auto (one per processor), bounds: 1..4, or default: as it was started."
        ),
    ],
    host: Annotated[str | None, typer.Option(metavar="HOST", show_default=False, help="Host of the pool.")] = None,
    timeout: Annotated[
        str, typer.Option(metavar="TIME", help="Maximum time to wait until so many run; 0s does not wait.")
    ] = "60s",
) -> ExitCode:
    """Set the number of workers of a pool, also after a restart.

    Between two bounds it scales by itself. Surplus workers finish their job first.
    """
    seconds = durations.parse(timeout, "--timeout")
    pools = session.ops.pools.scale(queue, _parse(size), host=host, timeout=seconds)
    _print(session, pools, "scale")
    return ExitCode.DONE if not seconds or (pools and all(pool.is_stable for pool in pools)) else ExitCode.TIMED_OUT


def _parse(text: str) -> PoolSize | None:
    if text == DEFAULT:
        return None
    try:
        return PoolSize.parse(text)
    except ValueError as error:
        raise UsageError(f"SIZE: {text!r} {error}") from None


def _print(session: Session, pools: Sequence[Pool], verb: str) -> None:
    table = view.Table(view.pool_columns(datetime.now(timezone.utc)), pools, EMPTY)
    session.out.listing(documents.pool_list(pools, verb), table)
