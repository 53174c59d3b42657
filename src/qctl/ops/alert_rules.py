"""The rules of alerts: a TOML file of [[alert]] tables, read whole or not at all.

[[alert]]
name = "email-late"
queues = ["email"]              # names or globs, each with its lanes; all queues where it is left out
max-age = "60s:300s"            # the thresholds of `qctl check`, WARNING:CRITICAL
min-workers = "1"
for = "1m"                      # how long it must be so before anybody is told
repeat = "4h"                   # told again while it is so; "0s" never
email = ["ops@example.com"]     # sent by the queue email
webhook = ["https://hooks.example/team/1"]    # below a URL of QCTL_ALERT_WEBHOOKS
command = ["/usr/local/bin/page", "on-call"]  # run without a shell, the notice as JSON on its stdin
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from qctl import durations, thresholds, toml
from qctl.errors import SettingsError, UsageError
from qctl.models import AlertRule, Threshold, Thresholds

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)

REPEAT = "4h"
"""How long until somebody is told again, where the rule does not say."""

_LIMITS: Mapping[str, tuple[str, Callable[[str, str], Threshold]]] = {
    "max-age": ("age", thresholds.parse_age),
    "max-depth": ("depth", thresholds.parse_count),
    "max-dead": ("dead", thresholds.parse_count),
    "max-errors": ("errors", thresholds.parse_share),
    "min-workers": ("workers", thresholds.parse_minimum),
}
_KEYS = ("name", "queues", *_LIMITS, "for", "repeat", "email", "webhook", "command")


def load(file: Path, webhooks: tuple[str, ...] = ()) -> list[AlertRule]:
    """The rules of a file, none where there is no file. `webhooks` are what QCTL_ALERT_WEBHOOKS allows.

    Raises SettingsError naming the file, the rule and the part that cannot be used; also for a file that others may
    write to where it names a command.
    """
    said = toml.read_toml(file)
    unknown = sorted(said.keys() - {"alert"})
    if unknown:
        raise SettingsError(str(file), f"{unknown[0]!r} is nothing that it may say: it holds [[alert]] tables")
    tables = said.get("alert", [])
    if not isinstance(tables, list):
        raise SettingsError(str(file), "[alert] is written [[alert]], once for each rule")
    rules = [_rule(file, number, table, webhooks) for number, table in enumerate(tables, 1)]
    names = [rule.name for rule in rules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise SettingsError(str(file), f"two rules are called {twice!r}")
    if any(rule.command for rule in rules):
        _refuse_if_others_may_write(file)
    return rules


def _rule(file: Path, number: int, table: Any, webhooks: tuple[str, ...]) -> AlertRule:
    name = table.get("name") if isinstance(table, dict) else None
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise SettingsError(str(file), f"alert {number} has no name of letters, digits, _ . -")
    try:
        return _read(name, table, webhooks)
    except UsageError as error:
        raise SettingsError(str(file), f"alert {name!r}: {error.message}", error.hint) from None


def _read(name: str, table: Mapping[str, Any], webhooks: tuple[str, ...]) -> AlertRule:
    _check_keys(table)
    limits = {field: parse(_text(table[key], key), key) for key, (field, parse) in _LIMITS.items() if key in table}
    if not limits:
        raise UsageError(f"it has no threshold: {', '.join(_LIMITS)}")
    rule = AlertRule(
        name=name,
        queues=_texts(table, "queues"),
        thresholds=Thresholds(**limits),
        hold=durations.parse(_text(table.get("for", "0s"), "for"), "for"),
        repeat=durations.parse(_text(table.get("repeat", REPEAT), "repeat"), "repeat"),
        email=_texts(table, "email"),
        webhooks=_texts(table, "webhook"),
        command=_texts(table, "command"),
    )
    if not rule.channels:
        raise UsageError("it tells nobody: give it email, webhook or command")
    for url in rule.webhooks:
        _check_webhook(url, webhooks)
    if rule.command and not os.path.isabs(rule.command[0]):
        raise UsageError(f"command: {rule.command[0]!r} is not the whole path of a program")
    return rule


def _check_keys(table: Mapping[str, Any]) -> None:
    for key in table:
        if key not in _KEYS:
            close = get_close_matches(key, _KEYS, n=1, cutoff=0.6)
            raise UsageError(f"{key!r} is nothing that a rule has", f"did you mean {close[0]}?" if close else None)


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{key}: {value!r} is not text in quotes")
    return value


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of texts, or one."""
    value = table.get(key, [])
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(each, str) and each for each in listed):
        raise UsageError(f"{key}: {value!r} is not a list of texts in quotes")
    return tuple(listed)


def _check_webhook(url: str, allowed: tuple[str, ...]) -> None:
    if not may_call(url, allowed):
        where = f"{urlsplit(url).scheme}://{urlsplit(url).hostname}"
        raise UsageError(
            f"webhook: {where} is not below a URL of QCTL_ALERT_WEBHOOKS", "add it there: rules alone may not choose it"
        )


def may_call(url: str, allowed: tuple[str, ...]) -> bool:
    """Whether a URL is one of these or lies below it: the same scheme, host and port, and a path that begins alike."""
    try:
        parts = urlsplit(url)
        wanted = (parts.scheme, parts.hostname, parts.port)
    except ValueError:
        return False
    if "@" in parts.netloc or ".." in parts.path.split("/") or not url.isprintable() or " " in url:
        return False
    for each in map(urlsplit, allowed):
        below = parts.path == each.path or parts.path.startswith(each.path.rstrip("/") + "/")
        if wanted == (each.scheme, each.hostname, each.port) and below:
            return True
    return False


def _refuse_if_others_may_write(file: Path) -> None:
    found = file.stat()
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or found.st_uid not in (os.geteuid(), 0):
        raise SettingsError(
            str(file), "names a command and may be written by others, who could run anything", f"chmod 600 {file}"
        )
