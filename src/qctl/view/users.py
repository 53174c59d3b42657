"""Table of users."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import age

if TYPE_CHECKING:
    from qctl.models import Account


def user_columns(now: datetime) -> list[Column[Account]]:
    """Return the columns of users."""
    return [
        Column("ADDRESS", lambda a: Cell(escape_line(a.email)), min_width=20),
        Column("ROLE", lambda a: Cell(escape_line(a.role), "warn" if a.role == "admin" else "")),
        Column("NAME", lambda a: Cell(escape_line(a.username)), min_width=8, drop=2),
        Column("CREATED", lambda a: Cell(age(a.created, now), "dim"), right=True, drop=3),
        Column("CHANGED", lambda a: Cell(age(a.modified, now), "dim"), right=True, drop=4),
        Column("ID", lambda a: Cell(escape_line(a.id), "dim"), min_width=8, drop=1),
    ]
