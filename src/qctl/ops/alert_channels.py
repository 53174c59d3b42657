"""Channels of alerts: mail through the queue `email`, webhook, command. Each raises QctlError."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import urllib.error
import urllib.request
from datetime import datetime, timezone
from http.client import HTTPException
from shlex import quote
from typing import Any

from qctl.errors import QctlError
from qctl.models import Notice
from qctl.safe import escape_line
from qctl.service import QueueService
from qctl.settings import Settings
from qctl.settings.allowed_urls import is_allowed_url

MAIL_JOB = "alert-email"
"""Job of the catalog that sends the mail."""

WEBHOOK_TIMEOUT_SECONDS = 10.0

COMMAND_TIMEOUT_SECONDS = 30.0

MAX_STDERR_BYTES = 10_000
"""Limit of the error output of a command that is read."""

INHERITED_VARIABLES = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ")
"""Environment variables that a command inherits; others may contain passwords."""


def notice_document(notice: Notice) -> dict[str, Any]:
    """Build the JSON document of a notice. `text` is the field that most chat systems show."""
    return {
        "schema": "qctl.alert/1",
        "text": notice.subject,
        "rule": notice.rule,
        "queue": escape_line(notice.queue),
        "check": escape_line(notice.check) or None,
        "level": notice.level.name,
        "resolved": notice.level == 0,
        "test": notice.test,
        "since": _time(notice.since),
        "at": _time(notice.at),
        "words": notice.words,
        "host": notice.host,
    }


def send_mail(notice: Notice, to: str, settings: Settings) -> None:
    """Enqueue a mail. Repeated attempts for the same notice and address make one mail."""
    unique = hashlib.sha256(f"{notice.key}|{to}".encode(errors="replace")).hexdigest()
    lines = [
        notice.words,
        "",
        f"since {_time(notice.since)}, rule {notice.rule}, sent by {notice.host}",
        "show it: qctl health" if notice.check else f"show the queue: qctl stats {quote(escape_line(notice.queue))}",
        f"mute the rule: qctl alert mute {quote(escape_line(notice.rule))} --for 2h",
    ]
    with QueueService(settings) as service:
        data = {"userEmail": to, "subject": notice.subject, "text": "\n".join(lines) + "\n"}
        service.enqueue(MAIL_JOB, data, unique=unique)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Refuse: the target of a redirect is not allowed by QCTL_ALERT_WEBHOOKS."""


def post_webhook(notice: Notice, url: str, settings: Settings) -> None:
    """POST a notice as JSON to a URL that QCTL_ALERT_WEBHOOKS allows. Redirects are not followed."""
    if not is_allowed_url(url, settings.alert_webhooks):
        raise QctlError("QCTL_ALERT_WEBHOOKS does not allow this URL")
    request = urllib.request.Request(  # noqa: S310 - the scheme is one that is allowed
        url,
        json.dumps(notice_document(notice)).encode(),
        {"Content-Type": "application/json", "User-Agent": "qctl"},
        method="POST",
    )
    # Neither a proxy of the environment nor a redirect may change the target.
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=WEBHOOK_TIMEOUT_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        error.close()
        raise QctlError(f"HTTP status {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise QctlError(f"cannot be reached: {getattr(error, 'reason', error)}") from error


def run_command(notice: Notice, words: tuple[str, ...]) -> None:
    """Run a command without a shell; it gets the notice as JSON on stdin and as QCTL_ALERT_... in its environment."""
    document = notice_document(notice)
    env = {name: value for name, value in os.environ.items() if name in INHERITED_VARIABLES}
    env |= {f"QCTL_ALERT_{name.upper()}": document[name] for name in ("rule", "queue", "level", "words", "text")}
    with tempfile.TemporaryFile() as errors:  # a pipe would wait for processes that the command leaves behind
        try:
            ran = subprocess.run(
                words,
                input=json.dumps(document).encode(),
                env=env,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                timeout=COMMAND_TIMEOUT_SECONDS,
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise QctlError(f"ran longer than {COMMAND_TIMEOUT_SECONDS:.0f} s") from error
        except (OSError, ValueError) as error:
            raise QctlError(f"cannot be run: {getattr(error, 'strerror', None) or error}") from error
        if ran.returncode:
            errors.seek(0)
            last_line = errors.read(MAX_STDERR_BYTES).decode(errors="replace").strip().rpartition("\n")[2]
            raise QctlError(f"exit code {ran.returncode}{f': {last_line}' if last_line else ''}")


def _time(when: datetime) -> str:
    return f"{when.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
