"""The tree around a job: what it waits for, and what waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.details import section
from qctl.view.table import Cell

if TYPE_CHECKING:
    from qctl.models import JobDetail, JobNode, JobTree
    from qctl.view.table import Style

MAX_ID_CHARACTERS = 200

_STYLES: dict[str, Style] = {
    **dict.fromkeys(("failed", "stopped", "gone", "quarantined"), "bad"),
    **dict.fromkeys(("canceled", "trash", "deferred"), "warn"),
}


def relatives(detail: JobDetail, ids: Sequence[str]) -> str:
    """Format ids of dependencies or dependents, each with its state."""
    states = detail.relatives
    return ", ".join(f"{id_} ({states[id_]})" if id_ in states else id_ for id_ in ids)


def job_tree(detail: JobDetail, tree: JobTree) -> list[Cell]:
    """Draw a job below the jobs that it waits for, and above those that wait for it."""
    own = Cell(escape_line(f"{detail.id}  {detail.state or detail.status}", MAX_ID_CHARACTERS))
    return [
        *section("waits for"),
        *(_branches(tree.parents, "") if tree.parents else [Cell("nothing", "dim")]),
        *section("this job"),
        own,
        *_branches(tree.dependents, ""),
    ]


def _branches(nodes: Sequence[JobNode], indent: str) -> Iterator[Cell]:
    for number, node in enumerate(nodes, 1):
        is_last = number == len(nodes)
        text = f"{escape_line(node.id, MAX_ID_CHARACTERS)}  {node.state}" + (f"  {node.queue}" if node.queue else "")
        yield Cell(f"{indent}{'└─' if is_last else '├─'} {escape_line(text)}", _STYLES.get(node.state, ""))
        yield from _branches(node.others, f"{indent}{'   ' if is_last else '│  '}")
