"""Rules for parsing readings, the same for MQTT, HTTP and `qctl ingest push`. docs/readings.md describes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple, TypedDict
from zoneinfo import ZoneInfo

from qctl.settings import Settings

MAX_NAME_CHARACTERS = 128
"""Length of a field's name."""

MAX_FIELDS = 256
"""Fields of one reading; further ones are left out."""

MAX_DEPTH = 5
"""Levels of nested objects and arrays, including the outermost one; deeper values are left out."""

MAX_TEXT_CHARACTERS = 1024
"""Length of a text that is stored; a longer one is left out."""

MAX_READINGS = 5000
"""Readings of one message or request."""

MAX_LEFT_OUT_NAMES = 20
"""Names of values of one message that are counted by themselves; further ones are counted as `OTHER_NAMES`."""

OTHER_NAMES = "(others)"

DEFAULT_PATTERN = "+/{device}/..."
"""Meaning of a topic's levels if MQTT_TOPIC_PATTERN is not set."""

YEAR_2015_NS = 1_420_070_400 * 10**9

Value = int | float | bool | str
"""Value of a field."""


@dataclass(frozen=True)
class ReadingRules:
    """The settings that the parser needs. `oldest_ns` (ns since 1970) and `max_ahead_ns` bound the times of a clock
    that is set."""

    max_payload: int = 65_536
    pattern: str = DEFAULT_PATTERN
    zone: tzinfo = timezone.utc
    numeric_strings: bool = True
    text: bool = True
    value_by_topic: bool = False
    oldest_ns: int = YEAR_2015_NS
    max_ahead_ns: int = 86_400 * 10**9

    @classmethod
    def of(cls, settings: Settings) -> ReadingRules:
        """The rules of the settings."""
        return cls(
            max_payload=settings.max_payload,
            pattern=settings.mqtt_topic_pattern,
            zone=_zone(settings.readings_timezone),
            numeric_strings=settings.readings_numeric_strings,
            text=settings.readings_text,
            value_by_topic=settings.readings_value_by_topic,
            oldest_ns=settings.readings_oldest_ns,
            max_ahead_ns=int(settings.readings_max_ahead * 10**9),
        )

    def is_plausible(self, ts_ns: int, received_ns: int) -> bool:
        """True if a clock that is set may show this time."""
        return self.oldest_ns <= ts_ns <= received_ns + self.max_ahead_ns


@lru_cache(maxsize=16)
def _zone(name: str) -> tzinfo:
    return timezone.utc if name == "UTC" else ZoneInfo(name)


class Reading(TypedDict, total=False):
    """One measurement of a device. Times are in nanoseconds since 1970; `ts_ns` is when it was measured. `tags` is
    missing if there are none."""

    topic: str
    device: str
    ts_ns: int
    fields: dict[str, Value]
    received_ns: int
    tags: dict[str, str]


class Parsed(NamedTuple):
    """Readings of one message, and what was left out of them.

    `left_out` holds names of values that no field can hold, and `clocks` counts times that were replaced by the time of
    receipt because the device's clock is not set. If there are no readings, `ignored` is the reason.
    `timed` is true if every reading has a time of its own.
    """

    readings: list[Reading]
    left_out: tuple[str, ...] = ()
    clocks: int = 0
    ignored: str | None = None
    timed: bool = True


def combine(parsed: Iterable[Parsed]) -> Parsed:
    """One result for several readings of a message."""
    results = list(parsed)
    readings = [reading for result in results for reading in result.readings]
    ignored = next((result.ignored for result in results if result.ignored), "no values")
    return Parsed(
        readings,
        tuple(name for result in results for name in result.left_out),
        sum(result.clocks for result in results),
        None if readings else ignored,
        all(result.timed for result in results),
    )
