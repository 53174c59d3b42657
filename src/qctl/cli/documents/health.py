"""Documents about the health of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Finding, Health, Ping, Repair


def ping(answer: Ping) -> Document:
    """`qctl ping`."""
    head = {
        "target": answer.target,
        "redis_version": answer.redis_version,
        "ts_ms": answer.ts_ms,
        "rtt_seconds": round(answer.rtt, 6),
    }
    return Document("qctl.ping/1", "target", tuple(head), head)


def health(found: Health) -> Document:
    """`qctl health`."""
    head = {"status": found.status, "reasons": found.reasons}
    rows = [_finding(finding) for finding in found.findings]
    return Document("qctl.health/1", "check", ("check", "status", "reason", "fix"), head, "findings", rows)


def doctor(found: Health, repaired: Repair | None) -> Document:
    """`qctl doctor`."""
    done = None if repaired is None else {"orphans": repaired.orphans, "workers": repaired.workers}
    head = {"status": found.status, "reasons": found.reasons, "repaired": done}
    rows = [_finding(finding) for finding in found.findings]
    return Document("qctl.doctor/1", "check", ("check", "status", "reason", "fix"), head, "findings", rows)


def _finding(finding: Finding) -> Record:
    return {"check": finding.check, "status": finding.status, "reason": finding.reason, "fix": finding.fix}
