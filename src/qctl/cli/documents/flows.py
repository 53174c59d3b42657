"""Documents about flows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.bulk import bulk_action
from qctl.cli.documents.document import Document

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Flow, FlowJob, Flows


def flow_list(flows: Flows) -> Document:
    """`qctl flow list`."""
    columns = ("id", "kind", "jobs", "ended", "failed", "whole")
    rows = [_head(flow) for flow in flows.flows]
    return Document("qctl.flow.list/1", "id", columns, {"whole": flows.is_whole}, "flows", rows)


def flow_show(flow: Flow) -> Document:
    """`qctl flow show`."""
    head = {name: value for name, value in _head(flow).items() if name not in ("id", "jobs")}
    rows = [
        {
            "id": job.id,
            "queue": job.queue,
            "state": job.state,
            "function": job.function,
            "depends_on": job.depends_on,
        }
        for job in flow.jobs
    ]
    columns = ("id", "queue", "state", "function", "depends_on")
    return Document("qctl.flow.show/1", "id", columns, {"flow": flow.id, **head}, "jobs", rows)


def flow_act(schema: str, jobs: Sequence[FlowJob]) -> Document:
    """`qctl flow retry|cancel --dry-run`: the jobs that would change."""
    from qctl.models import BulkResult, Outcome  # takes longer than all other imports of this package

    result = BulkResult.of([Outcome(job.id, job.queue, True, job.state) for job in jobs])
    return bulk_action(schema, result, dry_run=True)


def _head(flow: Flow) -> Record:
    return {
        "id": flow.id,
        "kind": flow.kind,
        "jobs": len(flow.jobs),
        "ended": flow.ended,
        "failed": flow.failed,
        "whole": flow.is_whole,
    }
