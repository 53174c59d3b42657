"""Requests to other systems by HTTP: only to hosts of QCTL_ALLOWED_HOSTS, following nothing, within limits.

Where a request may go is decided by the settings alone, whatever the payload, the answer before, or a redirect says;
so nobody makes this host ask the services beside it. No proxy of the environment is used.
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

STILL = 15.0
"""Seconds without a byte after which the other side is given up."""

LATER = {408, 425, 429}
"""Statuses below 500 by which a server says: later."""

_REFUSED = (http.client.HTTPException, OSError)


class PartnerUnavailableError(QctlError):
    """Another system does not answer, or not now. Another try is worth it; it holds no queue, as it is one of many."""


@dataclass(frozen=True)
class Request:
    """What is asked. `most` bytes of an answer are read, within `seconds`."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    most: int = 65_536
    seconds: float = 60.0


def send(request: Request, hosts: tuple[str, ...]) -> bytes:
    """The body of the answer, which was a success.

    Raises RejectedError where the URL may not be asked or the server says no, PartnerUnavailableError where another
    try is worth it.
    """
    parts = _checked(request.url, hosts)
    where = redact_url(f"{parts.scheme}://{parts.netloc}")
    until = time.monotonic() + request.seconds
    connection = _connection(parts, min(STILL, request.seconds))
    try:
        target = parts.path or "/"
        target += f"?{parts.query}" if parts.query else ""
        headers = {"Accept-Encoding": "identity", "User-Agent": "qctl", "Connection": "close", **request.headers}
        connection.request(request.method, target, request.body, headers)
        answer = connection.getresponse()
        log.debug("%s of something at %s: %d", request.method, where, answer.status)
        _check_status(answer.status, where)
        return _read(answer, request.most, until, where)
    except http.client.InvalidURL as error:
        raise RejectedError(f"it is no URL: {request.url!r:.200}") from error
    except ssl.SSLCertVerificationError as error:
        raise RejectedError(f"{where} cannot be trusted: {error.verify_message}") from error
    except _REFUSED as error:
        raise PartnerUnavailableError(f"{where} does not answer: {error or type(error).__name__}") from error
    finally:
        connection.close()


def allowed(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether a URL may be asked."""
    try:
        _checked(url, hosts)
    except RejectedError:
        return False
    return True


def _checked(url: str, hosts: tuple[str, ...]) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RejectedError(f"it is no URL: {url!r:.200}") from None
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc or not url.isascii():
        raise RejectedError(f"it is no URL of http or https without a password: {redact_url(url)!r:.200}")
    if any(ord(c) <= 32 or ord(c) == 127 or c == "\\" for c in url):
        raise RejectedError(f"it is no URL: {url!r:.200}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    names = {f"{host}:{port or PORTS[parts.scheme]}"}
    if port in (None, PORTS[parts.scheme]):
        names.add(host)
    if not names & set(hosts):
        raise RejectedError(f"its host is not in QCTL_ALLOWED_HOSTS: {parts.netloc!r:.200}")
    return parts


def _connection(parts: SplitResult, timeout: float) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=timeout)


def _check_status(status: int, where: str) -> None:
    if 200 <= status < 300:
        return
    if status >= 500 or status in LATER:
        raise PartnerUnavailableError(f"{where} answers {status}")
    if 300 <= status < 400:
        raise RejectedError(f"{where} sends elsewhere ({status}), which is not followed")
    raise RejectedError(f"{where} answers {status}")


def _read(answer: http.client.HTTPResponse, most: int, until: float, where: str) -> bytes:
    if answer.getheader("Content-Encoding", "identity").lower() != "identity":
        raise RejectedError(f"{where} answers in an encoding that it was not asked for")
    read = bytearray()
    while block := answer.read1(65_536):
        read += block
        if len(read) > most:
            raise RejectedError(f"{where} answers with more than {most} bytes")
        if time.monotonic() > until:
            raise PartnerUnavailableError(f"{where} answers too slowly")
    if answer.length:
        raise PartnerUnavailableError(f"{where} hung up before the end of its answer")
    return bytes(read)
