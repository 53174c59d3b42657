"""Findings about memory: who fills the budgets of jobs of users, rejects and dead letters."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from qctl.broker.query.server_vitals import Vitals
from qctl.models import BudgetKind, BudgetUse, Finding, RejectTally

NEARLY_FULL_SHARE = 0.9
"""Share of a budget from which on it degrades the health."""

FLOOD_SECONDS = 300.0
"""Time since the last reject that was only counted for which the health is degraded."""

OTHERS = "others"
"""Fingerprint of the sum of causes that are not counted one by one."""

_NAMES: dict[BudgetKind, str] = {"users": "jobs of users", "rejects": "rejects", "letters": "dead letters"}

_EFFECTS: dict[BudgetKind, str] = {
    "users": "beyond that users cannot create jobs",
    "rejects": "further rejects are only counted",
    "letters": "beyond that their queues take no new jobs",
}


def budget_findings(vitals: Vitals) -> Iterator[Finding]:
    """Report budgets that are nearly used up, and rejects that arrive and are only counted, with who causes them."""
    full = [use for use in vitals.budgets if use.limit and use.used >= use.limit * NEARLY_FULL_SHARE]
    for use in full:
        yield _full(use)
    if not full:
        amounts = ", ".join(f"{_NAMES[use.kind]} {use.used / 1e6:.0f} MB" for use in vitals.budgets)
        yield Finding("budgets", "ok", f"memory in use: {amounts}")
    for tally in vitals.tallies:
        if tally.last_seen and vitals.now - tally.last_seen.timestamp() < FLOOD_SECONDS:
            yield _flood(tally)


def _full(use: BudgetUse) -> Finding:
    who, fix = "", None
    if use.most is not None:
        name, size = use.most
        whose = f"owner {name!r}" if use.kind == "users" else f"queue {name}"
        who = f"; most of it is of {whose}: {size / 1e6:.1f} MB"
        command = (
            f"qctl job list --owner {quote(name)}" if use.kind == "users" else f"qctl dlq groups --queue {quote(name)}"
        )
        fix = f"{command}; retry or discard them, or raise the share"
    reason = f"{_NAMES[use.kind]} use {use.used / 1e6:.1f} MB of {use.limit / 1e6:.1f} MB"
    return Finding("budgets", "degraded", f"{reason}: {_EFFECTS[use.kind]}{who}", fix)


def _flood(tally: RejectTally) -> Finding:
    cause = ": ".join(part for part in (tally.exception, tally.message) if part) or "further causes"
    source = f", the last from {tally.source}" if tally.source else ""
    samples = "" if tally.fingerprint == OTHERS else f"; samples: qctl dlq list --fingerprint {tally.fingerprint}"
    return Finding(
        "rejects",
        "degraded",
        f"{tally.count:,} rejects of queue {tally.queue} were counted and not stored ({cause}){source}",
        f"qctl ingest topics --sort rejected{samples}",
    )
