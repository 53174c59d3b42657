"""Findings about systemd's units of qctl, each with its meaning and its fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote

from qctl.errors import QctlError
from qctl.models import Daemon, Finding
from qctl.settings import Settings
from qctl.systemd import Systemd

FAILING_RESTARTS = 3
"""Number of restarts after which a starting daemon counts as failing."""


def check_units(settings: Settings) -> Iterator[Finding]:
    """Check the units of this machine and of this user. No findings if there are none, or no systemd."""
    for user in (False, True):
        try:
            daemons = Systemd(user=user).list()
        except QctlError:
            continue
        yield from check_daemons(settings, daemons, user=user)


def check_daemons(settings: Settings, daemons: Sequence[Daemon], *, user: bool = False) -> Iterator[Finding]:
    """Return the problems of these daemons; one finding says so if there are none."""
    disabled = _disabled(settings)
    problems = [problem for daemon in daemons if daemon.name not in disabled and (problem := _problem(daemon, user))]
    yield from problems
    running = sum(daemon.active == "active" for daemon in daemons)
    if daemons and not problems:
        yield Finding("units", "ok", f"{running} units {'of this user ' if user else ''}run")


def _problem(daemon: Daemon, user: bool) -> Finding | None:
    name = quote(daemon.name) + (" --user" if user else "")
    if daemon.active == "failed" and not daemon.enabled.startswith("enabled"):  # a timer starts it again
        return Finding("units", "degraded", f"the last run of {daemon.name} failed", f"qctl daemon logs {name}")
    if daemon.active == "failed":
        said = f" ({daemon.said})" if daemon.said else ""
        return Finding(
            "units", "down", f"{daemon.name} has failed and is not restarted{said}", f"qctl daemon logs {name}"
        )
    if daemon.active == "activating" and daemon.restarts >= FAILING_RESTARTS:
        reason = f"{daemon.name} does not start: it was restarted {daemon.restarts} times"
        return Finding("units", "down", reason, f"qctl daemon logs {name}")
    if daemon.active == "inactive" and daemon.enabled.startswith("enabled"):
        reason = f"{daemon.name} is enabled but not running: somebody stopped it"
        return Finding("units", "degraded", reason, f"qctl daemon start {name}")
    return None


def _disabled(settings: Settings) -> set[str]:
    """Daemons that a setting disables: they exit immediately."""
    enabled = {
        "mqtt-bridge": settings.mqtt_enabled,
        "socket-batcher": settings.socket_enabled,
        "gateway": settings.gateway_enabled and settings.cache_enabled,
    }
    return {name for name, on in enabled.items() if not on}
