"""Lists, starts, stops and scales qctl's units."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Literal

from qctl.errors import NotFoundError, RefusedError, UsageError
from qctl.models import Daemon
from qctl.systemd import programs
from qctl.systemd.units import folder

Verb = Literal["start", "stop", "restart"]

MAX_WORKERS_PER_QUEUE = 64
"""Workers of one queue that `scale` accepts: more is probably a typing error."""

COUNT = """\
# Written by `qctl daemon scale`: the first worker of the queue brings the others with it, and takes them along.
[Unit]
Wants={names}
PropagatesStopTo={names}
PropagatesReloadTo={names}
"""

POLL = 0.3
"""Seconds between two looks while units start or stop."""

_PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,StateChangeTimestampMonotonic,NRestarts,MemoryCurrent,"
    "StatusText,Job"
)
_QUEUE = re.compile(r"[A-Za-z0-9_.-]+")
"""Queues whose name systemd takes as it is, as the instance of a unit."""

_WORKER = "qctl-worker@"


class Systemd:
    """The units of qctl that systemd knows: those of the machine, or with `user` those of this user."""

    def __init__(self, *, user: bool = False) -> None:
        self.user = user

    def list(self) -> Sequence[Daemon]:
        """Every service of qctl's that was loaded or is installed, by name. Raises UnreachableError without systemd."""
        loaded = self._systemctl("list-units", "--all", "--plain", "--no-legend", "qctl-*.service")
        installed = self._systemctl("list-unit-files", "--no-legend", "qctl-*.service")
        first = [line.split()[0] for line in (*loaded.splitlines(), *installed.splitlines()) if line.split()]
        return self._facts(sorted({unit for unit in first if "@." not in unit}))

    def select(self, names: Iterable[str]) -> Sequence[Daemon]:
        """The daemons of these names: `scheduler`, `email` (every worker of it), or a unit's whole name.

        Raises NotFoundError for a name that none of them has, with those that look like it.
        """
        known = self.list()
        chosen: dict[str, Daemon] = {}
        for name in names:
            found = [one for one in known if name in (one.unit, one.name, one.name.partition(":")[0])]
            if not found:
                message = f"there is no daemon {name}"
                every = [one.name for one in known]
                raise NotFoundError.with_suggestions(message, name, every, "qctl daemon list shows them")
            chosen |= {one.unit: one for one in found}
        return [*chosen.values()]

    def enabled(self) -> Sequence[Daemon]:
        """Units that start with the machine."""
        return [one for one in self.list() if one.enabled.startswith("enabled")]

    def act(self, verb: Verb, daemons: Sequence[Daemon], *, timeout: float, target: bool = False) -> Sequence[Daemon]:
        """Start, stop or restart them, and wait up to `timeout` seconds until all have settled. Returns how they are.

        With `target` the timers of housekeeping go with them.
        """
        units = [one.unit for one in daemons]
        self._systemctl("--no-block", verb, "--", *units, *(["qctl.target"] if target else []))
        return self._settled(units, timeout)

    def scale(self, queue: str, count: int, *, timeout: float) -> Sequence[Daemon]:
        """Have `count` workers of a queue, now and after the next start. Those too many finish their job first.

        Raises UsageError for a queue whose name cannot be that of a unit, and for a count that nobody means.
        """
        if not _QUEUE.fullmatch(queue):
            raise UsageError(f"{queue!r} cannot be the name of a unit", "start its workers with qctl-worker")
        if not 0 <= count <= MAX_WORKERS_PER_QUEUE:
            raise UsageError(f"{count} workers are not from 0 to {MAX_WORKERS_PER_QUEUE}")
        first = f"{_WORKER}{queue}.service"
        wanted = [first, *(f"{_WORKER}{queue}:{n}.service" for n in range(2, count + 1))][:count]
        ours = re.compile(rf"{_WORKER}{re.escape(queue)}(:\d+)?\.service")
        spare = [
            one.unit
            for one in self.list()
            if ours.fullmatch(one.unit) and one.unit not in wanted and one.active != "inactive"
        ]
        self._write_count(queue, wanted[1:])
        self._systemctl("enable" if count else "disable", "--quiet", "--", first)
        if spare:
            self._systemctl("--no-block", "stop", "--", *spare)
        if wanted:
            self._systemctl("--no-block", "start", "--", *wanted)
        stopped = self._settled(spare, timeout)
        return [*self._settled(wanted, timeout), *stopped]

    def logs(self, daemons: Sequence[Daemon], *, lines: int, follow: bool, since: str | None) -> int:
        """Have journalctl print what they logged. Returns its exit code."""
        units = [f"--unit={one.unit}" if not self.user else f"--user-unit={one.unit}" for one in daemons]
        options = [f"--lines={lines}", *(["--follow"] if follow else []), *([f"--since={since}"] if since else [])]
        return programs.journalctl(False, ["--no-pager", *options, *units])

    def _write_count(self, queue: str, others: Sequence[str]) -> None:
        """Say in a file of systemd's that the first worker brings the others with it."""
        place = folder(self.user) / f"{_WORKER}{queue}.service.d" / "count.conf"
        names = " ".join(others)
        try:
            if others:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(COUNT.format(names=names), encoding="utf-8")
            else:
                place.unlink(missing_ok=True)
        except PermissionError:
            raise RefusedError(f"{place} may not be written", "run it as root, or with --user") from None
        self._systemctl("daemon-reload")

    def _settled(self, units: Sequence[str], timeout: float) -> Sequence[Daemon]:
        until = time.monotonic() + timeout
        while True:
            found = self._facts(units)
            if all(one.is_stable for one in found) or time.monotonic() > until:
                return found
            time.sleep(POLL)

    def _facts(self, units: Sequence[str]) -> Sequence[Daemon]:
        if not units:
            return []
        said = self._systemctl("show", f"--property={_PROPERTIES}", "--", *units)
        blocks = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in said.split("\n\n")]
        return [_daemon(block) for block in blocks if block.get("LoadState") not in (None, "not-found")]

    def _systemctl(self, *arguments: str) -> str:
        return programs.systemctl(self.user, *arguments)


def _daemon(facts: dict[str, str]) -> Daemon:
    changed = _number(facts.get("StateChangeTimestampMonotonic"))
    ago = time.monotonic() - (changed or 0) / 1e6
    now = datetime.now(timezone.utc)
    return Daemon(
        name=_name(facts["Id"]),
        unit=facts["Id"],
        active=facts.get("ActiveState", ""),
        sub=facts.get("SubState", ""),
        enabled=facts.get("UnitFileState", ""),
        pid=_number(facts.get("MainPID")) or None,
        since=datetime.fromtimestamp(now.timestamp() - ago, timezone.utc) if changed else None,
        restarts=_number(facts.get("NRestarts")) or 0,
        memory=_number(facts.get("MemoryCurrent")),
        said=facts.get("StatusText", ""),
        busy=bool(_number(facts.get("Job"))),
    )


def _name(unit: str) -> str:
    """The short name of a unit: `scheduler`; the queue of a worker, with its number after the first."""
    return unit.removesuffix(".service").removeprefix(_WORKER).removeprefix("qctl-")


def _number(text: str | None) -> int | None:
    """systemd writes `[not set]`, or the largest number there is, for what it does not know."""
    return int(text) if text and text.isdecimal() and int(text) < 1 << 63 else None
