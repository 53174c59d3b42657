"""Lines of a page about one queue, for `qctl queue show` and the monitor."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.dead_letters import cause_line
from qctl.view.details import detail_line, section
from qctl.view.queues import queue_state
from qctl.view.table import Cell
from qctl.view.values import duration

if TYPE_CHECKING:
    from qctl.models import QueueDetail


def queue_details(detail: QueueDetail, now: datetime) -> list[Cell]:
    """All about one queue: its lanes with pauses, workers, waiting jobs by name, causes of its dead letters."""
    lines: list[Cell] = []
    for lane in detail.lanes:
        counts = f"{lane.waiting} waiting, {lane.running} running, {lane.scheduled} scheduled, {lane.dead} dead"
        lines.append(detail_line(lane.name, f"{counts}, oldest {duration(lane.oldest_age)}"))
        state = queue_state(lane, now)
        lines += [detail_line("", state.text, state.style)] if state.text else []
    workers = ", ".join(f"{worker.name} ({worker.state})" for worker in detail.workers)
    lines += section("workers", workers or "none")
    if detail.names:
        lines += section("waiting jobs by name, estimated from a sample")
        lines += [Cell(f"  {count:>7}  {escape_line(name)}") for name, count in detail.names.items()]
    if detail.causes:
        lines += section("dead letters by cause")
        lines += [cause_line(cause) for cause in detail.causes]
    return lines
