"""Findings about the replicas of Redis, and about the Sentinels that watch it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qctl.broker.query.replication_setup import Replica, ReplicaClock, ReplicationSetup, SentinelView
from qctl.models import Finding
from qctl.quantities import clause, quantity

MAX_LAG_SECONDS = 10
"""Time (s) without a sign of a replica after which it does not count."""

MAX_BEHIND_BYTES = 50_000_000
"""Bytes that a replica may lack before it is reported: a failover to it would lose that much."""

MAX_SKEW_SECONDS = 2.0
"""Difference (s) of two clocks that is reported, as that of other hosts' clocks."""

MIN_SENTINELS = 3
"""Fewest Sentinels of which the others can still agree when one host is gone."""


def check(setup: ReplicationSetup, required: int) -> Iterator[Finding]:
    """Check whether promises can be confirmed, and whether a failover could take place. `required` is
    QCTL_REDIS_REPLICAS."""
    if setup.replicas is None:
        if required:
            yield Finding("replicas", "ok", "not checked: this user may not run INFO")
    elif setup.is_primary and (setup.replicas or required or setup.min_replicas):
        yield _replicas(setup.replicas, required, setup.min_replicas or 0)
    if setup.sentinels:
        yield _sentinels(setup.sentinels)


def advise(setup: ReplicationSetup, required: int, confirmed: float | None) -> Iterator[Finding]:
    """Recommend settings for a site with replicas. `confirmed` is how long a confirmation took, in seconds."""
    if confirmed is not None:
        yield Finding(
            "confirmation",
            "ok",
            f"{clause(required, 'replica', 'confirms', 'confirm')} within {confirmed * 1000:.1f} ms",
        )
    if not setup.replicas:
        return
    if not required:
        yield Finding(
            "confirmation",
            "degraded",
            "a failover loses what was acknowledged just before: no replica has to confirm it",
            "set QCTL_REDIS_REPLICAS=1 for every program",
        )
    if setup.min_replicas == 0:
        yield Finding(
            "cut off",
            "degraded",
            "a primary that is cut off from its replicas goes on taking writes, which are lost",
            "on every server: redis-cli config set min-replicas-to-write 1; set the same in redis.conf",
        )
    if 0 < len(setup.sentinels) < MIN_SENTINELS:
        yield Finding(
            "sentinels",
            "degraded",
            f"REDIS_URL names {quantity(len(setup.sentinels), 'Sentinel')}: without one host nobody finds the primary",
            "run three Sentinels on three hosts, and name all of them",
        )


def check_clocks(clocks: Sequence[ReplicaClock]) -> Iterator[Finding]:
    """Compare the clocks of the servers of Redis: after a failover another one counts."""
    if not clocks:
        return
    wrong = [clock for clock in clocks if abs(clock.ahead) - clock.precision > MAX_SKEW_SECONDS]
    if not wrong:
        largest = max(abs(clock.ahead) for clock in clocks)
        yield Finding(
            "replica clocks", "ok", f"the clocks of the replicas are at most {largest:.2f} s off the primary's"
        )
        return
    texts = [
        f"{clock.address} is {abs(clock.ahead):.1f} s {'ahead' if clock.ahead > 0 else 'behind'}" for clock in wrong
    ]
    yield Finding(
        "replica clocks",
        "degraded",
        f"a failover changes Redis's clock: {', '.join(texts)}; leases, delays and schedules go by it",
        "keep time on all of these hosts (NTP): timedatectl status",
    )


def _replicas(replicas: Sequence[Replica], required: int, least: int) -> Finding:
    near = [replica for replica in replicas if replica.is_online and replica.lag <= MAX_LAG_SECONDS]
    far = [replica.address for replica in replicas if replica not in near]
    note = f"; not in step: {', '.join(far)}" if far else ""
    fix = "start its replicas, and read their logs"
    text = f"Redis has {quantity(len(near), 'replica')}"
    if len(near) < required:
        return Finding(
            "replicas",
            "down",
            f"{text}, and QCTL_REDIS_REPLICAS asks for {required}: nothing is acknowledged{note}",
            fix,
        )
    if len(near) < least:
        return Finding(
            "replicas",
            "down",
            f"{text}, and takes no writes with fewer than {least} (min-replicas-to-write){note}",
            fix,
        )
    behind = max((replica.behind for replica in near), default=0)
    if far or behind > MAX_BEHIND_BYTES:
        return Finding("replicas", "degraded", f"{text}, up to {behind / 1e6:.1f} MB behind{note}", fix)
    return Finding("replicas", "ok", f"{text}, up to {behind / 1e6:.1f} MB behind")


def _sentinels(views: Sequence[SentinelView]) -> Finding:
    silent = [f"{view.address} ({view.problem})" for view in views if view.problem]
    answering = [view for view in views if not view.problem]
    fix = "start redis-sentinel on these hosts, and read its log"
    if not answering:
        return Finding("sentinels", "degraded", f"no Sentinel answers: {'; '.join(silent)}", fix)
    primaries = sorted({view.primary for view in answering})
    total = max(view.others for view in answering) + 1
    needed = max(total // 2 + 1, *(view.quorum for view in answering))
    text = f"{len(answering)} of {quantity(len(views), 'Sentinel')} answer"
    if len(answering) < needed and len(views) >= needed:
        reason = f"{text}, and {needed} must agree on a failover: there would be none; silent: {'; '.join(silent)}"
        return Finding("sentinels", "degraded", reason, fix, grade="error")
    if len(primaries) > 1:
        return Finding(
            "sentinels",
            "degraded",
            f"the Sentinels name different primaries: {', '.join(primaries)}",
            "wait until the failover is over; else compare: redis-cli -p 26379 sentinel masters",
        )
    if any(view.is_down for view in answering):
        return Finding("sentinels", "degraded", f"a Sentinel takes the primary {primaries[0]} for dead", fix)
    if silent:
        return Finding("sentinels", "degraded", f"{text}; silent: {'; '.join(silent)}", fix)
    return Finding("sentinels", "ok", f"{text} and name {primaries[0]}")
