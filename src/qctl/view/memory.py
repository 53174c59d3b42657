"""Lines about where Redis's memory goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.details import section
from qctl.view.table import Cell
from qctl.view.values import count, share, size

if TYPE_CHECKING:
    from qctl.models import LargeKey, MemoryUse

SHOWN_NAMES = 15
"""Names of jobs that are listed; JSON has all."""


def memory_lines(use: MemoryUse) -> list[Cell]:
    """The total, and the memory by kind, by name of job, and of the largest keys."""
    lines = [_headline(use), Cell(_sample_text(use), "dim")]
    lines += section("by use")
    lines += _rows(
        ("USE", "KEYS", "SIZE", "SHARE", "ERROR"),
        [
            (part.kind, count(part.keys), size(part.bytes), share(_part(part.bytes, use.bytes)), _error(part.error))
            for part in use.shares
        ],
    )
    if use.names:
        lines += section("jobs by name, with their results")
        named = [
            (
                *(escape_line(name.name), count(name.jobs), size(name.bytes), size(name.payload), size(name.result)),
                *(size(name.dead), _error(name.error)),
            )
            for name in use.names[:SHOWN_NAMES]
        ]
        lines += _rows(("NAME", "JOBS", "SIZE", "PAYLOAD", "RESULT", "DEAD", "ERROR"), named)
        further = len(use.names) - SHOWN_NAMES
        lines += [Cell(f"  and {further} names more: --json lists them", "dim")] if further > 0 else []
    if use.largest:
        lines += section("largest keys" if use.is_complete else "largest keys of those measured")
        lines += _rows(("KEY", "SIZE", "USE"), [_large_key(key) for key in use.largest])
    return lines


def _headline(use: MemoryUse) -> Cell:
    used = "" if use.used is None else f"Redis uses {size(use.used)}"
    used += f" of {size(use.limit)}" if used and use.limit else ""
    about = "" if use.is_complete else "about "
    return Cell(f"{used}{'; ' if used else ''}{about}{size(use.bytes)} in {count(use.keys)} keys")


def _sample_text(use: MemoryUse) -> str:
    hidden = f"; {use.hidden} of them may not be read by this user" if use.hidden else ""
    if use.is_complete:
        return f"all keys measured{hidden}"
    return (
        f"estimated from {use.measured} keys, within {size(use.error)} with 95 % confidence{hidden}; "
        f"measure more with: qctl memory --sample {min(1_000_000, use.measured * 10)}"
    )


def _large_key(key: LargeKey) -> tuple[str, ...]:
    job = f", job {escape_line(key.name or '?')}" if key.job is not None else ""
    return escape_line(key.key), size(key.bytes), f"{key.kind}{job}"


def _part(part: int, total: int) -> float | None:
    return part / total if total else None


def _error(error: int) -> str:
    return f"± {size(error)}" if error else ""


def _rows(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Cell]:
    """Format rows below their titles: the first column to the left, numbers to the right."""
    widths = [max(len(row[n]) for row in (titles, *rows)) for n in range(len(titles))]
    numbers = {n for n, title in enumerate(titles) if title not in ("USE", "NAME", "KEY")}

    def line(row: Sequence[str]) -> str:
        cells = [
            text.rjust(width) if n in numbers else text.ljust(width)
            for n, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"  {'  '.join(cells)}".rstrip()

    return [Cell(line(titles), "dim"), *(Cell(line(row)) for row in rows)]
