"""Settings and contexts as shown to people: without secrets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SettingInfo:
    """One setting. `value` is its text, with secrets masked, None if it is not set; `origin` is the source: flag,
    environment, .env, context NAME, or default."""

    name: str
    value: str | None
    origin: str
    secret: bool


@dataclass(frozen=True)
class ContextInfo:
    """One context. `redis` is its Redis, None if it sets none; `chosen_by` is the source that chose it, None if it is
    not chosen; `problem` is the reason if it is invalid."""

    name: str
    redis: str | None = None
    read_only: bool = False
    chosen_by: str | None = None
    problem: str | None = None
