"""Jobs as their owners see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

OwnedStatus = Literal["pending", "running", "completed", "failed", "dlq"]
"""Statuses of the gateway's interface. `failed` ended without becoming a dead letter (`dlq`): canceled or stopped."""

OWNED_STATUSES: tuple[OwnedStatus, ...] = get_args(OwnedStatus)


@dataclass(frozen=True)
class OwnedJob:
    """One job of an owner. `retries` is the number of its retries, `modified` the time of its last change; times are
    None if unknown."""

    id: str
    name: str
    owner: str
    status: OwnedStatus
    retries: int
    created: datetime | None
    modified: datetime | None
