"""Reads jobs from lines of JSON that may be corrupt or hostile: a line with a part that is not understood is rejected.

A stock worker unpickles payloads, meta and results that are not JSON, calls the callbacks that a job names, and sends
requests to its web hooks. Such a job is rejected too, unless the operator trusts the source of the file.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qctl.broker.admin import export_jobs
from qctl.broker.query import job_locations
from qctl.broker.redis import job_fields, untrusted_fields
from qctl.errors import RejectedError
from qctl.models import STATES, State

MAX_LINE_BYTES = 64 << 20
"""Size of one line, and of one inflated payload; larger ones are rejected."""

MAX_NOTE_BYTES = 10_000
MAX_FIELDS = 100
MAX_RESULTS = 100

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_ENTRY_ID = re.compile(r"(\d{1,18})-(\d{1,18})")
_FINGERPRINT = re.compile(r"[0-9a-f]{12}")
_CALLBACK_FIELDS = ("success_callback_name", "failure_callback_name", "stopped_callback_name", "webhooks")
_PICKLED_FIELDS = ("data", "meta", "result")
_KNOWN_NAMES = {"schema", "id", "queue", "state", "fields", "results", "score", "note", "died", "cause", "expires_at"}
_KNOWN_NAMES |= {"results_expire_at", "readable"}

Values = dict[str, bytes]


@dataclass(frozen=True)
class ImportedJob:
    """One job as `export_jobs` wrote it. Times in milliseconds; `died` is None if it is not in the index of causes."""

    id: str
    queue: str
    state: State
    fields: Values
    results: list[tuple[str, Values]]
    score: float = 0.0
    note: bytes = b""
    died: float | None = None
    cause: bytes = b"{}"
    expires_at: int = 0
    results_expire_at: int = 0
    dangers: list[str] = field(default_factory=list)
    """Names of the parts that a stock worker would unpickle, call or send to."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of its cause, empty if it is not in the index."""
        return "" if self.died is None else untrusted_fields.decode(self.fields.get(job_fields.FINGERPRINT))


