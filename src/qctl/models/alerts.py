"""Alerts: the rules, and what became of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from qctl.models.checks import Check, Level, QueueCheck, Thresholds


@dataclass(frozen=True)
class Channel:
    """One way to tell somebody: an address, a URL, the path of a program."""

    kind: Literal["email", "webhook", "command"]
    target: str

    @property
    def label(self) -> str:
        """What may be shown and kept of it: the path of a web hook is a secret, so a digest tells it from others."""
        if self.kind != "webhook":
            return f"{self.kind}:{self.target}"
        host = urlsplit(self.target).hostname or "?"
        return f"webhook:{host}#{hashlib.sha256(self.target.encode(errors='replace')).hexdigest()[:8]}"


@dataclass(frozen=True)
class AlertRule:
    """One rule of the file. `queues` are names or patterns, all queues where there is none.

    `hold` is how long a queue must be bad before anybody is told, `repeat` how long until they are told again while it
    stays so, 0 never; both in seconds. The rest says who is told: addresses, URLs, and a command with its arguments.
    """

    name: str
    queues: tuple[str, ...]
    thresholds: Thresholds
    hold: float
    repeat: float
    email: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Who is told."""
        return (
            *(Channel("email", to) for to in self.email),
            *(Channel("webhook", url) for url in self.webhooks),
            *((Channel("command", self.command[0]),) if self.command else ()),
        )


@dataclass(frozen=True)
class Firing:
    """A queue that is bad by a rule: how bad, since when, and when each channel, by its label, was told of how bad."""

    queue: str
    level: Level
    since: datetime
    notified: Mapping[str, tuple[datetime, Level]] = field(default_factory=dict)


@dataclass(frozen=True)
class Mute:
    """A rule of which nobody is told. `until` is None where somebody has to end it."""

    by: str
    at: datetime
    until: datetime | None
    reason: str


@dataclass(frozen=True)
class Alert:
    """A rule as it stands now: the queues that it looks at, those of them that it holds for bad, and who muted it."""

    rule: AlertRule
    queues: Sequence[QueueCheck]
    firing: Sequence[Firing]
    mute: Mute | None

    @property
    def level(self) -> Level:
        """How bad the worst of its queues is."""
        return Check.of(self.queues).level


@dataclass(frozen=True)
class Notice:
    """What somebody is told: that a queue is bad by a rule, or well again (level OK).

    `words` say why, in one inert line. The same `key` is the same notice, however often it is sent.
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

    @property
    def subject(self) -> str:
        """One line."""
        what = "RESOLVED" if self.level == Level.OK else self.level.name
        return f"[qctl] {'TEST ' if self.test else ''}{what} {self.rule}: {self.words}"


@dataclass(frozen=True)
class Delivery:
    """Whether a notice went out by one channel; `problem` says why not."""

    channel: str
    sent: bool
    problem: str = ""
