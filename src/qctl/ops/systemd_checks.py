"""What follows from how systemd keeps the daemons: findings, each with what it means and what mends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote

from qctl.errors import QctlError
from qctl.models import Daemon, Finding
from qctl.settings import Settings
from qctl.systemd import Systemd

AGAIN = 3
"""Starts after the first one, from which on a daemon that is on its way up does not get there."""


def look(settings: Settings) -> Iterator[Finding]:
    """How the units of this machine and of this user are. Nothing where there are none, or no systemd."""
    for user in (False, True):
        try:
            daemons = Systemd(user=user).list()
        except QctlError:
            continue
        yield from judge(settings, daemons, user=user)


def judge(settings: Settings, daemons: Sequence[Daemon], *, user: bool = False) -> Iterator[Finding]:
    """What is wrong with these; that all is well, where there is any of them and nothing is."""
    off = _switched_off(settings)
    bad = [finding for one in daemons if one.name not in off and (finding := _one(one, user))]
    yield from bad
    works = sum(one.active == "active" for one in daemons)
    if daemons and not bad:
        yield Finding("units", "ok", f"{works} units {'of this user ' if user else ''}run")


def _one(daemon: Daemon, user: bool) -> Finding | None:
    name = quote(daemon.name) + (" --user" if user else "")
    if daemon.active == "failed" and not daemon.enabled.startswith("enabled"):  # what a timer starts comes again
        return Finding("units", "degraded", f"the last run of {daemon.name} failed", f"qctl daemon logs {name}")
    if daemon.active == "failed":
        said = f" ({daemon.said})" if daemon.said else ""
        return Finding("units", "down", f"{daemon.name} has failed and stays away{said}", f"qctl daemon logs {name}")
    if daemon.active == "activating" and daemon.restarts >= AGAIN:
        again = f"{daemon.name} does not come up: it was started {daemon.restarts} times again"
        return Finding("units", "down", again, f"qctl daemon logs {name}")
    if daemon.active == "inactive" and daemon.enabled.startswith("enabled"):
        held = f"{daemon.name} starts with the machine, and does not run now: somebody stopped it"
        return Finding("units", "degraded", held, f"qctl daemon start {name}")
    return None


def _switched_off(settings: Settings) -> set[str]:
    """Daemons that end at once, as they should: a setting says so."""
    wanted = {
        "mqtt-bridge": settings.mqtt_enabled,
        "socket-batcher": settings.socket_enabled,
        "gateway": settings.gateway_enabled and settings.cache_enabled,
    }
    return {name for name, on in wanted.items() if not on}
