"""Findings about a Redis Cluster: who serves the slot of this site, and what would survive a host."""

from __future__ import annotations

from collections.abc import Iterator

from qctl.broker.query.cluster_setup import ClusterSetup, NodeView
from qctl.models import Finding
from qctl.quantities import clause, quantity

MIN_NODES_NAMED = 2
"""Fewest nodes in the URL of which one is left when a host is gone."""


def check(setup: ClusterSetup | None) -> Iterator[Finding]:
    """Check whether the nodes agree on who serves the slot, and whether it is being moved."""
    if setup is None:
        return
    answering = [node for node in setup.nodes if not node.problem]
    place = f"slot {setup.slot} ({{{setup.tag}}})"
    if setup.is_moving:
        yield Finding(
            "cluster",
            "degraded",
            f"{place} is being moved: jobs and commands wait until all its keys are on the other node",
            "wait; if nothing moves it: redis-cli --cluster fix HOST:PORT",
        )
    yield _nodes(setup, answering, place)


def _nodes(setup: ClusterSetup, answering: list[NodeView], place: str) -> Finding:
    silent = "; ".join(f"{node.address} ({node.problem})" for node in setup.nodes if node.problem)
    fix = "start Redis on these hosts, and compare: redis-cli --cluster check HOST:PORT"
    if not answering:
        return Finding("cluster", "degraded", f"no node of the URL answers: {silent}", fix)
    primaries = sorted({node.primary for node in answering})
    if len(primaries) > 1:
        reason = f"the nodes name different primaries of {place}: {', '.join(primaries)}"
        return Finding(
            "cluster", "degraded", reason, "wait until the failover is over; else: redis-cli --cluster check"
        )
    text = f"{place} is served by {primaries[0]} with {quantity(len(answering[0].replicas), 'replica')}"
    if silent:
        return Finding("cluster", "degraded", f"{text}; silent: {silent}", fix)
    if setup.serves_all is False:
        return Finding("cluster", "degraded", f"{text}; other slots are not served", fix)
    return Finding("cluster", "ok", f"{text} and {quantity(answering[0].slots, 'slot')} in all")


def advise(setup: ClusterSetup | None) -> Iterator[Finding]:
    """Recommend settings for a site in a cluster."""
    if setup is None:
        return
    view = next((node for node in setup.nodes if not node.problem), None)
    if view is not None and not view.replicas:
        yield Finding(
            "cluster replicas",
            "degraded",
            f"{view.primary} has no replica: this site stands still and loses its data with it",
            f"start another node, then on it: redis-cli cluster replicate ID-OF-{view.primary}",
        )
    if setup.needs_all:
        yield Finding(
            "cluster coverage",
            "degraded",
            "this site stands still too when another shard is lost (cluster-require-full-coverage)",
            "on every node: redis-cli config set cluster-require-full-coverage no; set the same in redis.conf",
        )
    if len(setup.nodes) < MIN_NODES_NAMED:
        count = clause(len(setup.nodes), "node", "stands", "stand")
        yield Finding("cluster nodes", "degraded", f"{count} in REDIS_URL", "name a node of each host in REDIS_URL")
