"""Findings about a Redis Cluster."""

from __future__ import annotations

from dataclasses import replace

from qctl.broker.query.cluster_setup import ClusterSetup, NodeView
from qctl.ops import cluster_checks

NODES = [NodeView(f"10.0.0.{n}:6379", "", "10.0.0.1:6379", ("10.0.0.4:6379",), 5462) for n in (1, 2, 3)]

WHOLE = ClusterSetup("orders", 105, NODES, serves_all=True, needs_all=False, is_moving=False)


def test_a_whole_cluster_is_healthy() -> None:
    (found,) = cluster_checks.check(WHOLE)
    assert found.status == "ok"
    assert found.reason == "slot 105 ({orders}) is served by 10.0.0.1:6379 with 1 replica and 5462 slots in all"
    assert not list(cluster_checks.advise(WHOLE))


def test_a_single_redis_is_not_spoken_of() -> None:
    assert not [*cluster_checks.check(None), *cluster_checks.advise(None)]


def test_silent_nodes_are_named() -> None:
    (found,) = cluster_checks.check(replace(WHOLE, nodes=[*NODES[:2], NodeView("10.0.0.3:6379", "refused")]))
    assert found.status == "degraded"
    assert "silent: 10.0.0.3:6379 (refused)" in found.reason
    (none,) = cluster_checks.check(replace(WHOLE, nodes=[NodeView("10.0.0.3:6379", "refused")]))
    assert none.reason == "no node of the URL answers: 10.0.0.3:6379 (refused)"


def test_nodes_that_disagree_are_reported() -> None:
    (found,) = cluster_checks.check(replace(WHOLE, nodes=[NODES[0], replace(NODES[1], primary="10.0.0.4:6379")]))
    assert "different primaries of slot 105 ({orders}): 10.0.0.1:6379, 10.0.0.4:6379" in found.reason


def test_a_slot_that_moves_and_slots_that_nobody_serves() -> None:
    moving, nodes = cluster_checks.check(replace(WHOLE, is_moving=True))
    assert (moving.status, nodes.status) == ("degraded", "ok")
    assert "is being moved" in moving.reason
    (found,) = cluster_checks.check(replace(WHOLE, serves_all=False))
    assert "other slots are not served" in found.reason


def test_advice_names_what_would_stop_the_site() -> None:
    alone = ClusterSetup("orders", 105, [replace(NODES[0], replicas=())], True, True, False)
    assert [found.check for found in cluster_checks.advise(alone)] == [
        "cluster replicas",
        "cluster coverage",
        "cluster nodes",
    ]


def test_what_a_user_may_not_ask_is_left_out() -> None:
    hidden = replace(WHOLE, serves_all=None, needs_all=None, is_moving=None)
    assert [found.status for found in cluster_checks.check(hidden)] == ["ok"]
    assert not list(cluster_checks.advise(hidden))
