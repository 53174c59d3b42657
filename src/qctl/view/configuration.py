"""Tables of settings and contexts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE

if TYPE_CHECKING:
    from qctl.models import ContextInfo, SettingInfo


def setting_columns() -> list[Column[SettingInfo]]:
    """Return the columns of settings."""
    return [
        Column("SETTING", lambda s: Cell(escape_line(s.name), "dim" if s.origin == "default" else ""), min_width=10),
        Column("VALUE", lambda s: Cell(escape_line(s.value or NO_VALUE)), min_width=10),
        Column("ORIGIN", lambda s: Cell(escape_line(s.origin), "dim" if s.origin == "default" else "good")),
    ]


def context_columns() -> list[Column[ContextInfo]]:
    """Return the columns of contexts."""
    return [
        Column("CONTEXT", lambda c: Cell(escape_line(c.name), "good" if c.chosen_by else ""), min_width=8),
        Column("CHOSEN BY", lambda c: Cell(escape_line(c.chosen_by or NO_VALUE)), drop=1),
        Column("ACCESS", lambda c: Cell("read-only", "warn") if c.read_only else Cell("read-write")),
        Column("REDIS", lambda c: Cell(escape_line(c.redis or "default")), min_width=10),
        Column("PROBLEM", lambda c: Cell(escape_line(c.problem or ""), "bad"), long=True),
    ]
