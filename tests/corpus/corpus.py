"""Loads the corpus: inputs with the rows that they must become."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

Case = dict[str, Any]


def cases(domain: str) -> dict[str, Case]:
    """The inputs of a domain by name."""
    return {file.stem: json.loads(file.read_text()) for file in sorted((FOLDER / domain).glob("*.json"))}


def payload(case: Case) -> bytes:
    """The bytes of an input."""
    return bytes.fromhex(case["payload_hex"]) if "payload_hex" in case else str(case["payload"]).encode()


def nanoseconds(time: str) -> int:
    """Nanoseconds since 1970 of a row's time."""
    from qctl.sources import timestamps

    return timestamps.nanoseconds(time)


def merged(rows: Iterable[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    """Rows with the same key as one, as SQLite stores them: (topic, device, time, tags, fields)."""
    fields: dict[tuple[Any, ...], dict[str, Any]] = {}
    for *key, added in rows:
        fields.setdefault(tuple(key), {}).update(added)
    return {(*key, json.dumps(values, sort_keys=True)) for key, values in fields.items()}
