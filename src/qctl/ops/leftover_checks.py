"""Findings about leftovers: entries of lists and registries that nobody will act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from qctl.broker.query.leftovers import Leftover
from qctl.models import Finding, QueueStats, StrandedJob
from qctl.quantities import clause, quantity

REPAIR = "qctl doctor --repair; qctl-scheduler does it by itself"
"""Command and daemon that repair leftovers."""

MAX_LISTED_NAMES = 3
"""Queues or jobs that a finding names; the rest are counted."""


def check_runs(found: Sequence[Leftover]) -> Iterator[Finding]:
    """Report jobs and entries of runs that dead stock workers left."""
    by_kind: dict[str, list[Leftover]] = {}
    for leftover in found:
        by_kind.setdefault(leftover.kind, []).append(leftover)
    for kind, text in (
        ("abandoned", "marked as started, but their worker is gone: nothing runs them"),
        ("unstarted", "taken off their queue by a worker that never started them"),
        ("ready", "not enqueued although their dependencies are met"),
        ("unrecovered", "claimed by a worker that died; no other worker of the queue and no scheduler returns them"),
    ):
        if leftovers := by_kind.get(kind):
            noun = quantity(len(leftovers), "job")
            yield Finding(
                "leftovers", "degraded", f"{noun} of {_queues(leftovers)} ({_ids(leftovers)}): {text}", REPAIR
            )
    if ended := [*by_kind.get("ended", ()), *by_kind.get("ghost", ())]:
        noun = quantity(len(ended), "entry")
        text = f"{noun} of runs in {_queues(ended)} ({_ids(ended)}) whose job has ended: RQ counts them as running"
        yield Finding("leftovers", "degraded", text, REPAIR)
    if not found:
        yield Finding("leftovers", "ok", "no job was left behind by a dead worker")


def check_counted_ghosts(queues: Sequence[QueueStats]) -> Iterator[Finding]:
    """Report the ghosts that statistics have seen."""
    ghosts = Counter({queue.name: queue.ghosts - queue.unreal.ghosts.get("started", 0) for queue in queues})
    if +ghosts:
        yield check_ghosts(+ghosts)


def check_ghosts(ghosts: Mapping[str, int]) -> Finding:
    """Report entries whose job's data is gone, by queue."""
    if not ghosts:
        return Finding("ghosts", "ok", "every entry of a queue has its job")
    count = quantity(sum(ghosts.values()), "entry")
    text = f"{count} of {_names(sorted(ghosts))} without a job: its data expired, was evicted or was deleted"
    return Finding("ghosts", "degraded", text, REPAIR)


def check_stranded(stranded: Sequence[StrandedJob]) -> Finding:
    """Report deferred jobs that nothing will enqueue."""
    if not stranded:
        return Finding("deferred", "ok", "every deferred job waits for a job that can still finish")
    reasons = [
        f"{job.id} of {job.queue}: "
        + (_names([f"{id_} {why}" for id_, why in job.reasons.items()]) or "nothing is left")
        for job in stranded
    ]
    count = clause(len(stranded), "deferred job", "waits", "wait")
    return Finding(
        "deferred",
        "degraded",
        f"{count} for jobs that will not finish: {'; '.join(reasons)}",
        "enqueue one without them: qctl job release ID; or qctl job cancel ID, or retry what it waits for",
    )


def check_stranded_sample(stranded: Sequence[StrandedJob]) -> Iterator[Finding]:
    """Report deferred jobs that nothing will enqueue, of a sample: that there are none there proves nothing."""
    if stranded:
        yield check_stranded(stranded)


def check_unlisted(queues: Sequence[str]) -> Finding:
    """Report queues that have jobs but are missing from RQ's set of queues."""
    if not queues:
        return Finding("unlisted queues", "ok", "every queue with jobs is in RQ's set of queues")
    count = quantity(len(queues), "queue")
    return Finding(
        "unlisted queues",
        "degraded",
        f"{count} with jobs missing from RQ's set of queues, so that no tool shows them: {_names(queues)}",
        "qctl doctor --repair",
    )


def _queues(leftovers: Sequence[Leftover]) -> str:
    return _names(sorted({leftover.queue for leftover in leftovers}))


def _ids(leftovers: Sequence[Leftover]) -> str:
    return _names([leftover.id.decode(errors="replace") for leftover in leftovers])


def _names(names: Sequence[str]) -> str:
    more = len(names) - MAX_LISTED_NAMES
    return ", ".join(names[:MAX_LISTED_NAMES]) + (f" and {more} more" if more > 0 else "")
