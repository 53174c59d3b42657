"""Reading a stream backwards, from the newest entry to as far as somebody wants to look. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from redis import Redis

PAGE = 1000
"""Entries read at once: under a millisecond of Redis's time."""

Raw = Mapping[bytes, bytes]


def newest_first(connection: Redis, key: str, since_ms: int = 0) -> Iterator[tuple[str, Raw]]:
    """Every entry that is not older than `since_ms`, as id and raw fields. A page is asked for when it is needed."""
    end = "+"
    while True:
        page = connection.xrevrange(key, max=end, min=since_ms, count=PAGE)
        for entry_id, raw in page:
            yield entry_id.decode(), raw
        if len(page) < PAGE:
            return
        end = f"({page[-1][0].decode()}"


def text(raw: Raw) -> dict[str, str]:
    """The fields of an entry. Names that are not UTF-8 are kept, so that none hides another."""
    return {k.decode(errors="surrogateescape"): v.decode(errors="replace") for k, v in raw.items()}
