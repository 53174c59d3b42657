"""Sends mails: by SMTP if SMTP_HOST is set, else to a file in QCTL_HOME/outbox.

A mail is deferred after a 4xx reply (`jobs/email.py` has the schedule), and rejected after a 5xx reply. If the server
is down, the queue is paused; if it rejects the credentials, the queue is paused until a person acts.
"""

from __future__ import annotations

import logging
import os
import re
import smtplib
import ssl
import time
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

from qctl.errors import QctlError, RejectedError, SinkMisconfiguredError, SinkUnavailableError
from qctl.settings import Settings

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20.0
"""Time (s) to wait for each reply of the server."""

_WAIT = re.compile(r"\b(\d{1,5}) ?(s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?)\b", re.IGNORECASE)


class MailDeferredError(QctlError):
    """The server does not accept this mail now (4xx): it is busy, or it greylists the sender. A later try may succeed.

    `retry_after` is the time (s) that its reply names, None if it names none.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def send(mail: EmailMessage, settings: Settings) -> str:
    """Send a mail. Returns the server or the file.

    Once the server has taken the mail, nothing raises an error, because the mail would be sent again. Raises
    RejectedError, MailDeferredError, SinkUnavailableError or SinkMisconfiguredError.
    """
    if settings.smtp_host is None:
        return str(_write_file(mail, settings.home / "outbox"))
    began = time.monotonic()
    server: smtplib.SMTP | None = None
    is_content_sent = False
    try:
        server = _connect(settings)
        server.ehlo_or_helo_if_needed()
        is_content_sent = True
        server.send_message(mail)
    except smtplib.SMTPException as error:
        raise _translate(error, is_content_sent=is_content_sent) from error
    except ssl.SSLError as error:
        raise SinkMisconfiguredError(f"SMTP at {settings.smtp_host}: TLS failed: {error.reason}") from error
    except OSError as error:
        if is_content_sent:
            raise MailDeferredError(f"SMTP at {settings.smtp_host} does not answer: {error}") from error
        raise SinkUnavailableError(f"SMTP at {settings.smtp_host} does not answer: {error}") from error
    finally:
        _quit(server)
    log.debug(
        "SMTP at %s:%d accepted a mail in %.1f s", settings.smtp_host, settings.smtp_port, time.monotonic() - began
    )
    return f"{settings.smtp_host}:{settings.smtp_port}"


def _quit(server: smtplib.SMTP | None) -> None:
    """End the session. Its last reply changes nothing."""
    if server is not None:
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
        server.close()


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


def _translate(error: smtplib.SMTPException, *, is_content_sent: bool) -> QctlError:
    """Translate smtplib's errors. If the connection ends after the mail's transaction began, the server may have taken
    the mail: it is tried again a limited number of times, with the same Message-ID."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return _error_for(code, text)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        reply = _reply_text(error.smtp_code, error.smtp_error)
        if 400 <= error.smtp_code < 500:
            return MailDeferredError(f"SMTP is too busy to log in: {reply}", _named_wait(reply))
        return SinkMisconfiguredError(f"SMTP rejects the user: {reply}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        if is_content_sent:
            return RejectedError("SMTP server does not support this address (SMTPUTF8)")
        return SinkMisconfiguredError(f"SMTP: {error}")
    if isinstance(error, smtplib.SMTPServerDisconnected):
        ended = f"SMTP closed the connection: {error}"
        return MailDeferredError(ended) if is_content_sent else SinkUnavailableError(ended)
    if isinstance(error, smtplib.SMTPConnectError):
        return SinkUnavailableError(f"SMTP accepts no connections: {_reply_text(error.smtp_code, error.smtp_error)}")
    if isinstance(error, smtplib.SMTPResponseException):
        return _error_for(error.smtp_code, error.smtp_error)
    return MailDeferredError(f"SMTP: {error}")


def _error_for(code: int, text: bytes | str) -> QctlError:
    reply = _reply_text(code, text)
    if code == 421:
        return SinkUnavailableError(f"SMTP is shutting down: {reply}")
    if 500 <= code < 600:
        return RejectedError(f"SMTP rejects the mail: {reply}")
    return MailDeferredError(f"SMTP does not accept the mail now: {reply}", _named_wait(reply))


def _named_wait(reply: str) -> float | None:
    """The time (s) that a reply names, as greylisting servers do: `try again in 300 seconds`, `in 5 minutes`."""
    named = _WAIT.search(reply)
    return int(named[1]) * (60 if named[2].lower().startswith("m") else 1) if named else None


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
            out.write(mail.as_bytes())
            out.flush()
            os.fsync(out.fileno())
        partial.replace(file)
    except OSError as error:
        raise SinkUnavailableError(f"cannot write to {outbox}: {error.strerror}") from error
    return file
