"""Reading what a job's hash and results say, without trusting them.

Nothing is ever unpickled and nothing imported: a pickled payload is known by its size and RQ's description alone.
What is compressed is inflated up to a limit: a few kilobytes may claim to be gigabytes.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

MOST = 1 << 20
"""Bytes of one payload or traceback that are looked at."""

PEEK = 4096
"""Bytes of a payload in which its function is named, if it is JSON."""

_FIRST_STRING = re.compile(r'\s*\[\s*("(?:[^"\\]|\\.)*")')

Fields = Mapping[str, bytes | None]
"""Fields of a job's hash by name, None where it lacks them."""


def text(raw: bytes | None) -> str:
    """Text from Redis. Bytes that are not UTF-8 are kept, so that it can be sent back."""
    return (raw or b"").decode(errors="surrogateescape")


def raw(shown: str) -> bytes:
    """The bytes that `text` was made of."""
    return shown.encode(errors="surrogateescape")


def inflate(data: bytes, most: int = MOST) -> tuple[bytes, bool]:
    """The first `most` bytes of what was compressed, and whether that is all. What is not compressed stays as it is."""
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, most)
    except zlib.error:
        return data[:most], len(data) <= most
    return inflated, inflater.eof


def function(fields: Fields) -> str:
    """The function that a job names: the first item of a JSON payload, else what RQ's description begins with."""
    head, _ = inflate(fields.get("data") or b"", PEEK)
    named = _FIRST_STRING.match(head.decode(errors="replace"))
    if named:
        try:
            return str(json.loads(named[1]))
        except ValueError:
            pass
    return text(fields.get("description")).partition("(")[0].strip()


def pretty(data: bytes | None) -> tuple[str | None, int]:
    """A payload as indented JSON, None where it is something else or larger than `MOST`; and its size in bytes.

    The size of a payload larger than that is the compressed one.
    """
    inflated, whole = inflate(data or b"")
    if not whole:
        return None, len(data or b"")
    return _indented(inflated), len(inflated)


def meta(data: bytes | None) -> str | None:
    """A job's notes as indented JSON, None where there are none or they are something else."""
    indented = _indented((data or b"")[:MOST])
    return None if indented == "{}" else indented


def value(packed: bytes | None) -> str | None:
    """What a job returned, as RQ packs it, as JSON; None where it is something else."""
    try:
        return _indented(base64.b64decode(packed or b"")[:MOST])
    except binascii.Error:
        return None


def mapping(data: bytes | None) -> dict[str, Any]:
    """A JSON object that somebody left, empty where there is none or it is something else."""
    try:
        found = json.loads((data or b"")[:MOST].decode())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _indented(data: bytes) -> str | None:
    parts: list[str] = []
    size = 0
    try:
        for part in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(json.loads(data.decode())):
            size += len(part)
            # Deep nesting makes more indentation than text: such a payload is shown as it is.
            if size > 4 * MOST:
                return data.decode()
            parts.append(part)
    except (ValueError, RecursionError):
        return None
    return "".join(parts)


def traceback(result: Any, fields: Fields) -> str:
    """What went wrong last, by the newest entry of the job's results (the reply to XREVRANGE) or by its hash."""
    if isinstance(result, list) and result:
        packed = result[0][1].get(b"exc_string", b"")
        try:
            return text(inflate(base64.b64decode(packed))[0])
        except binascii.Error:
            return text(packed[:MOST])
    return text(inflate(fields.get("exc_info") or b"")[0])


def when(raw: bytes | None) -> datetime | None:
    """A time as RQ writes it, None where it is missing or something else."""
    try:
        parsed = datetime.fromisoformat(text(raw).removesuffix("Z"))
    except ValueError:
        return None
    return parsed.replace(tzinfo=timezone.utc)


def whole_number(raw: bytes | None) -> int | None:
    """A count, None where it is missing or something else."""
    return int(raw) if raw is not None and raw.isdigit() and len(raw) < 10 else None
