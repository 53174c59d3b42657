"""Document about where Redis's memory goes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, time

if TYPE_CHECKING:
    from qctl.models import MemoryUse


def memory(use: MemoryUse) -> Document:
    """`qctl memory`."""
    head = {
        "at": time(use.at),
        "used_bytes": use.used,
        "max_bytes": use.limit,
        "keys": use.keys,
        "measured": use.measured,
        "hidden": use.hidden,
        "bytes": use.bytes,
        "error_bytes": use.error,
        "jobs": [
            {
                "name": name.name,
                "jobs": name.jobs,
                "bytes": name.bytes,
                "payload_bytes": name.payload,
                "result_bytes": name.result,
                "dead_letter_bytes": name.dead,
                "error_bytes": name.error,
            }
            for name in use.names
        ],
        "largest": [asdict(key) for key in use.largest],
    }
    rows = [
        {"use": part.kind, "keys": part.keys, "bytes": part.bytes, "error_bytes": part.error} for part in use.shares
    ]
    return Document("qctl.memory/1", "use", ("use", "keys", "bytes", "error_bytes"), head, "uses", rows)