def document(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line. Raises RejectedError."""
    if len(line) > MAX_LINE_BYTES:
        raise RejectedError(f"it is longer than {MAX_LINE_BYTES:,} bytes")
    try:
        parsed = json.loads(line.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise RejectedError("it is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise RejectedError(f"it is not JSON: {type(error).__name__}: {error}"[:200]) from None
    if not isinstance(parsed, dict):
        raise RejectedError(f"it is not {export_jobs.SCHEMA}, nor a line of a backup")
    return parsed


def parse(line: bytes, *, trust: bool) -> ImportedJob:
    """Return the job of a line. Raises RejectedError with the reason."""
    return read(document(line), trust=trust)


def read(parsed: Any, *, trust: bool) -> ImportedJob:
    """Return the job of a JSON object. Raises RejectedError with the reason."""
    if not isinstance(parsed, dict) or parsed.get("schema") != export_jobs.SCHEMA:
        raise RejectedError(f"it is not {export_jobs.SCHEMA}")
    unknown = parsed.keys() - _KNOWN_NAMES
    if unknown:
        raise RejectedError(f"it has {min(unknown)!r}, which no export writes")
    job = _job(parsed)
    if not trust:
        refuse_dangers(job.dangers)
    return job


def refuse_dangers(names: list[str]) -> None:
    """Raise RejectedError if there is a part that a stock worker would unpickle, call or send to."""
    if names:
        raise RejectedError(f"a stock worker would run or call its {names[0]}: if you trust the file, use --trust")


def _job(parsed: dict[str, Any]) -> ImportedJob:
    state = parsed.get("state")
    if state not in STATES or state == "started":
        raise RejectedError(f"its state is {state!r}: jobs cannot be imported into that state")
    fields = values(parsed.get("fields"), "fields")
    queue, id_ = word(parsed, "queue"), word(parsed, "id")
    if ":" in id_:
        raise RejectedError("its id has a colon: it would name another key")
    _check_fields(fields, queue, state)
    results = _results(parsed.get("results"))
    died = parsed.get("died")
    if died is not None and not _FINGERPRINT.fullmatch(untrusted_fields.decode(fields.get(job_fields.FINGERPRINT))):
        raise RejectedError("it has a time of death, but no fingerprint of 12 hexadecimal digits")
    return ImportedJob(
        id=id_,
        queue=queue,
        state=state,
        fields=fields,
        results=results,
        score=score(parsed.get("score")) if job_locations.key_type(state) == "zset" else 0.0,
        note=_note(parsed.get("note")) if state == "quarantined" else b"",
        died=None if died is None else _number(died, "died"),
        cause=_note(parsed.get("cause", "{}")),
        expires_at=time_ms(parsed, "expires_at"),
        results_expire_at=time_ms(parsed, "results_expire_at"),
        dangers=dangers(fields, results),
    )


def _check_fields(fields: Values, queue: str, state: State) -> None:
    if state == "quarantined":
        return
    if not fields:
        raise RejectedError("it has no data")
    status = untrusted_fields.decode(fields.get("status"))
    if job_locations.BY_STATUS.get(status) != state:
        raise RejectedError(f"its state is {state}, but its status is {status!r}")
    origin = untrusted_fields.decode(fields.get("origin"))
    if origin != queue:
        raise RejectedError(f"its queue is {queue!r}, but its origin is {origin!r}")


def word(parsed: dict[str, Any], name: str) -> str:
    """Return a text of 1 to 200 characters. Raises RejectedError."""
    text = parsed.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= 200:
        raise RejectedError(f"its {name} is not 1 to 200 characters")
    try:
        untrusted_fields.encode(text)
    except UnicodeEncodeError:
        raise RejectedError(f"its {name} has half of a character") from None
    return text


def values(parsed: Any, name: str) -> Values:
    """Return fields of a hash as `export_jobs` wrote them. Raises RejectedError."""
    if not isinstance(parsed, dict) or len(parsed) > MAX_FIELDS:
        raise RejectedError(f"its {name} is not an object of at most {MAX_FIELDS} names")
    for field_name in parsed:
        if not _FIELD_NAME.fullmatch(field_name):
            raise RejectedError(f"its {name} has {field_name[:80]!r}, which is not a name of a field")
    return {field_name: value(raw, field_name) for field_name, raw in parsed.items()}


def value(parsed: Any, name: str) -> bytes:
    """Return bytes as `export_jobs.value` wrote them. Raises RejectedError."""
    if isinstance(parsed, str):
        try:
            return parsed.encode()
        except UnicodeEncodeError:
            raise RejectedError(f"its {name} has half of a character") from None
    if not isinstance(parsed, dict) or parsed.keys() != {"base64"} or not isinstance(parsed["base64"], str):
        raise RejectedError(f"its {name} is neither text nor base64")
    try:
        return base64.b64decode(parsed["base64"], validate=True)
    except (binascii.Error, ValueError):
        raise RejectedError(f"the base64 of its {name} is corrupt") from None


def _results(parsed: Any) -> list[tuple[str, Values]]:
    if not isinstance(parsed, list) or len(parsed) > MAX_RESULTS:
        raise RejectedError(f"its results are not a list of at most {MAX_RESULTS}")
    results: list[tuple[str, Values]] = []
    last = (0, 0)
    for result in parsed:
        entry_id = result.get("id") if isinstance(result, dict) else None
        match = _ENTRY_ID.fullmatch(entry_id) if isinstance(entry_id, str) else None
        if match is None or (current := (int(match[1]), int(match[2]))) <= last:
            raise RejectedError(f"its results have the id {str(entry_id)[:80]!r}, which is invalid or out of order")
        fields = values(result.get("fields"), "results")
        if not fields:
            raise RejectedError("one of its results is empty")
        last = current
        results.append((str(entry_id), fields))
    return results


def score(parsed: Any) -> float:
    """Return a score of a sorted set. Raises RejectedError."""
    return math.inf if parsed == "inf" else -math.inf if parsed == "-inf" else _number(parsed, "score")


def _number(parsed: Any, name: str) -> float:
    if isinstance(parsed, bool) or not isinstance(parsed, (int, float)) or not math.isfinite(parsed):
        raise RejectedError(f"its {name} is not a number")
    return parsed


def time_ms(parsed: dict[str, Any], name: str) -> int:
    """Return a time in milliseconds, 0 if it is missing. Raises RejectedError."""
    ms = parsed.get(name, 0)
    if isinstance(ms, bool) or not isinstance(ms, int) or not 0 <= ms < 1 << 53:
        raise RejectedError(f"its {name} is not a time in milliseconds")
    return ms


def _note(parsed: Any) -> bytes:
    raw = value(parsed, "note")
    if len(raw) > MAX_NOTE_BYTES:
        raise RejectedError(f"its note is longer than {MAX_NOTE_BYTES:,} bytes")
    return raw


def dangers(fields: Mapping[str, bytes], results: list[tuple[str, Values]]) -> list[str]:
    """Return the names of the parts that a stock worker would unpickle, call or send to."""
    names = [name for name in _CALLBACK_FIELDS if fields.get(name) not in (None, b"", b"[]")]
    names += [name for name in _PICKLED_FIELDS if name in fields and not _is_json(fields[name])]
    returned = [result["return_value"] for _, result in results if "return_value" in result]
    return names + ["return value" for packed in returned if not _is_json(_unpack(packed))]


def _unpack(packed: bytes) -> bytes:
    try:
        return base64.b64decode(packed)
    except binascii.Error:
        return packed


def _is_json(data: bytes) -> bool:
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, MAX_LINE_BYTES)
    except zlib.error:
        inflated = data
    try:
        json.loads(inflated.decode())
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
