"""The ways that a notice goes out: a mail by the queue `email`, a web hook, a command. Each raises QctlError."""

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
from qctl.ops.alert_rules import may_call
from qctl.safe import escape_line
from qctl.service import QueueService
from qctl.settings import Settings

MAIL_JOB = "alert-email"
"""The catalog's job that sends a notice as a mail."""

WEBHOOK_TIMEOUT = 10.0
"""Seconds that a web hook has to answer."""

COMMAND_TIMEOUT = 30.0
"""Seconds that a command may run."""

MOST_ERRORS = 10_000
"""Bytes of what a command says went wrong that are read."""

PASSED_ON = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ")
"""What a command gets of our environment: passwords may stand in the rest."""


def document(notice: Notice) -> dict[str, Any]:
    """A notice for programs. `text` is what most chat systems show of a web hook."""
    return {
        "schema": "qctl.alert/1",
        "text": notice.subject,
        "rule": notice.rule,
        "queue": escape_line(notice.queue),
        "level": notice.level.name,
        "resolved": notice.level == 0,
        "test": notice.test,
        "since": _time(notice.since),
        "at": _time(notice.at),
        "words": notice.words,
        "host": notice.host,
    }


def mail(notice: Notice, to: str, settings: Settings) -> None:
    """Enqueue a mail. The same notice to the same address is one mail, however often it is tried."""
    unique = hashlib.sha256(f"{notice.key}|{to}".encode(errors="replace")).hexdigest()
    lines = [
        notice.words,
        "",
        f"since {_time(notice.since)}, by the rule {notice.rule}, told by {notice.host}",
        f"look at it: qctl stats {quote(escape_line(notice.queue))}",
        f"keep quiet: qctl alert mute {quote(escape_line(notice.rule))} --for 2h",
    ]
    with QueueService(settings) as service:
        data = {"userEmail": to, "subject": notice.subject, "text": "\n".join(lines) + "\n"}
        service.enqueue(MAIL_JOB, data, unique=unique)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Where a hook leads, nobody has allowed."""


def webhook(notice: Notice, url: str, settings: Settings) -> None:
    """POST a notice as JSON, only to where QCTL_ALERT_WEBHOOKS allows. Redirects are not followed."""
    if not may_call(url, settings.alert_webhooks):
        raise QctlError("QCTL_ALERT_WEBHOOKS does not allow it")
    request = urllib.request.Request(  # noqa: S310 - the scheme is one that is allowed
        url,
        json.dumps(document(notice)).encode(),
        {"Content-Type": "application/json", "User-Agent": "qctl"},
        method="POST",
    )
    # No proxy of the environment, and no redirect, may lead it elsewhere.
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=WEBHOOK_TIMEOUT):
            pass
    except urllib.error.HTTPError as error:
        error.close()
        raise QctlError(f"it answers {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise QctlError(f"it cannot be reached: {getattr(error, 'reason', error)}") from error


def command(notice: Notice, words: tuple[str, ...]) -> None:
    """Run a command without a shell, the notice as JSON on its stdin and in QCTL_ALERT_... of its environment."""
    said = document(notice)
    env = {name: value for name, value in os.environ.items() if name in PASSED_ON}
    env |= {f"QCTL_ALERT_{name.upper()}": said[name] for name in ("rule", "queue", "level", "words", "text")}
    with tempfile.TemporaryFile() as errors:  # a pipe would wait for whatever the command left behind
        try:
            ran = subprocess.run(
                words,
                input=json.dumps(said).encode(),
                env=env,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                timeout=COMMAND_TIMEOUT,
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise QctlError(f"it ran longer than {COMMAND_TIMEOUT:.0f} s") from error
        except (OSError, ValueError) as error:
            raise QctlError(f"it cannot be run: {getattr(error, 'strerror', None) or error}") from error
        if ran.returncode:
            errors.seek(0)
            last = errors.read(MOST_ERRORS).decode(errors="replace").strip().rpartition("\n")[2]
            raise QctlError(f"it ended with {ran.returncode}{f': {last}' if last else ''}")


def _time(when: datetime) -> str:
    return f"{when.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
