"""Decodes payloads of devices: JSON as the standard has it, and as devices really send it.

A byte order mark and trailing NULs are removed. `nan` and `inf`, in any case, are values that are left out. Of keys
that occur twice, the last value counts. Lines of JSON are an array. Bytes that are not UTF-8 become U+FFFD, and the
texts that contain it are left out.
"""

from __future__ import annotations

import json
import re
from typing import Any

from qctl.errors import RejectedError

UTF8_BOM = b"\xef\xbb\xbf"

SPARKPLUG_ROOT = "spBv1.0/"
"""First level of the topics of Sparkplug B."""

REPLACEMENT = "\ufffd"
"""Character in place of bytes that are not UTF-8."""

# A string that does not end matches too, else each of its quotes would be tried as a begin.
_NAN = re.compile(
    r'"(?:\\.|[^"\\])*(?:"|\\?\Z)|(?<![\w.])[+-]?(?:nan|inf(?:inity)?)(?![\w.])', re.IGNORECASE | re.DOTALL
)
_BINARY = {
    b"\x1f\x8b": "payload is gzip: let the device send it uncompressed",
    b"\xff\xfe": "payload is UTF-16: let the device send UTF-8",
    b"\xfe\xff": "payload is UTF-16: let the device send UTF-8",
}
_SPARKPLUG = (
    "payload is Sparkplug B (protobuf), which qctl does not read: convert it to JSON, or exclude its topics with "
    "QCTL_MQTT_IGNORE"
)


class DuplicateKeys(dict[str, Any]):
    """An object of JSON whose keys are not unique. `duplicates` lists those that occur again."""

    duplicates: tuple[str, ...] = ()


class NotJsonError(RejectedError):
    """The payload is text that is no JSON. `text` is that text."""

    def __init__(self, message: str, text: str) -> None:
        super().__init__(message)
        self.text = text


def decode(payload: bytes, topic: str = "", noun: str = "payload") -> Any:
    """Decode a payload. Raises NotJsonError if it is text, RejectedError if it is neither.

    `noun` is what errors call the payload. Objects with keys that occur twice are `DuplicateKeys`.
    """
    payload = payload.removeprefix(UTF8_BOM).rstrip(b"\0")
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = _decode_damaged(payload, topic, noun)
    else:
        if topic.startswith(SPARKPLUG_ROOT) and text[:1] != "{" and not text.isprintable():
            raise RejectedError(_SPARKPLUG)
    return loads(text, noun)


def _decode_damaged(payload: bytes, topic: str, noun: str) -> str:
    """The text of an object with bytes that are not UTF-8. Raises RejectedError for anything else."""
    if topic.startswith(SPARKPLUG_ROOT) or _looks_like_sparkplug(payload):
        raise RejectedError(_SPARKPLUG)
    if reason := _BINARY.get(payload[:2]):
        raise RejectedError(reason.replace("payload", noun))
    if not payload.lstrip().startswith((b"{", b"[")):
        raise RejectedError(f"{noun} is not UTF-8")
    return payload.decode(errors="replace")


def _looks_like_sparkplug(payload: bytes) -> bool:
    """True if it begins like a Sparkplug B payload: field 1, a time as varint of 6 bytes, then field 2, a metric."""
    return payload[:1] == b"\x08" and payload[7:8] == b"\x12" and all(byte & 0x80 for byte in payload[1:6])


def loads(text: str, noun: str = "payload") -> Any:
    """Decode JSON, JSON with `nan`, or lines of JSON. Raises as `decode`."""
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        repaired = _NAN.sub(lambda match: match[0] if match[0][0] == '"' else "NaN", text)
        for candidate in (repaired if repaired != text else "", _as_array(repaired)):
            if candidate:
                try:
                    return _decoder.decode(candidate)
                except (ValueError, RecursionError):
                    continue
        raise NotJsonError(f"{noun} is not JSON: {error.msg} at character {error.pos}", text) from None
    except RecursionError:
        raise RejectedError(f"{noun} is nested too deeply") from None
    except ValueError:
        raise RejectedError(f"{noun} has a number with too many digits") from None


def _as_array(text: str) -> str:
    """Lines of JSON as an array, empty if the text is not lines that begin with an object."""
    lines = [line.strip() for line in text.strip().split("\n")]
    if len(lines) < 2 or not all(line.startswith("{") for line in lines):
        return ""
    return f"[{','.join(lines)}]"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) == len(pairs):
        return content
    found = DuplicateKeys(content)
    seen: set[str] = set()
    found.duplicates = tuple(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return found


_decoder = json.JSONDecoder(object_pairs_hook=_object)
