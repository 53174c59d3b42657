"""URLs that QCTL_ALERT_WEBHOOKS allows: for alerts, and for webhooks of jobs."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_allowed_url(url: str, allowed: tuple[str, ...]) -> bool:
    """Return True if a URL equals an allowed one or lies below it: same scheme, host and port, and its path."""
    try:
        parts = urlsplit(url)
        wanted = (parts.scheme, parts.hostname, parts.port)
    except ValueError:
        return False
    if "@" in parts.netloc or ".." in parts.path.split("/") or not url.isprintable() or " " in url:
        return False
    for base in map(urlsplit, allowed):
        below = parts.path == base.path or parts.path.startswith(base.path.rstrip("/") + "/")
        if wanted == (base.scheme, base.hostname, base.port) and below:
            return True
    return False
