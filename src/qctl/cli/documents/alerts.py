"""Documents about alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, single, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Alert, Delivery, Mute


def alert_list(alerts: Sequence[Alert]) -> Document:
    """`qctl alert list`."""
    columns = (
        "name",
        "level",
        "queues",
        "firing",
        "since",
        "told_at",
        "tells",
        "muted.by",
        "muted.until",
        "muted.reason",
        "default",
        "reasons",
    )
    return Document("qctl.alert.list/1", "name", columns, {}, "alerts", [_alert(alert) for alert in alerts])


def _alert(alert: Alert) -> Record:
    notified = [when for firing in alert.firing for when, _ in firing.notified.values()]
    return {
        "name": alert.rule.name,
        "level": alert.level.name if alert.queues else None,
        "queues": [queue.queue for queue in alert.queues],
        "firing": [firing.queue for firing in alert.firing],
        "since": time(min((firing.since for firing in alert.firing), default=None)),
        "told_at": time(max(notified, default=None)),
        "tells": [channel.label for channel in alert.rule.channels],
        "muted": _mute(alert.mute) if alert.mute else None,
        "default": alert.rule.is_default,
        "reasons": [queue.finding.reason for queue in alert.queues if queue.finding],
    }


def _mute(mute: Mute) -> Record:
    return {"by": mute.by, "until": time(mute.until), "reason": mute.reason}


def alert_test(name: str, deliveries: Sequence[Delivery]) -> Document:
    """`qctl alert test`."""
    rows: list[Record] = [{"channel": d.channel, "sent": d.sent, "problem": d.problem} for d in deliveries]
    return Document("qctl.alert.test/1", "channel", ("channel", "sent", "problem"), {"alert": name}, "deliveries", rows)


def alert_mute(name: str, mute: Mute | None, changed: bool) -> Document:
    """`qctl alert mute`. `mute` is None after --off."""
    head: Record = {"alert": name, "muted": mute is not None, "changed": changed}
    head |= _mute(mute) if mute else {"by": None, "until": None, "reason": None}
    return single("qctl.alert.mute/1", "alert", head)
