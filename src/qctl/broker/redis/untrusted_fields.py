"""Reads a job's hash and results without trusting them.

Nothing is unpickled and nothing imported: a pickled payload is known by its size, RQ's description, and the name of its
function, which is read from the pickle's opcodes. Compressed
data is inflated up to a limit, because a few kilobytes may expand to gigabytes.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from qctl.broker.redis.replies import Entry

MAX_FIELD_BYTES = 1 << 20
"""Bytes of one payload or traceback that are read; the rest is ignored."""

FUNCTION_BYTES = 4096
"""Bytes at the beginning of a payload in which the name of its function is looked for."""

MAX_PICKLE_OPCODES = 8
"""Opcodes at the beginning of a pickle among which the name of the function is: RQ writes it first."""

_FUNCTION_NAME = re.compile(r"[^\W\d][\w.<>]{0,299}")
_PICKLED_TEXT = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "UNICODE"})

_FIRST_STRING = re.compile(r'\s*\[\s*("(?:[^"\\]|\\.)*")')

Fields = Mapping[str, bytes | None]
"""Fields of a job's hash by name, None for a missing one."""


def decode(raw: bytes | None) -> str:
    """Return text from Redis, empty for None. Bytes that are not UTF-8 survive `encode`."""
    return (raw or b"").decode(errors="surrogateescape")


def encode(text: str) -> bytes:
    """Return the bytes from which `decode` made a text."""
    return text.encode(errors="surrogateescape")


def inflate(data: bytes, limit: int = MAX_FIELD_BYTES) -> tuple[bytes, bool]:
    """Decompress up to `limit` bytes, and tell whether that is all. Data that is not compressed stays as it is."""
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, limit)
    except zlib.error:
        return data[:limit], len(data) <= limit
    return inflated, inflater.eof


def function_name(fields: Fields) -> str:
    """Return the function that a job calls: the first item of a JSON or pickled payload, else the start of RQ's
    description. A pickle's opcodes are read, nothing is loaded."""
    head, _ = inflate(fields.get("data") or b"", FUNCTION_BYTES)
    match = _FIRST_STRING.match(head.decode(errors="replace"))
    if match:
        try:
            return str(json.loads(match[1]))
        except ValueError:
            pass
    return _pickled_function(head) or decode(fields.get("description")).partition("(")[0].strip()


def _pickled_function(head: bytes) -> str:
    """Return the first text of a pickle if it can be the name of a function, else nothing."""
    import pickletools  # a large import that few need

    try:
        for (opcode, argument, _), _count in zip(pickletools.genops(head), range(MAX_PICKLE_OPCODES), strict=False):
            if opcode.name in _PICKLED_TEXT:
                name = str(argument)
                return name if _FUNCTION_NAME.fullmatch(name) else ""
            if opcode.name not in ("PROTO", "FRAME", "MARK"):
                return ""
    except Exception:  # noqa: BLE001 - genops raises anything for bytes that are no pickle
        return ""
    return ""


def indent_payload(data: bytes | None) -> tuple[str | None, int]:
    """Return a payload as indented JSON, and its size in bytes.

    The text is None if the payload is not JSON, or larger than `MAX_FIELD_BYTES`; the size is the compressed one then.
    """
    inflated, is_complete = inflate(data or b"")
    if not is_complete:
        return None, len(data or b"")
    return _indent(inflated), len(inflated)


def indent_meta(data: bytes | None) -> str | None:
    """Return a job's meta as indented JSON, None if it is empty or not JSON."""
    indented = _indent((data or b"")[:MAX_FIELD_BYTES])
    return None if indented == "{}" else indented


def indent_return_value(packed: bytes | None) -> str | None:
    """Return a job's return value, as RQ packs it, as indented JSON; None if it is not JSON."""
    try:
        return _indent(base64.b64decode(packed or b"")[:MAX_FIELD_BYTES])
    except binascii.Error:
        return None


def parse_object(data: bytes | None) -> dict[str, Any]:
    """Return a JSON object, empty if there is none."""
    try:
        parsed = json.loads((data or b"")[:MAX_FIELD_BYTES].decode())
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def parse_ids(data: bytes | None) -> list[str]:
    """Return the texts of a JSON list, none if there is no list."""
    try:
        ids = json.loads((data or b"[]")[:MAX_FIELD_BYTES])
    except (ValueError, RecursionError):
        return []
    return [id_ for id_ in ids if isinstance(id_, str)] if isinstance(ids, list) else []


def _indent(data: bytes) -> str | None:
    parts: list[str] = []
    size = 0
    try:
        for part in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(json.loads(data.decode())):
            size += len(part)
            # Deep nesting makes more indentation than text: such a payload is shown as it is.
            if size > 4 * MAX_FIELD_BYTES:
                return data.decode()
            parts.append(part)
    except (ValueError, RecursionError):
        return None
    return "".join(parts)


def last_traceback(results: Sequence[Entry] | None, fields: Fields) -> str:
    """Return the traceback of the last failure, from the newest of the job's `results` or else from its hash."""
    if results:
        packed = results[0][1].get(b"exc_string", b"")
        try:
            return decode(inflate(base64.b64decode(packed))[0])
        except binascii.Error:
            return decode(packed[:MAX_FIELD_BYTES])
    return decode(inflate(fields.get("exc_info") or b"")[0])


def parse_time(raw: bytes | None) -> datetime | None:
    """Return a time as RQ writes it, None if it is missing or invalid."""
    try:
        parsed = datetime.fromisoformat(decode(raw).removesuffix("Z"))
    except ValueError:
        return None
    return parsed.replace(tzinfo=timezone.utc)


def parse_count(raw: bytes | None) -> int | None:
    """Return a count of at most nine digits, None if it is missing or invalid."""
    return int(raw) if raw is not None and raw.isdigit() and len(raw) < 10 else None
