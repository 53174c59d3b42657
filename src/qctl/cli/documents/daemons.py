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


def daemon_states(daemons: Sequence[Daemon], verb: str) -> Document:
    """`qctl daemon list`, and the verbs that end with the state of the daemons."""
    return Document(f"qctl.daemon.{verb}/1", "name", _FIELDS, {}, "daemons", [_daemon(daemon) for daemon in daemons])


def _daemon(daemon: Daemon) -> Record:
    values = (
        *(daemon.name, daemon.unit, daemon.active, daemon.sub, daemon.enabled or None, daemon.pid, time(daemon.since)),
        *(daemon.restarts, daemon.memory, daemon.said or None),
    )
    return dict(zip(_FIELDS, values, strict=True))


def daemon_install(written: Sequence[Path], texts: dict[str, str]) -> Document:
    """`qctl daemon install`: the written files, or with --print their texts."""
    rows: list[Record] = [{"file": str(path), "text": None} for path in written]
    rows += [{"file": name, "text": text} for name, text in texts.items()]
    return Document("qctl.daemon.install/1", "file", ("file", "text"), {}, "files", rows)
