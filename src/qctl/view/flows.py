"""Flows: the tree of what a job waits for and what waits for it, the trees of a group, and their progress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from qctl.quantities import quantity
from qctl.safe import escape_line
from qctl.view.details import section
from qctl.view.table import Cell, Column

if TYPE_CHECKING:
    from qctl.models import Flow, FlowJob, JobDetail
    from qctl.view.table import Style

MAX_ID_CHARACTERS = 200

MAX_FUNCTION_CHARACTERS = 60

MAX_DEPTH = 50
"""Generations that are drawn; further ones are left out."""

_STYLES: dict[str, Style] = {
    **dict.fromkeys(("failed", "stopped", "gone", "quarantined"), "bad"),
    **dict.fromkeys(("canceled", "trash", "deferred"), "warn"),
}


def relatives(detail: JobDetail, ids: Sequence[str]) -> str:
    """Format ids of dependencies or dependents, each with its state."""
    states = detail.relatives
    return ", ".join(f"{id_} ({states[id_]})" if id_ in states else id_ for id_ in ids)


def flow_progress(flow: Flow) -> str:
    """`3 of 5 jobs ended, 1 failed: 2 finished, 1 failed, 2 deferred`."""
    failed = f", {flow.failed} failed" if flow.failed else ""
    more = "" if flow.is_whole else "; it has more jobs than were read"
    return f"{flow.ended} of {quantity(len(flow.jobs), 'job')} ended{failed}: {_states(flow)}{more}"


def _states(flow: Flow) -> str:
    return ", ".join(f"{count} {escape_line(state)}" for state, count in flow.states.most_common())


def flow_columns() -> list[Column[Flow]]:
    """Return the columns of a list of flows."""
    return [
        Column("FLOW", lambda flow: Cell(escape_line(flow.id, MAX_ID_CHARACTERS))),
        Column("KIND", lambda flow: Cell(flow.kind)),
        Column("JOBS", lambda flow: Cell(str(len(flow.jobs)) + ("" if flow.is_whole else "+")), right=True),
        Column("ENDED", lambda flow: Cell(str(flow.ended)), right=True),
        Column("FAILED", lambda flow: Cell(str(flow.failed), "bad" if flow.failed else ""), right=True),
        Column(
            "STATES", lambda flow: Cell(", ".join(f"{count} {state}" for state, count in flow.states.most_common()))
        ),
    ]


def flow_tree(flow: Flow) -> list[Cell]:
    """Draw a flow with its progress: a job below what it waits for and above what waits for it, or a group as trees."""
    jobs = {job.id: job for job in flow.jobs}
    dependents: dict[str, list[str]] = {}
    for job in flow.jobs:
        for other in job.depends_on:
            dependents.setdefault(other, []).append(job.id)
    progress = Cell(flow_progress(flow), "bad" if flow.failed else "")
    if flow.kind == "group":
        drawn: set[str] = set()
        roots = [job.id for job in flow.jobs if not job.depends_on] or list(jobs)[:1]
        trees = [line for root in roots for line in _tree(jobs, root, dependents, drawn)]
        rest = [line for id_ in jobs if id_ not in drawn for line in _tree(jobs, id_, dependents, drawn)]
        return [*section("group"), progress, *trees, *rest]
    parents = {job.id: job.depends_on for job in flow.jobs}
    above = list(_branches(jobs, flow.id, parents, "", {flow.id}, 0))
    return [
        *section("flow"),
        progress,
        *section("waits for"),
        *(above or [Cell("nothing", "dim")]),
        *section("this job"),
        *_tree(jobs, flow.id, dependents, set()),
    ]


def _tree(
    jobs: Mapping[str, FlowJob], root: str, others: Mapping[str, Sequence[str]], drawn: set[str]
) -> Iterator[Cell]:
    if root in drawn:
        return
    drawn.add(root)
    yield _line(jobs[root], "")
    yield from _branches(jobs, root, others, "", drawn, 0)


def _branches(
    jobs: Mapping[str, FlowJob],
    id_: str,
    others: Mapping[str, Sequence[str]],
    indent: str,
    drawn: set[str],
    depth: int,
) -> Iterator[Cell]:
    """Draw the jobs on one side of a job. Each is drawn once, so that a circle of dependencies ends."""
    following = [other for other in others.get(id_, ()) if other not in drawn]
    drawn.update(following)
    for number, other in enumerate(following, 1):
        is_last = number == len(following)
        yield _line(jobs[other], f"{indent}{'└─' if is_last else '├─'} ")
        if depth < MAX_DEPTH:
            yield from _branches(jobs, other, others, f"{indent}{'   ' if is_last else '│  '}", drawn, depth + 1)


def _line(job: FlowJob, indent: str) -> Cell:
    parts = [
        escape_line(job.id, MAX_ID_CHARACTERS),
        escape_line(job.state),
        escape_line(job.queue),
        escape_line(job.function, MAX_FUNCTION_CHARACTERS),
    ]
    return Cell(indent + "  ".join(filter(None, parts)), _STYLES.get(job.state, ""))
