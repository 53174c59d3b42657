"""Findings by which an alert rule fires: of the health check, of causes, and of silence."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from qctl.broker.redis.connection import Connection
from qctl.models import SEVERITY_ORDER, AlertRule, Finding, Level, QueueCheck, Stats
from qctl.ops import cause_checks, silence_checks
from qctl.ops.health import HealthOps
from qctl.settings import Settings

_LEVELS = {"critical": Level.CRITICAL, "error": Level.CRITICAL}
"""Levels of severities; those of others are warnings."""


class SiteFindings:
    """Findings by which rules fire, at the moment of a snapshot. The health is checked once for all rules.

    One who only looks writes nothing; the watch of a scheduler notes what is usual.
    """

    def __init__(self, connection: Connection, settings: Settings, stats: Stats, *, is_watch: bool = False) -> None:
        self._is_watch = is_watch
        self._redis = connection
        self._settings = settings
        self._stats = stats
        self._health: list[Finding] | None = None

    def check(self, rule: AlertRule) -> list[QueueCheck]:
        """Return the findings by which a rule fires, each with its level. None is that all is well."""
        checks: dict[str, QueueCheck] = {}
        for finding in self._findings(rule):
            label = f"{finding.check} {finding.subject}".strip()
            checks[label] = QueueCheck(label, _LEVELS.get(finding.severity, Level.WARNING), [], finding=finding)
        return list(checks.values())

    def _findings(self, rule: AlertRule) -> Iterator[Finding]:
        now = self._stats.at.timestamp()
        queues = [queue.name for queue in self._stats.queues]
        if rule.health:
            worst = SEVERITY_ORDER[: SEVERITY_ORDER.index(rule.severity) + 1]
            for finding in self._all_health():
                if finding.severity in worst and any(fnmatchcase(finding.check, name) for name in rule.health):
                    yield finding
        if rule.causes:
            chosen = [queue for queue in queues if any(fnmatchcase(queue, name) for name in rule.causes)]
            yield from cause_checks.check(self._redis, chosen, now)
        if rule.topics:
            yield from silence_checks.check_topics(self._redis, rule.topics, rule.silence, now)
        if rule.jobs:
            yield from silence_checks.check_jobs(
                self._redis, queues, rule.jobs, rule.silence, now, is_watch=self._is_watch
            )

    def _all_health(self) -> list[Finding]:
        """Return the findings of the health check but those of alerts, which would make alerts of alerts."""
        if self._health is None:
            findings = HealthOps(self._redis, self._settings).check(self._stats).findings
            self._health = [finding for finding in findings if finding.check != "alert"]
        return self._health
