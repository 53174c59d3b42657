"""`qctl memory`: where Redis's memory goes."""

from __future__ import annotations

from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.session import Session


@command("memory", examples="qctl memory\nqctl memory --sample 200000\nqctl memory --json")
def memory(
    session: Session,
    sample: Annotated[int, typer.Option(metavar="KEYS", help="Keys to measure; others are estimated.")] = 20_000,
) -> None:
    """Show where Redis's memory goes: by use, job and key.

    Measures a sample of the keys in short steps, and states its error; Redis is never blocked.
    """
    use = session.ops.memory.read(sample)
    session.out.report(documents.memory(use), view.memory_lines(use))
