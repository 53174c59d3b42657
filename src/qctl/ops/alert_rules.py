"""Alert rules: a TOML file of [[alert]] tables. An invalid rule makes the whole file invalid.

[[alert]]
name = "email-late"
queues = ["email"]              # names or patterns, each with its lanes; default: all queues
max-age = "60s:300s"            # the thresholds of `qctl check`, WARNING:CRITICAL
min-workers = "1"
for = "1m"                      # time that a threshold must be exceeded before the first alert
repeat = "4h"                   # interval of further alerts; "0s": none
email = ["ops@example.com"]     # sent through the queue email
webhook = ["https://hooks.example/team/1"]    # below a URL of QCTL_ALERT_WEBHOOKS
command = ["/usr/local/bin/page", "on-call"]  # run without a shell, with the notice as JSON on stdin

In place of thresholds of queues a rule may have:

health = ["source", "stuck job"]   # findings of `qctl health` of these checks, from severity = "warning" on
causes = ["*"]                     # queues whose new or growing causes of dead letters are told, once each
topics = ["sensors/hall/*"]        # topics without messages for max-silence = "10m", or for longer than usual
jobs = ["send-invoice"]            # jobs without a run within two days for max-silence = "1d", or than usual

The table [default] has channels for the rules that every site has: email, webhook, command; or rules = false.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from qctl import durations, thresholds, toml
from qctl.errors import SettingsError, UsageError, did_you_mean
from qctl.models import SEVERITY_ORDER, AlertRule, Severity, Threshold, Thresholds
from qctl.ops import default_alerts
from qctl.settings.allowed_urls import is_allowed_url

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)

DEFAULT_REPEAT = "4h"
"""Interval of further alerts, for a rule without `repeat`."""

MAX_JOB_SILENCE_SECONDS = 47 * 3600.0
"""Longest silence of a job that counts of two days show."""

_THRESHOLDS: Mapping[str, tuple[str, Callable[[str, str], Threshold]]] = {
    "max-age": ("age", thresholds.parse_age),
    "max-depth": ("depth", thresholds.parse_count),
    "max-dead": ("dead", thresholds.parse_count),
    "max-errors": ("errors", thresholds.parse_share),
    "min-workers": ("workers", thresholds.parse_minimum),
}
_FINDINGS = ("health", "causes", "topics", "jobs")
_CHANNELS = ("email", "webhook", "command")
_KEYS = ("name", "queues", *_THRESHOLDS, *_FINDINGS, "severity", "max-silence", "for", "repeat", *_CHANNELS)


def load(file: Path, webhooks: tuple[str, ...] = ()) -> list[AlertRule]:
    """Read the rules of a file; a missing file has none. `webhooks` are the URLs that QCTL_ALERT_WEBHOOKS allows.

    Raises SettingsError that names the file, the rule and the invalid part; also for a file that breaks the ownership
    rule.
    """
    return _own_rules(file, _read(file), webhooks)


def load_with_defaults(file: Path, webhooks: tuple[str, ...] = ()) -> list[AlertRule]:
    """Read the rules of a file as `load`, after the default rules that it does not replace by a rule of their name."""
    document = _read(file)
    rules = _own_rules(file, document, webhooks)
    names = {rule.name for rule in rules}
    return [*(rule for rule in _default_rules(file, document, webhooks) if rule.name not in names), *rules]


def _read(file: Path) -> Mapping[str, Any]:
    document = toml.read_toml(file)
    unknown = sorted(document.keys() - {"alert", "default"})
    if unknown:
        raise SettingsError(str(file), f"unknown entry {unknown[0]!r}", "write tables [[alert]] and [default]")
    return document


def _default_rules(file: Path, document: Mapping[str, Any], webhooks: tuple[str, ...]) -> list[AlertRule]:
    table = document.get("default", {})
    if not isinstance(table, dict) or table.keys() - {*_CHANNELS, "rules"}:
        raise SettingsError(str(file), "[default] has entries other than email, webhook, command and rules")
    if table.get("rules", True) is False:
        return []
    try:
        email, hooks, command = (_texts(table, key) for key in _CHANNELS)
        _check_channels(hooks, command, webhooks)
    except UsageError as error:
        raise SettingsError(str(file), f"[default] {error.message}", error.hint) from None
    return default_alerts.with_channels(email, hooks, command)


def _own_rules(file: Path, document: Mapping[str, Any], webhooks: tuple[str, ...]) -> list[AlertRule]:
    tables = document.get("alert", [])
    if not isinstance(tables, list):
        raise SettingsError(str(file), "'alert' is not a list of tables", "write [[alert]] once for each rule")
    rules = [_rule(file, number, table, webhooks) for number, table in enumerate(tables, 1)]
    names = [rule.name for rule in rules]
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate:
        raise SettingsError(str(file), f"two rules have the name {duplicate!r}")
    return rules


def _rule(file: Path, number: int, table: Any, webhooks: tuple[str, ...]) -> AlertRule:
    name = table.get("name") if isinstance(table, dict) else None
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise SettingsError(str(file), f"alert {number} has no valid name: 1 to 64 letters, digits, _ . -")
    try:
        return _parse_rule(name, table, webhooks)
    except UsageError as error:
        raise SettingsError(str(file), f"alert {name!r}: {error.message}", error.hint) from None


def _parse_rule(name: str, table: Mapping[str, Any], webhooks: tuple[str, ...]) -> AlertRule:
    _check_keys(table)
    limits = {field: parse(_text(table[key], key), key) for key, (field, parse) in _THRESHOLDS.items() if key in table}
    findings = {key: _texts(table, key) for key in _FINDINGS}
    if bool(limits) == any(findings.values()):
        kinds = f"one of {', '.join(_THRESHOLDS)}, or one of {', '.join(_FINDINGS)}"
        raise UsageError(f"{'both kinds of conditions' if limits else 'no threshold'}; set {kinds}")
    rule = AlertRule(
        name=name,
        queues=_texts(table, "queues"),
        thresholds=Thresholds(**limits),
        hold=durations.parse(_text(table.get("for", "0s"), "for"), "for"),
        repeat=durations.parse(_text(table.get("repeat", DEFAULT_REPEAT), "repeat"), "repeat"),
        email=_texts(table, "email"),
        webhooks=_texts(table, "webhook"),
        command=_texts(table, "command"),
        severity=_severity(table),
        silence=_silence(table),
        health=findings["health"],
        causes=findings["causes"],
        topics=findings["topics"],
        jobs=findings["jobs"],
    )
    if not rule.channels:
        raise UsageError("no channel; set email, webhook or command")
    _check_channels(rule.webhooks, rule.command, webhooks)
    return rule


def _check_channels(urls: tuple[str, ...], command: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    for url in urls:
        _check_webhook(url, allowed)
    if command and not os.path.isabs(command[0]):
        raise UsageError(f"command: {command[0]!r} is not an absolute path")


def _severity(table: Mapping[str, Any]) -> Severity:
    value = table.get("severity", "warning")
    known = next((severity for severity in SEVERITY_ORDER[:-1] if severity == value), None)
    if known is None:
        raise UsageError(f"severity: {value!r} is not one of {', '.join(SEVERITY_ORDER[:-1])}")
    return known


def _silence(table: Mapping[str, Any]) -> Threshold | None:
    if "max-silence" not in table:
        return None
    silence = thresholds.parse_age(_text(table["max-silence"], "max-silence"), "max-silence")
    if table.get("jobs") and max(filter(None, (silence.warning, silence.critical))) > MAX_JOB_SILENCE_SECONDS:
        raise UsageError("max-silence: runs of jobs are counted for two days", "set at most 47h")
    return silence


def _check_keys(table: Mapping[str, Any]) -> None:
    for key in table:
        if key not in _KEYS:
            close = get_close_matches(key, _KEYS, n=1, cutoff=0.6)
            raise UsageError(
                f"unknown key {key!r}", did_you_mean(close) if close else f"known keys: {', '.join(_KEYS)}"
            )


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{key}: {value!r} is not a string")
    return value


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return a list of strings; a single string is a list of one."""
    value = table.get(key, [])
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
        raise UsageError(f"{key}: {value!r} is not a list of strings")
    return tuple(items)


def _check_webhook(url: str, allowed: tuple[str, ...]) -> None:
    if not is_allowed_url(url, allowed):
        where = f"{urlsplit(url).scheme}://{urlsplit(url).hostname}"
        raise UsageError(
            f"webhook: {where} is not below a URL of QCTL_ALERT_WEBHOOKS", "add the URL to QCTL_ALERT_WEBHOOKS"
        )
