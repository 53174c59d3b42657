"""Sending a mail: by SMTP where SMTP_HOST is set, else as a file in QCTL_HOME/outbox.

What the server says decides: a 4xx is worth another try, a 5xx is not, a server that is down holds the queue, and one
that refuses our credentials holds it until somebody acts.
"""

from __future__ import annotations

import logging
import os
import smtplib
import ssl
import time
from email.message import EmailMessage
from pathlib import Path

from qctl.errors import QctlError, RejectedError, SinkMisconfiguredError, SinkUnavailableError
from qctl.settings import Settings

log = logging.getLogger(__name__)

TIMEOUT = 20.0
"""Seconds to wait for the server, each time."""


class MailDeferredError(QctlError):
    """The server does not take this mail now (4xx). Another try is worth it."""


def send(mail: EmailMessage, settings: Settings) -> str:
    """Send a mail. Returns where it went.

    Raises RejectedError, MailDeferredError, SinkUnavailableError or SinkMisconfiguredError.
    """
    if settings.smtp_host is None:
        return str(_drop(mail, settings.home / "outbox"))
    began = time.monotonic()
    try:
        with _connected(settings) as server:
            server.send_message(mail)
    except smtplib.SMTPException as error:
        raise _meaning(error) from error
    except ssl.SSLError as error:
        raise SinkMisconfiguredError(f"SMTP at {settings.smtp_host}: TLS failed: {error.reason}") from error
    except OSError as error:
        raise SinkUnavailableError(f"SMTP at {settings.smtp_host} does not answer: {error}") from error
    log.debug("SMTP at %s:%d took a mail in %.1f s", settings.smtp_host, settings.smtp_port, time.monotonic() - began)
    return f"{settings.smtp_host}:{settings.smtp_port}"


def _connected(settings: Settings) -> smtplib.SMTP:
    host, port = str(settings.smtp_host), settings.smtp_port
    context = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=context)
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password or "")
    except BaseException:
        server.close()
        raise
    return server


def _meaning(error: smtplib.SMTPException) -> QctlError:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return _by_code(code, text)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return SinkMisconfiguredError(f"SMTP refuses the user: {_said(error.smtp_code, error.smtp_error)}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return SinkMisconfiguredError(f"SMTP: {error}")
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return SinkUnavailableError(f"SMTP hung up: {error}")
    if isinstance(error, smtplib.SMTPConnectError):
        return SinkUnavailableError(f"SMTP takes nobody: {_said(error.smtp_code, error.smtp_error)}")
    if isinstance(error, smtplib.SMTPResponseException):
        return _by_code(error.smtp_code, error.smtp_error)
    return MailDeferredError(f"SMTP: {error}")


def _by_code(code: int, text: bytes | str) -> QctlError:
    if code == 421:
        return SinkUnavailableError(f"SMTP closes: {_said(code, text)}")
    if 500 <= code < 600:
        return RejectedError(f"SMTP refuses the mail: {_said(code, text)}")
    return MailDeferredError(f"SMTP does not take the mail now: {_said(code, text)}")


def _said(code: int, text: bytes | str) -> str:
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())}"[:200]


def _drop(mail: EmailMessage, outbox: Path) -> Path:
    """Write a mail as a file, whole or not at all. The same Message-ID is the same file: a retry adds nothing."""
    outbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = str(mail["Message-ID"]).strip("<>").partition("@")[0]
    file, part = outbox / f"{name}.eml", outbox / f".{name}.{os.getpid()}"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(bytes(mail))
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    except OSError as error:
        raise SinkUnavailableError(f"cannot write to {outbox}: {error.strerror}") from error
    return file
