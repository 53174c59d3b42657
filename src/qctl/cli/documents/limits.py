"""Documents about limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, seconds, single, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Limit, Limits

_BLACKOUT = ("blackout", "timezone", "dark_until", "next_blackout")


def limit_set(limit: Limit) -> Document:
    """`qctl limit set`."""
    return single("qctl.limit.set/1", "name", _limit(limit))


def limit_list(limits: Limits) -> Document:
    """`qctl limit list`."""
    rows = [_limit(limit) | {"waiting": None} for limit in limits.rows]
    empty = dict.fromkeys(("rate", "rate_seconds", "started", "by", "since", "until", "reason", *_BLACKOUT))
    for rq in limits.rq:
        counts = {"concurrency": rq.concurrency, "running": rq.running, "waiting": rq.waiting}
        rows.append({"scope": "rq", "name": rq.key, **empty, **counts})
    columns = (
        *("scope", "name", "rate", "rate_seconds", "concurrency", "started", "running", "waiting"),
        *("by", "since", "until", "reason", *_BLACKOUT),
    )
    return Document("qctl.limit.list/1", "name", columns, {"deaf_workers": list(limits.deaf_workers)}, "limits", rows)


def limit_clear(scope: str, name: str, changed: bool) -> Document:
    """`qctl limit clear`."""
    return single("qctl.limit.clear/1", "name", {"scope": scope, "name": name, "changed": changed})


def _limit(limit: Limit) -> Record:
    return {
        "scope": limit.scope,
        "name": limit.name,
        "rate": limit.rate,
        "rate_seconds": seconds(limit.seconds) if limit.rate is not None else None,
        "concurrency": limit.concurrency,
        "started": limit.started if limit.rate is not None else None,
        "running": limit.running,
        "by": limit.by,
        "since": time(limit.at),
        "until": time(limit.until),
        "reason": limit.reason or None,
        "blackout": limit.blackout or None,
        "timezone": limit.zone or None,
        "dark_until": time(limit.dark_until),
        "next_blackout": time(limit.next_blackout),
    }
