"""Jobs read from lines of JSON that may be corrupt or hostile: what is not understood to the last field is refused.

A stock worker unpickles payloads, notes and results that are not JSON, calls the callbacks that a job names, and sends
to its web hooks. Such a job is refused too, unless whoever imports it trusts where it came from.
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

MOST = 64 << 20
"""Bytes of one line, and of one payload inflated."""

MOST_FIELDS = 100
MOST_RESULTS = 100

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_ENTRY = re.compile(r"(\d{1,18})-(\d{1,18})")
_FINGERPRINT = re.compile(r"[0-9a-f]{12}")
_CALLED = ("success_callback_name", "failure_callback_name", "stopped_callback_name", "webhooks")
_PICKLED = ("data", "meta", "result")
_KNOWN = {"schema", "id", "queue", "state", "fields", "results", "score", "note", "died", "cause", "expires_at"}
_KNOWN |= {"results_expire_at", "readable"}

Values = dict[str, bytes]


@dataclass(frozen=True)
class Record:
    """One job as `exporting` wrote it. Times in milliseconds; `died` is None where no index knew it."""

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
    called: list[str] = field(default_factory=list)
    """What a stock worker would unpickle, call or send to."""

    @property
    def fingerprint(self) -> str:
        """The name of its cause, empty where no index knew it."""
        return "" if self.died is None else untrusted_fields.decode(self.fields.get(job_fields.FINGERPRINT))


def document(line: bytes) -> dict[str, Any]:
    """The JSON object that a line holds. Raises RejectedError."""
    if len(line) > MOST:
        raise RejectedError(f"it is longer than {MOST:,} bytes")
    try:
        found = json.loads(line.decode(), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise RejectedError("it is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise RejectedError(f"it is not JSON: {type(error).__name__}: {error}"[:200]) from None
    if not isinstance(found, dict):
        raise RejectedError(f"it is no {export_jobs.SCHEMA}, nor anything else that we write")
    return found


def parse(line: bytes, *, trust: bool) -> Record:
    """The job that a line holds. Raises RejectedError saying what is wrong with it."""
    return read(document(line), trust=trust)


def read(found: Any, *, trust: bool) -> Record:
    """The job that a JSON object holds. Raises RejectedError saying what is wrong with it."""
    if not isinstance(found, dict):
        raise RejectedError(f"it is no {export_jobs.SCHEMA}")
    if found.get("schema") != export_jobs.SCHEMA:
        raise RejectedError(f"it is no {export_jobs.SCHEMA}")
    unknown = found.keys() - _KNOWN
    if unknown:
        raise RejectedError(f"it has {min(unknown)!r}, which no export writes")
    record = _record(found)
    if record.called and not trust:
        raise RejectedError(f"a stock worker would run or call its {record.called[0]}: take it with --trust")
    return record


def _record(found: dict[str, Any]) -> Record:
    state = found.get("state")
    if state not in STATES or state == "started":
        raise RejectedError(f"its state is {state!r}: it cannot be put there")
    fields = values(found.get("fields"), "fields")
    queue, id_ = word(found, "queue"), word(found, "id")
    if ":" in id_:
        raise RejectedError("its id has a colon: it would name another key")
    _check_fields(fields, queue, state)
    results = _results(found.get("results"))
    died = found.get("died")
    if died is not None and not _FINGERPRINT.fullmatch(untrusted_fields.decode(fields.get(job_fields.FINGERPRINT))):
        raise RejectedError("it has a time of death and no fingerprint of twelve hexadecimal digits")
    return Record(
        id=id_,
        queue=queue,
        state=state,
        fields=fields,
        results=results,
        score=score(found.get("score")) if job_locations.key_type(state) == "zset" else 0.0,
        note=_note(found.get("note")) if state == "quarantined" else b"",
        died=None if died is None else _number(died, "died"),
        cause=_note(found.get("cause", "{}")),
        expires_at=moment(found, "expires_at"),
        results_expire_at=moment(found, "results_expire_at"),
        called=called(fields, results),
    )


def _check_fields(fields: Values, queue: str, state: State) -> None:
    if not fields and state != "quarantined":
        raise RejectedError("it has no data")
    if fields and state != "quarantined":
        status = untrusted_fields.decode(fields.get("status"))
        if job_locations.BY_STATUS.get(status) != state:
            raise RejectedError(f"it is {state}, and says that it is {status!r}")
        if untrusted_fields.decode(fields.get("origin")) != queue:
            raise RejectedError(f"it is of queue {queue!r}, and says that it is of another")


def word(found: dict[str, Any], name: str) -> str:
    """A text of 1 to 200 characters under a name. Raises RejectedError."""
    value = found.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise RejectedError(f"its {name} is not 1 to 200 characters")
    _bytes(value, name)
    return value


def _bytes(text: str, name: str) -> bytes:
    try:
        return untrusted_fields.encode(text)
    except UnicodeEncodeError:
        raise RejectedError(f"its {name} has half of a character") from None


def values(found: Any, name: str) -> Values:
    """Fields of a hash as `exporting` wrote them. Raises RejectedError."""
    if not isinstance(found, dict) or len(found) > MOST_FIELDS:
        raise RejectedError(f"its {name} is no object of at most {MOST_FIELDS} names")
    for each in found:
        if not _NAME.fullmatch(each):
            raise RejectedError(f"its {name} has {each[:80]!r}, which is no name of a field")
    return {each: value(raw, each) for each, raw in found.items()}


def value(found: Any, name: str) -> bytes:
    """Bytes as `exporting.value` wrote them. Raises RejectedError."""
    if isinstance(found, str):
        try:
            return found.encode()
        except UnicodeEncodeError:
            raise RejectedError(f"its {name} has half of a character") from None
    if not isinstance(found, dict) or found.keys() != {"base64"} or not isinstance(found["base64"], str):
        raise RejectedError(f"its {name} is neither text nor base64")
    try:
        return base64.b64decode(found["base64"], validate=True)
    except (binascii.Error, ValueError):
        raise RejectedError(f"the base64 of its {name} is corrupt") from None


def _results(found: Any) -> list[tuple[str, Values]]:
    if not isinstance(found, list) or len(found) > MOST_RESULTS:
        raise RejectedError(f"its results are no list of at most {MOST_RESULTS}")
    results: list[tuple[str, Values]] = []
    last = (0, 0)
    for each in found:
        entry = each.get("id") if isinstance(each, dict) else None
        parsed = _ENTRY.fullmatch(entry) if isinstance(entry, str) else None
        if parsed is None or (now := (int(parsed[1]), int(parsed[2]))) <= last:
            raise RejectedError(f"its results have the id {str(entry)[:80]!r}, which is none or out of order")
        kept = values(each.get("fields"), "results")
        if not kept:
            raise RejectedError("one of its results is empty")
        last = now
        results.append((str(entry), kept))
    return results


def score(value: Any) -> float:
    """A score of a sorted set. Raises RejectedError."""
    return math.inf if value == "inf" else -math.inf if value == "-inf" else _number(value, "score")


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise RejectedError(f"its {name} is no number")
    return value


def moment(found: dict[str, Any], name: str) -> int:
    """A time in milliseconds, 0 where there is none. Raises RejectedError."""
    value = found.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 53:
        raise RejectedError(f"its {name} is no time in milliseconds")
    return value


def _note(found: Any) -> bytes:
    raw = value(found, "note")
    if len(raw) > 10_000:
        raise RejectedError("its note is longer than 10,000 bytes")
    return raw


def called(fields: Mapping[str, bytes], results: list[tuple[str, Values]]) -> list[str]:
    """What a stock worker would unpickle, call or send to."""
    names = [name for name in _CALLED if fields.get(name) not in (None, b"", b"[]")]
    names += [name for name in _PICKLED if name in fields and not _is_json(fields[name])]
    returned = [kept["return_value"] for _, kept in results if "return_value" in kept]
    return names + ["return value" for packed in returned if not _is_json(_unpacked(packed))]


def _unpacked(value: bytes) -> bytes:
    try:
        return base64.b64decode(value)
    except binascii.Error:
        return value


def _is_json(data: bytes) -> bool:
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, MOST)
    except zlib.error:
        inflated = data
    try:
        json.loads(inflated.decode())
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
