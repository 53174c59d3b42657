"""Documents about daemons under systemd."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Daemon

_FIELDS = ("name", "unit", "active", "sub", "enabled", "pid", "since", "restarts", "memory", "status")


def daemons(found: Sequence[Daemon], verb: str) -> Document:
    """`qctl daemon list`, and the verbs that show how the daemons are afterwards."""
    return Document(f"qctl.daemon.{verb}/1", "name", _FIELDS, {}, "daemons", [_daemon(one) for one in found])


def _daemon(one: Daemon) -> Record:
    values = (
        *(one.name, one.unit, one.active, one.sub, one.enabled or None, one.pid, time(one.since)),
        *(one.restarts, one.memory, one.said or None),
    )
    return dict(zip(_FIELDS, values, strict=True))


def installed(written: Sequence[Path], texts: dict[str, str]) -> Document:
    """`qctl daemon install`: what was written, or with --print what would be."""
    rows: list[Record] = [{"file": str(place), "text": None} for place in written]
    rows += [{"file": name, "text": text} for name, text in texts.items()]
    return Document("qctl.daemon.install/1", "file", ("file", "text"), {}, "files", rows)
