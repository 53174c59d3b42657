"""Alert rules that every site has. They are silent until the table [default] of the rules file names a channel."""

from __future__ import annotations

from dataclasses import replace

from qctl.models import AlertRule, Thresholds

REPEAT_SECONDS = 4 * 3600.0

_FLOW = (
    *("redis", "writes", "memory", "eviction", "data", "errors", "dead letters", "late", "stalled", "growing"),
    *("workers", "stuck job", "schedule", "quarantine", "sink", "buffer", "session", "broker drops", "deferred"),
)
"""Health checks that mean that jobs or data do not flow."""

RULES: tuple[AlertRule, ...] = (
    AlertRule("silent-sources", (), Thresholds(), 0.0, REPEAT_SECONDS, health=("source", "scheduler"), is_default=True),
    AlertRule("health", (), Thresholds(), 60.0, REPEAT_SECONDS, health=_FLOW, severity="error", is_default=True),
    AlertRule("quiet-topics", (), Thresholds(), 0.0, REPEAT_SECONDS, topics=("*",), is_default=True),
    AlertRule("new-causes", (), Thresholds(), 0.0, 0.0, causes=("*",), is_default=True),
)
"""A source that hangs, stopped or runs twice; whatever the health check calls an error; topics that are quiet for
longer than usual; causes that are new or grow, each told once."""


def with_channels(
    email: tuple[str, ...] = (), webhooks: tuple[str, ...] = (), command: tuple[str, ...] = ()
) -> list[AlertRule]:
    """Return the default rules with these channels."""
    return [replace(rule, email=email, webhooks=webhooks, command=command) for rule in RULES]
