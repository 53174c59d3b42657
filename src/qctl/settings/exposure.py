"""Servers that other machines can reach, and their protection."""

from __future__ import annotations

from collections.abc import Iterator

from qctl.models import Finding
from qctl.settings import Settings
from qctl.settings.parsers import is_loopback


def check_exposure(settings: Settings) -> Iterator[Finding]:
    """Report each server that others can reach, and its protection."""
    if settings.gateway_enabled and settings.allows_weak_passwords:
        reason = "users may have common passwords of 8 characters: QCTL_WEAK_PASSWORDS"
        yield Finding("exposure", "degraded", reason, "set QCTL_WEAK_PASSWORDS=false before others reach the gateway")
    if settings.gateway_enabled and not is_loopback(settings.gateway_host):
        proxies = ", ".join(settings.trusted_proxies)
        where = f"the gateway listens on {settings.gateway_host}, sign-up {settings.signup_mode}"
        if settings.signup_mode == "open":
            fix = "set QCTL_SIGNUP=invite, and make invitations with: qctl user invite"
            yield Finding("exposure", "degraded", f"{where}: anybody who reaches it becomes a user", fix)
        elif not proxies:
            fix = "put a proxy with TLS before it and name it in QCTL_TRUSTED_PROXIES"
            yield Finding("exposure", "degraded", f"{where}, no proxy in QCTL_TRUSTED_PROXIES: no TLS", fix)
        else:
            yield Finding("exposure", "ok", f"{where}, behind {proxies}")
    if settings.socket_enabled and not is_loopback(settings.socket_host):
        where = f"the socket batcher listens on {settings.socket_host}"
        if settings.socket_token or settings.secret_key:
            yield Finding("exposure", "ok", f"{where}, clients need a token")
        else:
            fix = "set SOCKET_TOKEN to the output of: openssl rand -hex 32"
            yield Finding("exposure", "degraded", f"{where}: anybody who reaches it may send messages", fix)
