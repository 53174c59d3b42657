"""Alert rules and their state."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from qctl.models.checks import Check, Level, QueueCheck, Threshold, Thresholds
from qctl.models.health import Severity


@dataclass(frozen=True)
class Channel:
    """One way to send an alert: an email address, a URL, or the path of a program."""

    kind: Literal["email", "webhook", "command"]
    target: str

    @property
    def label(self) -> str:
        """Label that may be shown and stored: the path of a webhook is secret, so a digest replaces it."""
        if self.kind != "webhook":
            return f"{self.kind}:{self.target}"
        host = urlsplit(self.target).hostname or "?"
        return f"webhook:{host}#{hashlib.sha256(self.target.encode(errors='replace')).hexdigest()[:8]}"


@dataclass(frozen=True)
class AlertRule:
    """One rule of the file. `queues` are names or patterns; none means all queues.

    `hold` is the time that a threshold must be exceeded before the first alert, `repeat` the interval of further
    alerts, 0 for none; both in seconds. `email`, `webhooks` and `command` (a program with its arguments) are the
    channels.
    """

    name: str
    queues: tuple[str, ...]
    thresholds: Thresholds
    hold: float
    repeat: float
    email: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    """Names or patterns of health checks whose findings are alerts, from `severity` on."""
    severity: Severity = "warning"
    causes: tuple[str, ...] = ()
    """Queues, names or patterns, whose new or growing causes of dead letters are alerts."""
    topics: tuple[str, ...] = ()
    """Topics, names or patterns, that must not be silent for longer than `silence`, or than usual if that is None."""
    jobs: tuple[str, ...] = ()
    """Names of jobs of which a run must end within `silence`, or as usual if that is None."""
    silence: Threshold | None = None
    is_default: bool = False
    """True for a rule that every site has without writing it."""

    @property
    def has_findings(self) -> bool:
        """True if findings are its alerts, and not thresholds of queues."""
        return bool(self.health or self.causes or self.topics or self.jobs)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """All channels of the rule."""
        return (
            *(Channel("email", to) for to in self.email),
            *(Channel("webhook", url) for url in self.webhooks),
            *((Channel("command", self.command[0]),) if self.command else ()),
        )


@dataclass(frozen=True)
class Firing:
    """A queue that exceeds a rule's thresholds, or the subject of a finding, whose check is `check`. `notified` has the
    time and the level of the last alert by channel label."""

    queue: str
    level: Level
    since: datetime
    notified: Mapping[str, tuple[datetime, Level]] = field(default_factory=dict)
    check: str = ""


@dataclass(frozen=True)
class Mute:
    """A muted rule. `until` is None if it stays muted until it is unmuted."""

    by: str
    at: datetime
    until: datetime | None
    reason: str


@dataclass(frozen=True)
class Alert:
    """The current state of a rule: the checks of its queues, the firing ones, and its mute."""

    rule: AlertRule
    queues: Sequence[QueueCheck]
    firing: Sequence[Firing]
    mute: Mute | None

    @property
    def level(self) -> Level:
        """Level of the worst queue or finding."""
        return Level.OK if self.rule.has_findings and not self.queues else Check.of(self.queues).level


@dataclass(frozen=True)
class Notice:
    """Content of an alert: a queue exceeds a rule's thresholds, or has recovered (level OK).

    `words` give the reason in one escaped line. Repeated deliveries of one notice have the same `key`.
    """

    rule: str
    queue: str
    level: Level
    since: datetime
    at: datetime
    words: str
    host: str
    key: str
    test: bool = False
    check: str = ""
    """Check of the finding that it is about, empty if it is about a queue."""

    @property
    def subject(self) -> str:
        """Subject line."""
        status = "RESOLVED" if self.level == Level.OK else self.level.name
        return f"[qctl] {'TEST ' if self.test else ''}{status} {self.rule}: {self.words}"


@dataclass(frozen=True)
class Delivery:
    """Result of sending a notice through one channel; `problem` is the reason of a failure."""

    channel: str
    sent: bool
    problem: str = ""
