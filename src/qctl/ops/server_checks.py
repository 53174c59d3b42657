"""Findings about the set-up of Redis and this machine, each with its meaning and its fix."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from shlex import quote

from qctl import extras, known_holes
from qctl.broker.ingest import durability
from qctl.broker.ingest.durability import Durability
from qctl.broker.query.orphans import MIN_AGE_SECONDS, Orphan
from qctl.broker.query.server_setup import MEMORY_OPTIONS, SHARED_KEY_TYPES, Server
from qctl.errors import QctlError, SinkMisconfiguredError, UnreachableError
from qctl.files import s3
from qctl.jobs import message_batches, reading_batches
from qctl.models import Finding, HealthStatus, WorkerInfo
from qctl.ops.stock_workers import HOW_TO_OBEY
from qctl.quantities import clause, quantity
from qctl.safe import redact_url
from qctl.settings import Settings

MIN_REDIS_VERSION = (6, 2)
"""First version with LMOVE and BLMOVE, which claim jobs."""

MAX_SKEW_SECONDS, CRITICAL_SKEW_SECONDS = 2.0, 30.0
"""Difference between the clocks of this host and Redis that is reported, and that is critical: RQ's own leases use the
clocks of workers, and a host 90 s ahead considers every running job dead."""

SLOW_ROUND_TRIP_SECONDS = 0.010
"""Round-trip time above which claiming and finishing a job takes longer than most jobs."""

MIN_FREE_SHARE, CRITICAL_FREE_SHARE = 0.10, 0.03
"""Free share of a disk below which it is reported, and below which Redis or SQLite may stop at any moment."""


def check_server(server: Server, *, password: bool) -> Iterator[Finding]:
    """Check Redis. `password` is True if qctl connects with a password."""
    yield _version(server)
    yield from _holes_of_redis(server)
    for key, kind in server.strange.items():
        yield Finding(
            "keys",
            "down",
            f"key {key} is a {kind}, not a {SHARED_KEY_TYPES[key]}: another program writes to it, "
            "and everything that needs it has stopped",
            f"stop that program, and rename the key: redis-cli rename {quote(key)} {quote(key + '.aside')}",
        )
    yield from _promise(server)
    yield _memory_of_jobs(server)
    yield _clock(server.skew)
    latency = f"a round trip to Redis takes {server.latency * 1000:.1f} ms"
    if server.latency > SLOW_ROUND_TRIP_SECONDS:
        yield Finding(
            "latency", "degraded", f"{latency}: workers need several per job", "move the workers closer to Redis"
        )
    else:
        yield Finding("latency", "ok", latency)
    yield _exposure(server, password)


def _version(server: Server) -> Finding:
    if server.info is None:
        return Finding("version", "ok", "not checked: this user may not run INFO")
    version = str(server.info.get("redis_version", "0"))
    parts = tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:2])
    if parts < MIN_REDIS_VERSION:
        return Finding(
            "version",
            "down",
            f"Redis {version} has no LMOVE: qctl's workers cannot claim jobs",
            "upgrade Redis to 6.2 or later",
        )
    role = server.info.get("role")
    if role != "master":
        return Finding(
            "version", "down", f"Redis {version} is a {role} and accepts no writes", "set REDIS_URL to its primary"
        )
    return Finding("version", "ok", f"Redis {version}")


def _holes_of_redis(server: Server) -> Iterator[Finding]:
    info = server.info or {}
    product = "Valkey" if "valkey_version" in info else "Redis"
    yield from _holes(product, str(info.get(f"{product.lower()}_version", "")))


def check_versions(settings: Settings) -> Iterator[Finding]:
    """Report known holes of the installed RQ, and of the mosquitto that `qctl up` starts."""
    yield from _holes("RQ", metadata.version("rq"))
    program = None if settings.mqtt_brokers else known_holes.find_mosquitto()
    yield from _holes("mosquitto", known_holes.mosquitto_version(program) if program else "")


def _holes(product: str, version: str) -> Iterator[Finding]:
    if warning := known_holes.warning(product, version):
        yield Finding("holes", "degraded", warning, known_holes.fix(product, version))


def _promise(server: Server) -> Iterator[Finding]:
    """Report what survives a crash under this persistence. `health` reports missing persistence."""
    config = server.config
    if config is None:
        yield Finding("promise", "ok", "not checked: this user may not run CONFIG")
    elif config.get("appendonly") == "yes":
        found = durability.from_config("yes", config.get("appendfsync", ""))
        if found is Durability.SYNCED:
            yield Finding("promise", "ok", found.value)
        else:
            yield Finding("promise", "degraded", found.value, durability.RECOMMENDATION)
    if config and config.get("maxmemory-policy", "noeviction").startswith("allkeys"):
        yield Finding(
            "promise",
            "down",
            f"maxmemory-policy {config['maxmemory-policy']} deletes waiting jobs without notice when Redis is full",
            "redis-cli config set maxmemory-policy noeviction; set the same in redis.conf",
        )


def _memory_of_jobs(server: Server) -> Finding:
    """Report whether Redis stores jobs compactly. Never a fault: a site loses memory by it, and nothing else."""
    if server.config is None:
        return Finding("memory of jobs", "ok", "not checked: this user may not run CONFIG")
    hashes, streams = (int(server.config.get(name, size)) for name, size in MEMORY_OPTIONS.items())
    wanted_hashes, wanted_streams = MEMORY_OPTIONS.values()
    wasted = (hashes < wanted_hashes, not 0 < streams <= wanted_streams)
    options = [
        f"{name} {size}" for (name, size), is_wasted in zip(MEMORY_OPTIONS.items(), wasted, strict=True) if is_wasted
    ]
    if not options:
        return Finding("memory of jobs", "ok", "Redis stores jobs compactly")
    return Finding(
        "memory of jobs",
        "ok",
        f"jobs take two to four times the memory that they need; set in redis.conf: {', '.join(options)}",
        " && ".join(f"redis-cli config set {option}" for option in options),
    )


def _clock(skew: float | None) -> Finding:
    if skew is None:
        return Finding("clock", "ok", "not checked: this user may not run TIME")
    if abs(skew) <= MAX_SKEW_SECONDS:
        return Finding("clock", "ok", f"the clocks of this host and Redis differ by {abs(skew):.1f} s")
    way = "ahead of" if skew > 0 else "behind"
    meaning = "ages of jobs are wrong, and stock workers may treat running jobs as dead"
    status: HealthStatus = "down" if abs(skew) > CRITICAL_SKEW_SECONDS else "degraded"
    return Finding(
        "clock",
        status,
        f"the clock of this host is {abs(skew):.0f} s {way} Redis's: {meaning}",
        "timedatectl set-ntp true",
    )


def _worker_clocks(living: Sequence[WorkerInfo]) -> Iterator[Finding]:
    """Check the clocks of all hosts with workers; stock workers do not report theirs."""
    skews: dict[str, float] = {}
    for worker in living:
        if worker.clock_skew is not None:
            skews[worker.host] = max(skews.get(worker.host, 0.0), worker.clock_skew, key=abs)
    if not skews:
        return
    wrong = {host: skew for host, skew in sorted(skews.items()) if abs(skew) > MAX_SKEW_SECONDS}
    unknown = sorted({worker.host for worker in living} - skews.keys())
    note = f"; not known of {_listed(unknown)}: stock workers do not report it" if unknown else ""
    if not wrong:
        most = max(map(abs, skews.values()))
        hosts = "1 host" if len(skews) == 1 else f"{len(skews)} hosts"
        yield Finding(
            "worker clocks", "ok", f"the clocks of {hosts} with workers and Redis differ by {most:.1f} s{note}"
        )
        return
    named = _listed([f"{host} ({abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'})" for host, skew in wrong.items()])
    is_critical = max(map(abs, wrong.values())) > CRITICAL_SKEW_SECONDS
    yield Finding(
        "worker clocks",
        "down" if is_critical else "degraded",
        f"the clocks of hosts with workers differ from Redis's: {named}; ages of jobs are wrong, and stock workers "
        f"may treat running jobs as dead{note}",
        "timedatectl set-ntp true, on each of these hosts",
    )


def _exposure(server: Server, password: bool) -> Finding:
    config = server.config
    if config is None:
        return Finding("access", "ok", "not checked: this user may not run CONFIG")
    bound = config.get("bind", "").split()
    local = all(address.lstrip("-") in ("127.0.0.1", "::1", "localhost") for address in bound) and bool(bound)
    if password or config.get("requirepass") or (server.user or "default") != "default":
        return Finding("access", "ok", f"Redis requires a password; qctl is user {server.user or 'default'}")
    if local or config.get("port") == "0":
        return Finding("access", "ok", "Redis requires no password, but is reachable from this machine only")
    where = " ".join(bound) or "every address"
    if config.get("protected-mode") == "yes":
        return Finding(
            "access", "ok", f"Redis requires no password on {where}, but its protected mode refuses other machines"
        )
    return Finding(
        "access",
        "down",
        f"Redis requires no password and listens on {where}: anybody who reaches it can run code in every worker",
        "set a password or ACL users, and bind Redis to private addresses",
    )


def check_workers(living: Sequence[WorkerInfo], dead: Sequence[bytes]) -> Iterator[Finding]:
    """Check for workers that ignore pauses, for silent ones, and for entries of dead workers."""
    ignoring = [worker.name for worker in living if not worker.honours_pause]
    if ignoring:
        yield Finding(
            "obedience",
            "degraded",
            f"workers {_listed(ignoring)} do not claim by qctl's script: they ignore pauses, and a crash may lose "
            "their job",
            f"{HOW_TO_OBEY}; or run qctl-worker",
        )
    yield from _worker_clocks(living)
    if dead:
        yield Finding(
            "stale workers",
            "degraded",
            f"{clause(len(dead), 'worker', 'is', 'are')} listed without a heartbeat: counts of workers are too high",
            "qctl doctor --repair",
        )
    silent = [worker.name for worker in living if worker.silent]
    if silent:
        yield Finding(
            "silent workers",
            "degraded",
            f"the leases of workers {_listed(silent)} are over: they died, or cannot write to Redis, and others take "
            "their jobs",
            "qctl health; a dead worker leaves the list by itself within 2 min",
        )
    if not ignoring and not dead and not silent:
        yield Finding("obedience", "ok", f"{clause(len(living), 'worker', 'runs and obeys', 'run and obey')} pauses")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def check_orphans(orphans: Sequence[Orphan]) -> Finding:
    """Report jobs that no worker would ever run."""
    if not orphans:
        return Finding("orphans", "ok", "every waiting, running and due job is listed by its queue")
    queues = ", ".join(sorted({orphan.queue for orphan in orphans})[:3])
    return Finding(
        "orphans",
        "degraded",
        f"{quantity(len(orphans), 'job')} of {queues} missing from the queue for {MIN_AGE_SECONDS / 60:.0f} min: "
        "no worker would ever run it",
        "qctl doctor --repair",
    )


def check_sinks(settings: Settings) -> Iterator[Finding]:
    """Check that batches, and images if a bucket stores them, can be written."""
    for pipeline, make in (("readings", reading_batches.sink), ("messages", message_batches.sink)):
        sink = make(settings)
        try:
            yield _check_storage(pipeline, sink.check)
        finally:
            sink.close()
    if settings.s3_bucket:
        yield _check_storage("images of chat messages", lambda: s3.check(settings))


def _check_storage(what: str, check: Callable[[], None]) -> Finding:
    try:
        check()
    except QctlError as error:
        status: HealthStatus = "down" if isinstance(error, SinkMisconfiguredError) else "degraded"
        return Finding("sinks", status, f"{what} cannot be stored: {error.message}", error.hint)
    return Finding("sinks", "ok", f"{what} can be stored")


def check_admin_key(settings: Settings) -> Iterator[Finding]:
    """Report that QUEUE_ADMIN_KEY is set. Loading the settings refuses one that can be guessed."""
    if settings.queue_admin_key is not None:
        yield Finding("keys", "ok", "QUEUE_ADMIN_KEY is hard to guess")


def check_broker(settings: Settings) -> Iterator[Finding]:
    """Report an MQTT broker from which clients without a password get messages. Checked only where a bridge is used."""
    if not settings.mqtt_enabled or not extras.is_installed("mqtt"):
        return
    mqtt_probe = extras.load("qctl.sources.mqtt_probe", extra="mqtt", needed_by="MQTT_BROKER")
    for broker in settings.mqtt_targets:
        yield _check_broker(mqtt_probe.is_open, settings, broker)


def _check_broker(probe: Callable[[Settings, str], bool], settings: Settings, broker: str) -> Finding:
    target = redact_url(broker)
    try:
        is_open = probe(settings, broker)
    except UnreachableError as error:
        if len(settings.mqtt_targets) > 1:
            return Finding("mqtt", "degraded", error.message, "start it, or take it out of MQTT_BROKER")
        return Finding("mqtt", "ok", f"access not checked: the broker at {target} cannot be reached")
    except QctlError as error:
        return Finding("mqtt", "degraded", error.message, error.hint)
    if is_open:
        return Finding(
            "mqtt",
            "degraded",
            f"the MQTT broker at {target} lets clients without a password read: they get all readings, and one that "
            "uses the bridge's client id takes its messages",
            "ask for passwords and limit topics by user: allow_anonymous, password_file and acl_file of mosquitto",
        )
    return Finding("mqtt", "ok", f"the MQTT broker at {target} gives nothing to clients without a password")


def check_machine(settings: Settings, server: Server) -> Iterator[Finding]:
    """Check disks and files of this machine."""
    home = settings.home
    if home.exists():
        yield _disk(home, "SQLite, mail and exports")
        if stat.S_IMODE(home.stat().st_mode) & 0o077:
            yield Finding(
                "files",
                "degraded",
                f"other users may read {home}, which contains messages and mail",
                f"chmod 700 {home}",
            )
    directory = (server.config or {}).get("dir", "")
    if directory and os.path.isdir(directory):
        yield _disk(Path(directory), "Redis's append-only file")


def _disk(folder: Path, what: str) -> Finding:
    usage = shutil.disk_usage(folder)
    free = usage.free / usage.total if usage.total else 1.0
    text = f"{free:.0%} of the disk of {folder} is free"
    if free >= MIN_FREE_SHARE:
        return Finding("disk", "ok", text)
    return Finding(
        "disk",
        "down" if free < CRITICAL_FREE_SHARE else "degraded",
        f"{text}, and {what} needs space",
        "free space with: qctl cleanup all, or enlarge the disk",
    )
