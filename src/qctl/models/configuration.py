"""Settings as they are shown: no secret is in any of these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SettingInfo:
    """One setting. `value` is what it was given as, secrets masked, None where it is not set; `origin` who gave it:
    flag, environment, .env, context NAME, or default."""

    name: str
    value: str | None
    origin: str
    secret: bool


@dataclass(frozen=True)
class ContextInfo:
    """One context. `redis` is where it leads, None where it names no Redis; `chosen_by` says who chose it, None where
    nobody did; `problem` why it cannot be used."""

    name: str
    redis: str | None = None
    read_only: bool = False
    chosen_by: str | None = None
    problem: str | None = None
