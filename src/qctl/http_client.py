"""HTTP requests to other systems: only to hosts in QCTL_ALLOWED_HOSTS, without redirects, within limits.

Only the settings decide which hosts are allowed, regardless of payloads, earlier responses and redirects, so that no
user can make this host send requests to internal services. Proxies from the environment are not used.
"""

from __future__ import annotations

import http.client
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from qctl.errors import QctlError, RejectedError
from qctl.safe import redact_url

log = logging.getLogger(__name__)

PORTS = {"http": 80, "https": 443}

SILENCE_SECONDS = 15.0
"""Time without a byte after which a request is given up."""

RETRYABLE_STATUSES = {408, 425, 429}
"""Statuses below 500 that ask for another attempt later."""

GONE_STATUSES = {404, 410}

BLOCK_BYTES = 65_536


class PartnerUnavailableError(QctlError):
    """Another system does not answer, or not now. Only the job is retried: the system is one of many, so that its queue
    is not paused."""


class ResourceGoneError(RejectedError):
    """The server does not know the URL (404), or no longer (410)."""


@dataclass(frozen=True)
class Request:
    """A request. The response may have `max_bytes`, and must be complete within `timeout_seconds`."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    max_bytes: int = 65_536
    timeout_seconds: float = 60.0


def send(request: Request, hosts: tuple[str, ...]) -> bytes:
    """Send a request and return the body of its successful response.

    Raises RejectedError if the URL is not allowed or the server refuses, PartnerUnavailableError if another attempt may
    succeed.
    """
    parts = _validated(request.url, hosts)
    server = redact_url(f"{parts.scheme}://{parts.netloc}")
    deadline = time.monotonic() + request.timeout_seconds
    connection = _connection(parts, min(SILENCE_SECONDS, request.timeout_seconds))
    try:
        target = parts.path or "/"
        target += f"?{parts.query}" if parts.query else ""
        headers = {"Accept-Encoding": "identity", "User-Agent": "qctl", "Connection": "close", **request.headers}
        connection.request(request.method, target, request.body, headers)
        with connection.getresponse() as response:
            log.debug("request sent: method=%s server=%s status=%d", request.method, server, response.status)
            _check_status(response.status, server)
            return _read(response, request.max_bytes, deadline, server)
    except http.client.InvalidURL as error:
        raise RejectedError(f"invalid URL: {request.url!r:.200}") from error
    except ssl.SSLCertVerificationError as error:
        raise RejectedError(f"certificate of {server} is not valid: {error.verify_message}") from error
    except (http.client.HTTPException, OSError) as error:
        raise PartnerUnavailableError(f"{server} does not answer: {error or type(error).__name__}") from error
    finally:
        connection.close()


def is_allowed(url: str, hosts: tuple[str, ...]) -> bool:
    """Check whether requests to a URL are allowed."""
    try:
        _validated(url, hosts)
    except RejectedError:
        return False
    return True


def _validated(url: str, hosts: tuple[str, ...]) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RejectedError(f"invalid URL: {url!r:.200}") from None
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc or not url.isascii():
        raise RejectedError(f"URL is not http or https, or has a password: {redact_url(url)!r:.200}")
    if any(ord(c) <= 32 or ord(c) == 127 or c == "\\" for c in url):
        raise RejectedError(f"invalid URL: {url!r:.200}")
    if not _names(parts.hostname, port, PORTS[parts.scheme]) & set(hosts):
        raise RejectedError(f"host {parts.netloc!r:.200} is not in QCTL_ALLOWED_HOSTS")
    return parts


def _names(hostname: str, port: int | None, standard_port: int) -> set[str]:
    """The names by which QCTL_ALLOWED_HOSTS may allow a host and port: its own, and `*.` with the end of its own."""
    labels = hostname.split(".")
    hosts = (
        {f"[{hostname}]"}
        if ":" in hostname
        else {hostname, *("*." + ".".join(labels[n:]) for n in range(1, len(labels)))}
    )
    names = {f"{host}:{port or standard_port}" for host in hosts}
    return names | hosts if port in (None, standard_port) else names


def _connection(parts: SplitResult, timeout: float) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=timeout)


def _check_status(status: int, server: str) -> None:
    if 200 <= status < 300:
        return
    if status >= 500 or status in RETRYABLE_STATUSES:
        raise PartnerUnavailableError(f"{server} answers {status}")
    if 300 <= status < 400:
        raise RejectedError(f"{server} redirects ({status}), and redirects are not followed")
    if status in GONE_STATUSES:
        raise ResourceGoneError(f"{server} answers {status}")
    raise RejectedError(f"{server} answers {status}")


def _read(response: http.client.HTTPResponse, max_bytes: int, deadline: float, server: str) -> bytes:
    if response.getheader("Content-Encoding", "identity").lower() != "identity":
        raise RejectedError(f"{server} answers in an encoding that was not requested")
    body = bytearray()
    while block := response.read1(BLOCK_BYTES):
        body += block
        if len(body) > max_bytes:
            raise RejectedError(f"{server} answers with more than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise PartnerUnavailableError(f"{server} answers too slowly")
    if response.length:
        raise PartnerUnavailableError(f"{server} closed the connection before the end of its response")
    return bytes(body)
