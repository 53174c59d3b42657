"""7 Ingest: what waits in the buffers between sources and batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from qctl import view
from qctl.safe import inert_line
from qctl.tui.grid import Source
from qctl.tui.page import TablePage
from qctl.view import Cell, Column

if TYPE_CHECKING:
    from qctl.ops import Ops


@dataclass(frozen=True)
class Buffered:
    """The buffer of one pipeline: how many items wait, and how many seconds the oldest does."""

    pipeline: str
    depth: int
    oldest_age: float | None


def _columns(_: datetime) -> list[Column[Buffered]]:
    return [
        Column("PIPELINE", lambda b: Cell(inert_line(b.pipeline)), least=10),
        Column("ITEMS", lambda b: Cell(view.count(b.depth)), right=True),
        Column("OLDEST", lambda b: Cell(view.duration(b.oldest_age)), right=True),
    ]


class IngestPage(TablePage):
    """The buffers."""

    digit = "7"
    heading = "Ingest"
    source = Source(
        _columns,
        lambda buffered: buffered.pipeline,
        "No pipelines.",
        {"ITEMS": lambda buffered: buffered.depth, "OLDEST": lambda buffered: buffered.oldest_age},
        frozenset({"ITEMS", "OLDEST"}),
    )

    def read(self, ops: Ops) -> Sequence[Buffered]:
        """One reading."""
        return [Buffered(name, *measured) for name, measured in ops.metrics.read().buffers.items()]
