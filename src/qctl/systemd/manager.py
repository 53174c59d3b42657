"""Lists, starts, stops and scales the units of qctl."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Literal

from qctl.errors import NotFoundError, RefusedError, UsageError
from qctl.models import Daemon
from qctl.systemd import programs
from qctl.systemd.units import unit_folder

Verb = Literal["start", "stop", "restart"]

MAX_WORKERS_PER_QUEUE = 64
"""Workers of one queue that `scale` accepts: a larger number is a mistake."""

COUNT_CONF = """\
# Written by `qctl daemon scale`: the first worker of the queue starts and stops the others with it.
[Unit]
Wants={names}
PropagatesStopTo={names}
PropagatesReloadTo={names}
"""

POLL_SECONDS = 0.3
"""Pause between checks while units start or stop."""

_PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,StateChangeTimestampMonotonic,NRestarts,MemoryCurrent,"
    "StatusText,Job"
)
_QUEUE = re.compile(r"[A-Za-z0-9_.-]+")
"""Queue names that systemd accepts unchanged as the instance of a unit."""

_WORKER = "qctl-worker@"


class Systemd:
    """The units of qctl: those of the machine, or with `user` those of this user."""

    def __init__(self, *, user: bool = False) -> None:
        self.user = user

    def list(self) -> Sequence[Daemon]:
        """Every loaded or installed service of qctl, by name. Raises UnreachableError without systemd."""
        loaded = self._systemctl("list-units", "--all", "--plain", "--no-legend", "qctl-*.service")
        installed = self._systemctl("list-unit-files", "--no-legend", "qctl-*.service")
        units = [line.split()[0] for line in (*loaded.splitlines(), *installed.splitlines()) if line.split()]
        return self._show(sorted({unit for unit in units if "@." not in unit}))

    def select(self, names: Iterable[str]) -> Sequence[Daemon]:
        """The daemons with these names: `scheduler`, `email` (all its workers), or the full name of a unit.

        Raises NotFoundError for an unknown name, with similar ones.
        """
        known = self.list()
        chosen: dict[str, Daemon] = {}
        for name in names:
            daemons = [daemon for daemon in known if name in (daemon.unit, daemon.name, daemon.name.partition(":")[0])]
            if not daemons:
                message = f"there is no daemon {name}"
                every = [daemon.name for daemon in known]
                raise NotFoundError.with_suggestions(message, name, every, "qctl daemon list shows them")
            chosen |= {daemon.unit: daemon for daemon in daemons}
        return [*chosen.values()]

    def enabled(self) -> Sequence[Daemon]:
        """The daemons that start with the machine."""
        return [daemon for daemon in self.list() if daemon.enabled.startswith("enabled")]

    def act(self, verb: Verb, daemons: Sequence[Daemon], *, timeout: float, target: bool = False) -> Sequence[Daemon]:
        """Start, stop or restart daemons, and wait up to `timeout` seconds until all are stable. Returns their state.

        With `target` the timers of housekeeping are included.
        """
        units = [daemon.unit for daemon in daemons]
        self._systemctl("--no-block", verb, "--", *units, *(["qctl.target"] if target else []))
        return self._await_stable(units, timeout)

    def scale(self, queue: str, count: int, *, timeout: float) -> Sequence[Daemon]:
        """Run `count` workers of a queue, now and after a restart. Surplus ones finish their job first.

        Raises UsageError if the queue's name cannot be part of a unit's, or the count is out of range.
        """
        if not _QUEUE.fullmatch(queue):
            raise UsageError(f"{queue!r} cannot be part of a unit's name", "start its workers with qctl-worker")
        if not 0 <= count <= MAX_WORKERS_PER_QUEUE:
            raise UsageError(f"{count} workers are not from 0 to {MAX_WORKERS_PER_QUEUE}")
        first = f"{_WORKER}{queue}.service"
        wanted = [first, *(f"{_WORKER}{queue}:{n}.service" for n in range(2, count + 1))][:count]
        pattern = re.compile(rf"{_WORKER}{re.escape(queue)}(:\d+)?\.service")
        surplus = [
            daemon.unit
            for daemon in self.list()
            if pattern.fullmatch(daemon.unit) and daemon.unit not in wanted and daemon.active != "inactive"
        ]
        self._write_count(queue, wanted[1:])
        self._systemctl("enable" if count else "disable", "--quiet", "--", first)
        if surplus:
            self._systemctl("--no-block", "stop", "--", *surplus)
        if wanted:
            self._systemctl("--no-block", "start", "--", *wanted)
        stopped = self._await_stable(surplus, timeout)
        return [*self._await_stable(wanted, timeout), *stopped]

    def logs(self, daemons: Sequence[Daemon], *, lines: int, follow: bool, since: str | None) -> int:
        """Print the daemons' logs with journalctl. Returns its exit code."""
        units = [f"--unit={daemon.unit}" if not self.user else f"--user-unit={daemon.unit}" for daemon in daemons]
        options = [f"--lines={lines}", *(["--follow"] if follow else []), *([f"--since={since}"] if since else [])]
        return programs.journalctl(False, ["--no-pager", *options, *units])

    def _write_count(self, queue: str, others: Sequence[str]) -> None:
        """Write the drop-in file by which the first worker starts and stops the others with it."""
        file = unit_folder(self.user) / f"{_WORKER}{queue}.service.d" / "count.conf"
        names = " ".join(others)
        try:
            if others:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(COUNT_CONF.format(names=names), encoding="utf-8")
            else:
                file.unlink(missing_ok=True)
        except PermissionError:
            raise RefusedError(f"{file} cannot be written", "run it as root, or with --user") from None
        self._systemctl("daemon-reload")

    def _await_stable(self, units: Sequence[str], timeout: float) -> Sequence[Daemon]:
        until = time.monotonic() + timeout
        while True:
            daemons = self._show(units)
            if all(daemon.is_stable for daemon in daemons) or time.monotonic() > until:
                return daemons
            time.sleep(POLL_SECONDS)

    def _show(self, units: Sequence[str]) -> Sequence[Daemon]:
        if not units:
            return []
        output = self._systemctl("show", f"--property={_PROPERTIES}", "--", *units)
        blocks = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in output.split("\n\n")]
        return [_daemon(block) for block in blocks if block.get("LoadState") not in (None, "not-found")]

    def _systemctl(self, *arguments: str) -> str:
        return programs.systemctl(self.user, *arguments)


def _daemon(properties: dict[str, str]) -> Daemon:
    changed = _number(properties.get("StateChangeTimestampMonotonic"))
    age = time.monotonic() - (changed or 0) / 1e6
    now = datetime.now(timezone.utc)
    return Daemon(
        name=_name(properties["Id"]),
        unit=properties["Id"],
        active=properties.get("ActiveState", ""),
        sub=properties.get("SubState", ""),
        enabled=properties.get("UnitFileState", ""),
        pid=_number(properties.get("MainPID")) or None,
        since=datetime.fromtimestamp(now.timestamp() - age, timezone.utc) if changed else None,
        restarts=_number(properties.get("NRestarts")) or 0,
        memory=_number(properties.get("MemoryCurrent")),
        said=properties.get("StatusText", ""),
        busy=bool(_number(properties.get("Job"))),
    )


def _name(unit: str) -> str:
    """The short name of a unit: `scheduler`, or a worker's queue, with its number after the first."""
    return unit.removesuffix(".service").removeprefix(_WORKER).removeprefix("qctl-")


def _number(text: str | None) -> int | None:
    """Parse a number. For unknown values systemd writes `[not set]` or the largest number."""
    return int(text) if text and text.isdecimal() and int(text) < 1 << 63 else None
