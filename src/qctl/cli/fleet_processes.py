"""Reads contexts whose keys have different prefixes, each in a process of its own: RQ reads the prefix once.

A process is forked before anything that imports RQ, so that it needs no start of its own; it sends what it would print.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from multiprocessing.connection import Connection, wait
from typing import Any

from qctl import view
from qctl.cli.documents import Document
from qctl.errors import QctlError
from qctl.view import Cell, Column, Table


@dataclass
class Printed:
    """Output of a command for one context, with its exit code or its error."""

    code: int = 0
    error: QctlError | None = None
    document: Document | None = None
    table: Table[Any] | None = None
    lines: Sequence[Cell] = ()
    notes: Sequence[str] = ()
    replica: str | None = None


@dataclass(frozen=True)
class _Rows:
    """A table whose cells have been made: functions cannot be sent."""

    columns: list[dict[str, Any]]
    rows: list[list[Cell]]
    empty: str
    footer: Sequence[Cell]


def read_all(readers: Sequence[Callable[[], Printed]], seconds: float) -> list[Printed | None]:
    """Call each reader in a process of its own. None stands for one that has not ended in time."""
    fork = multiprocessing.get_context("fork")
    ends, processes = [], []
    for reader in readers:
        receiver, sender = fork.Pipe(duplex=False)
        process = fork.Process(target=_send, args=(sender, reader), daemon=True)
        process.start()
        sender.close()
        ends.append(receiver)
        processes.append(process)
    found = _receive(ends, time.monotonic() + seconds)
    for process in processes:
        process.kill()
        process.join()
    return [found.get(number) for number in range(len(readers))]


def _receive(ends: Sequence[Connection], deadline: float) -> dict[int, Printed]:
    found: dict[int, Printed] = {}
    pending = list(ends)
    while pending and (ready := wait(pending, max(0.0, deadline - time.monotonic()))):
        for end in [end for end in pending if end in ready]:
            pending.remove(end)
            with suppress(EOFError), end:
                printed, rows = end.recv()
                printed.table = _table(rows) if rows else None
                found[ends.index(end)] = printed
    return found


def _send(sender: Connection, reader: Callable[[], Printed]) -> None:
    printed = reader()
    rows = _rows(printed.table) if printed.table else None
    printed.table = None
    sender.send((printed, rows))


def _rows(table: Table[Any]) -> _Rows:
    names = [field.name for field in fields(Column) if field.name != "cell"]
    return _Rows(
        [{name: getattr(column, name) for name in names} for column in table.columns],
        [[column.cell(row) for column in table.columns] for row in table.rows],
        table.empty,
        list(table.footer),
    )


def _table(sent: _Rows) -> Table[list[Cell]]:
    columns = [Column(cell=_cell_at(number), **options) for number, options in enumerate(sent.columns)]
    return view.Table(columns, sent.rows, sent.empty, sent.footer)


def _cell_at(number: int) -> Callable[[list[Cell]], Cell]:
    return lambda row: row[number]
