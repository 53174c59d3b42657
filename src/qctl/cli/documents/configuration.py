"""Documents about settings and contexts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import ContextInfo, Finding, SettingInfo

_COLUMNS = ("name", "value", "origin", "secret")


def config(found: Sequence[SettingInfo], context: str | None) -> Document:
    """`qctl config show`."""
    return Document("qctl.config.show/1", "name", _COLUMNS, {"context": context}, "settings", _settings(found))


def context(name: str, found: Sequence[SettingInfo]) -> Document:
    """`qctl context show`."""
    return Document("qctl.context.show/1", "name", _COLUMNS, {"context": name}, "settings", _settings(found))


def _settings(found: Sequence[SettingInfo]) -> list[Record]:
    return [{"name": one.name, "value": one.value, "origin": one.origin, "secret": one.secret} for one in found]


def contexts(found: Sequence[ContextInfo]) -> Document:
    """`qctl context list`."""
    columns = ("name", "redis", "read_only", "chosen_by", "problem")
    rows: list[Record] = [
        {
            "name": one.name,
            "redis": one.redis,
            "read_only": one.read_only,
            "chosen_by": one.chosen_by,
            "problem": one.problem,
        }
        for one in found
    ]
    return Document("qctl.context.list/1", "name", columns, {}, "contexts", rows)


def chosen(name: str | None) -> Document:
    """`qctl context use`."""
    return Document("qctl.context.use/1", "context", ("context",), {"context": name})


def config_check(found: Sequence[Finding]) -> Document:
    """`qctl config check`."""
    rows: list[Record] = [
        {"check": one.check, "status": one.status, "reason": one.reason, "fix": one.fix} for one in found
    ]
    return Document("qctl.config.check/1", "check", ("check", "status", "reason", "fix"), {}, "findings", rows)


def config_init(file: str) -> Document:
    """`qctl config init`."""
    return Document("qctl.config.init/1", "file", ("file",), {"file": file})
