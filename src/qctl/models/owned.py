"""Jobs as those who own them see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

OwnedStatus = Literal["pending", "running", "completed", "failed", "dlq"]
"""The fourth seed document's words. `failed` ended without being a dead letter (`dlq`): it was canceled or stopped."""

OWNED_STATUSES: tuple[OwnedStatus, ...] = get_args(OwnedStatus)


@dataclass(frozen=True)
class OwnedJob:
    """One job of an owner. `name` is what it was called, `retries` how often it was tried again, `modified` when
    something happened to it last; the times are None where nothing that can be read says them."""

    id: str
    name: str
    owner: str
    status: OwnedStatus
    retries: int
    created: datetime | None
    modified: datetime | None
