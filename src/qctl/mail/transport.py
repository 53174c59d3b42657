"""Sends mails: by SMTP if SMTP_HOST is set, else to a file in QCTL_HOME/outbox.

A mail is retried after a 4xx reply, and rejected after a 5xx reply. If the server is down, the queue is paused; if it
rejects the credentials, the queue is paused until a person acts.
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

TIMEOUT_SECONDS = 20.0
"""Time (s) to wait for each reply of the server."""


class MailDeferredError(QctlError):
    """The server does not accept this mail now (4xx). A retry may succeed."""


def send(mail: EmailMessage, settings: Settings) -> str:
    """Send a mail. Returns the server or the file.

    Raises RejectedError, MailDeferredError, SinkUnavailableError or SinkMisconfiguredError.
    """
    if settings.smtp_host is None:
        return str(_write_file(mail, settings.home / "outbox"))
    began = time.monotonic()
    try:
        with _connect(settings) as server:
            server.send_message(mail)
    except smtplib.SMTPException as error:
        raise _translate(error) from error
    except ssl.SSLError as error:
        raise SinkMisconfiguredError(f"SMTP at {settings.smtp_host}: TLS failed: {error.reason}") from error
    except OSError as error:
        raise SinkUnavailableError(f"SMTP at {settings.smtp_host} does not answer: {error}") from error
    log.debug(
        "SMTP at %s:%d accepted a mail in %.1f s", settings.smtp_host, settings.smtp_port, time.monotonic() - began
    )
    return f"{settings.smtp_host}:{settings.smtp_port}"


def _connect(settings: Settings) -> smtplib.SMTP:
    host, port = str(settings.smtp_host), settings.smtp_port
    context = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=context)
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password or "")
    except BaseException:
        server.close()
        raise
    return server


def _translate(error: smtplib.SMTPException) -> QctlError:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return _error_for(code, text)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return SinkMisconfiguredError(f"SMTP rejects the user: {_reply_text(error.smtp_code, error.smtp_error)}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return SinkMisconfiguredError(f"SMTP: {error}")
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return SinkUnavailableError(f"SMTP closed the connection: {error}")
    if isinstance(error, smtplib.SMTPConnectError):
        return SinkUnavailableError(f"SMTP accepts no connections: {_reply_text(error.smtp_code, error.smtp_error)}")
    if isinstance(error, smtplib.SMTPResponseException):
        return _error_for(error.smtp_code, error.smtp_error)
    return MailDeferredError(f"SMTP: {error}")


def _error_for(code: int, text: bytes | str) -> QctlError:
    if code == 421:
        return SinkUnavailableError(f"SMTP is shutting down: {_reply_text(code, text)}")
    if 500 <= code < 600:
        return RejectedError(f"SMTP rejects the mail: {_reply_text(code, text)}")
    return MailDeferredError(f"SMTP does not accept the mail now: {_reply_text(code, text)}")


def _reply_text(code: int, text: bytes | str) -> str:
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())}"[:200]


def _write_file(mail: EmailMessage, outbox: Path) -> Path:
    """Write a mail to a file, completely or not at all. A retry has the same Message-ID and replaces the file."""
    outbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = str(mail["Message-ID"]).strip("<>").partition("@")[0]
    file, partial = outbox / f"{name}.eml", outbox / f".{name}.{os.getpid()}"
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(bytes(mail))
            out.flush()
            os.fsync(out.fileno())
        partial.replace(file)
    except OSError as error:
        raise SinkUnavailableError(f"cannot write to {outbox}: {error.strerror}") from error
    return file
