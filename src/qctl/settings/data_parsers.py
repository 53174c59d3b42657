"""Parsers of settings about data: topics, days, encodings. Each raises ValueError, as in `parsers.py`."""

from __future__ import annotations

import codecs
import datetime as dt

from qctl.settings.parsers import split_list, topic_filter


def topic_filters(raw: str) -> tuple[str, ...]:
    """Parse a list of MQTT topic filters, comma separated."""
    return tuple(topic_filter(part) for part in split_list(raw))


def day(raw: str) -> int:
    """Parse a date: 2015-01-01. Returns its begin in UTC, in nanoseconds since 1970."""
    try:
        date = dt.datetime.strptime(raw, "%Y-%m-%d").replace(tzinfo=dt.timezone.utc)
    except ValueError:
        raise ValueError("is not a date: 2015-01-01") from None
    if not 1970 <= date.year < 2200:
        raise ValueError("is not between 1970 and 2199")
    return int(date.timestamp()) * 10**9


def encoding(raw: str) -> str:
    """Parse the name of an encoding of text."""
    try:
        codec = codecs.lookup(raw)
        "".encode(codec.name)
    except LookupError:
        raise ValueError("is not an encoding of text: windows-1252, iso-8859-15, shift_jis") from None
    return codec.name
