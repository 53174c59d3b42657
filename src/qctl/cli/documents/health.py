"""Documents about health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, single, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Finding, Health, Ping, Repair


COLUMNS = ("check", "status", "severity", "subject", "since", "reason", "fix")


def ping(answer: Ping) -> Document:
    """`qctl ping`."""
    head = {
        "target": answer.target,
        "redis_version": answer.redis_version,
        "ts_ms": answer.ts_ms,
        "rtt_seconds": round(answer.rtt, 6),
    }
    return single("qctl.ping/1", "target", head)


def health(health: Health) -> Document:
    """`qctl health`."""
    return findings_document("qctl.health/1", {"status": health.status, "reasons": health.reasons}, health.findings)


def doctor(health: Health, repair: Repair | None) -> Document:
    """`qctl doctor`."""
    repaired = None if repair is None else asdict(repair)
    head = {"status": health.status, "reasons": health.reasons, "repaired": repaired}
    return findings_document("qctl.doctor/1", head, health.findings)


def findings_document(schema: str, head: Record, findings: Sequence[Finding]) -> Document:
    """Create a document with one row for each finding."""
    rows: list[Record] = [
        {
            "check": finding.check,
            "status": finding.status,
            "severity": finding.severity,
            "subject": finding.subject or None,
            "since": time(finding.since),
            "reason": finding.reason,
            "fix": finding.fix,
        }
        for finding in findings
    ]
    return Document(schema, "check", COLUMNS, head, "findings", rows)
