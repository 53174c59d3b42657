"""Documents about settings and contexts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, single
from qctl.cli.documents.health import findings_document

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import ContextInfo, Finding, SettingInfo

_COLUMNS = ("name", "value", "origin", "secret")


def config_show(settings: Sequence[SettingInfo], context: str | None) -> Document:
    """`qctl config show`."""
    return Document("qctl.config.show/1", "name", _COLUMNS, {"context": context}, "settings", _settings(settings))


def context_show(name: str, settings: Sequence[SettingInfo]) -> Document:
    """`qctl context show`."""
    return Document("qctl.context.show/1", "name", _COLUMNS, {"context": name}, "settings", _settings(settings))


def _settings(settings: Sequence[SettingInfo]) -> list[Record]:
    return [
        {"name": setting.name, "value": setting.value, "origin": setting.origin, "secret": setting.secret}
        for setting in settings
    ]


def context_list(contexts: Sequence[ContextInfo]) -> Document:
    """`qctl context list`."""
    columns = ("name", "redis", "read_only", "chosen_by", "problem")
    rows: list[Record] = [
        {
            "name": context.name,
            "redis": context.redis,
            "read_only": context.read_only,
            "chosen_by": context.chosen_by,
            "problem": context.problem,
        }
        for context in contexts
    ]
    return Document("qctl.context.list/1", "name", columns, {}, "contexts", rows)


def context_use(name: str | None) -> Document:
    """`qctl context use`."""
    return Document("qctl.context.use/1", "context", ("context",), {"context": name})


def config_check(findings: Sequence[Finding]) -> Document:
    """`qctl config check`."""
    return findings_document("qctl.config.check/1", {}, findings)


def config_init(file: str) -> Document:
    """`qctl config init`."""
    return Document("qctl.config.init/1", "file", ("file",), {"file": file})


def version(version: str) -> Document:
    """`qctl version`."""
    return single("qctl.version/1", "version", {"version": version})
