"""Is it well? `qctl ping` asks Redis alone, `qctl health` all that qctl needs."""

from __future__ import annotations

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exits import ExitCode
from qctl.cli.session import Session
from qctl.view import Cell

EXIT_CODES = {"ok": ExitCode.DONE, "degraded": ExitCode.FAILED, "down": ExitCode.UNREACHABLE}


@command("ping", examples="qctl ping\nqctl ping --json\nqctl --redis-url redis://10.0.0.5:6379/1 ping")
def ping(session: Session) -> None:
    """Ask Redis whether it is there. Exits 4 where it is not."""
    answer = session.ops.health.ping()
    line = f"Redis {answer.redis_version} at {answer.target} answers in {answer.rtt * 1000:.1f} ms"
    session.out.report(documents.ping(answer), [Cell(line, "good")])


@command("health", examples="qctl health\nqctl health --json")
def health(session: Session) -> ExitCode:
    """Tell whether work flows, and what to mend. Exits 0 if ok, 1 if degraded, 4 if down."""
    found = session.ops.health.check()
    summary = [Cell(""), Cell(f"status: {found.status}", view.HEALTH_STYLES[found.status])]
    worst_last = sorted(found.findings, key=lambda finding: list(EXIT_CODES).index(finding.status))
    table = view.Table(view.finding_columns(), worst_last, f"status: {found.status}", summary)
    session.out.listing(documents.health(found), table)
    return EXIT_CODES[found.status]
