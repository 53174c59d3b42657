"""What follows from how a server and this machine are set up: findings, each with what it means and what mends it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from shlex import quote

from qctl.broker.query.orphans import MIN_AGE_SECONDS, Orphan
from qctl.broker.query.server_setup import SHARED_KEY_TYPES, Server
from qctl.errors import QctlError, SinkMisconfiguredError
from qctl.files import s3
from qctl.jobs import message_batches, reading_batches
from qctl.models import Finding, HealthStatus, WorkerInfo
from qctl.settings import Settings

OLDEST = (6, 2)
"""The first Redis that has LMOVE and BLMOVE, by which jobs are claimed."""

SKEW, MOST_SKEW = 2.0, 30.0
"""Seconds that this host's clock may differ from Redis's before it is said, and before it is bad: RQ's own leases are
by the clocks of workers, and 90 s ahead every running job looks dead (reliability.md, 2.2 F7)."""

SLOW = 0.010
"""Seconds of a round trip from which on a claim, a look and an end of a job each cost more than most jobs."""

FREE, LEAST_FREE = 0.10, 0.03
"""Shares of a disk that should be free, and below which Redis or SQLite may stop at any moment."""

SHORTEST_KEY = 16
"""Characters of an admin key that nobody tries out."""

_PROMISES = {
    "always": "what was acknowledged survives a kill of Redis and a power cut",
    "everysec": "what was acknowledged survives a kill of Redis; a power cut loses the last 1 to 2 seconds",
    "no": "what was acknowledged survives a kill of Redis; a power cut loses some 30 seconds",
}


def of_server(server: Server, *, password: bool) -> Iterator[Finding]:
    """What a Redis is like. `password`: whether we gave one."""
    yield _version(server)
    for key, kind in server.strange.items():
        yield Finding(
            "keys",
            "down",
            f"{key} holds a {kind}, not a {SHARED_KEY_TYPES[key]}: somebody else writes there, "
            "and what needs it stands still",
            f"find who writes there, and put it aside: redis-cli rename {quote(key)} {quote(key + '.aside')}",
        )
    yield from _promise(server)
    yield _clock(server.skew)
    slow = f"a round trip to Redis takes {server.latency * 1000:.1f} ms"
    if server.latency > SLOW:
        yield Finding("latency", "degraded", f"{slow}: workers spend it several times a job", "move them nearer to it")
    else:
        yield Finding("latency", "ok", slow)
    yield _exposure(server, password)


def _version(server: Server) -> Finding:
    if server.info is None:
        return Finding("version", "ok", "not looked at: this user may not ask Redis (INFO)")
    version = str(server.info.get("redis_version", "0"))
    parts = tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:2])
    if parts < OLDEST:
        return Finding(
            "version",
            "down",
            f"Redis {version} has no LMOVE: no worker of qctl can claim",
            "upgrade Redis to 6.2 or later",
        )
    role = server.info.get("role")
    if role != "master":
        return Finding("version", "down", f"Redis {version} is a {role}: it takes no writes", "name its primary")
    return Finding("version", "ok", f"Redis {version}")


def _promise(server: Server) -> Iterator[Finding]:
    """Which promise holds under its persistence (reliability.md, 4.3). That there is none is said by health."""
    config = server.config
    if config is None:
        yield Finding("promise", "ok", "not looked at: this user may not ask Redis (CONFIG)")
    elif config.get("appendonly") == "yes":
        yield Finding("promise", "ok", _PROMISES.get(config.get("appendfsync", ""), "unknown appendfsync"))
    if config and config.get("maxmemory-policy", "noeviction").startswith("allkeys"):
        yield Finding(
            "promise",
            "down",
            f"{config['maxmemory-policy']} deletes waiting jobs when Redis is full, and says so to nobody",
            "redis-cli config set maxmemory-policy noeviction, and the same in redis.conf",
        )


def _clock(skew: float | None) -> Finding:
    if skew is None:
        return Finding("clock", "ok", "not looked at: this user may not ask Redis (TIME)")
    if abs(skew) <= SKEW:
        return Finding("clock", "ok", f"this clock and Redis's differ by {abs(skew):.1f} s")
    way = "ahead of" if skew > 0 else "behind"
    meaning = "jobs look older or younger than they are, and stock workers may take running jobs for dead"
    status: HealthStatus = "down" if abs(skew) > MOST_SKEW else "degraded"
    return Finding(
        "clock", status, f"this clock is {abs(skew):.0f} s {way} Redis's: {meaning}", "timedatectl set-ntp true"
    )


def _exposure(server: Server, password: bool) -> Finding:
    config = server.config
    if config is None:
        return Finding("access", "ok", "not looked at: this user may not ask Redis (CONFIG)")
    bound = config.get("bind", "").split()
    local = all(address.lstrip("-") in ("127.0.0.1", "::1", "localhost") for address in bound) and bool(bound)
    if password or config.get("requirepass") or (server.user or "default") != "default":
        return Finding("access", "ok", f"Redis knows us as {server.user or 'default'}, by a password")
    if local or config.get("port") == "0":
        return Finding("access", "ok", "Redis asks for no password, and is reached from this machine alone")
    where = " ".join(bound) or "every address"
    if config.get("protected-mode") == "yes":
        return Finding(
            "access", "ok", f"Redis asks for no password on {where}; its protected mode refuses other machines"
        )
    return Finding(
        "access",
        "down",
        f"Redis asks for no password and listens on {where}: who reaches it can run code in every worker",
        "set a password or ACL users, and bind it to addresses of yours",
    )


def of_workers(living: Sequence[WorkerInfo], dead: Sequence[bytes]) -> Iterator[Finding]:
    """Workers that do not obey, and entries of those that are gone."""
    deaf = [worker.name for worker in living if not worker.honours_pause]
    if deaf:
        names = ", ".join(deaf[:3]) + (f" and {len(deaf) - 3} more" if len(deaf) > 3 else "")
        yield Finding(
            "obedience",
            "degraded",
            f"{names} claim without our script: a pause does not hold them, and a crash may lose the job they claim",
            "run qctl-worker, or rq worker --queue-class qctl.PausableQueue",
        )
    if dead:
        yield Finding(
            "stale workers",
            "degraded",
            f"{len(dead)} workers are listed that have no heartbeat any more: others count on them",
            "qctl doctor --repair",
        )
    if not deaf and not dead:
        yield Finding("obedience", "ok", f"{len(living)} workers live, and each obeys a pause")


def of_orphans(found: Sequence[Orphan]) -> Finding:
    """Jobs that nobody would ever run."""
    if not found:
        return Finding("orphans", "ok", "every job that waits, runs or is due is where it is looked for")
    queues = ", ".join(sorted({orphan.queue for orphan in found})[:3])
    return Finding(
        "orphans",
        "degraded",
        f"{len(found)} jobs of {queues} are in no place for {MIN_AGE_SECONDS / 60:.0f} minutes or more: "
        "nobody would ever run them",
        "qctl doctor --repair",
    )


def of_sinks(settings: Settings) -> Iterator[Finding]:
    """Whether batches, and images where they are kept in a bucket, could be written now."""
    for pipeline, make in (("readings", reading_batches.sink), ("messages", message_batches.sink)):
        sink = make(settings)
        try:
            yield _storing(pipeline, sink.check)
        finally:
            sink.close()
    if settings.s3_bucket:
        yield _storing("images of chat messages", lambda: s3.check(settings))


def _storing(what: str, check: Callable[[], None]) -> Finding:
    try:
        check()
    except QctlError as error:
        status: HealthStatus = "down" if isinstance(error, SinkMisconfiguredError) else "degraded"
        return Finding("sinks", status, f"{what} cannot be stored: {error.message}", error.hint)
    return Finding("sinks", "ok", f"{what} can be stored")


def of_keys(settings: Settings) -> Iterator[Finding]:
    """Whether the key of the gateway's operators can be guessed. Its own secret it looks at itself."""
    key = settings.queue_admin_key
    if key is None:
        return
    if len(key) < SHORTEST_KEY or "your" in key.lower():
        yield Finding(
            "keys",
            "degraded",
            f"QUEUE_ADMIN_KEY has less than {SHORTEST_KEY} characters, or is an example: who guesses it changes queues",
            "set it to what `openssl rand -base64 32` prints",
        )
    else:
        yield Finding("keys", "ok", "QUEUE_ADMIN_KEY is not guessed soon")


def of_machine(settings: Settings, server: Server) -> Iterator[Finding]:
    """Disks and files on this machine."""
    home = settings.home
    if home.exists():
        yield _disk(home, "SQLite, mail and exports")
        if stat.S_IMODE(home.stat().st_mode) & 0o077:
            yield Finding(
                "files", "degraded", f"others may look into {home}, where messages and mail lie", f"chmod 700 {home}"
            )
    directory = (server.config or {}).get("dir", "")
    if directory and os.path.isdir(directory):
        yield _disk(Path(directory), "Redis's append-only file")


def _disk(folder: Path, what: str) -> Finding:
    usage = shutil.disk_usage(folder)
    free = usage.free / usage.total if usage.total else 1.0
    text = f"{free:.0%} of the disk of {folder} is free"
    if free >= FREE:
        return Finding("disk", "ok", text)
    return Finding(
        "disk",
        "down" if free < LEAST_FREE else "degraded",
        f"{text}: {what} needs it",
        "qctl cleanup all, or a larger disk",
    )
