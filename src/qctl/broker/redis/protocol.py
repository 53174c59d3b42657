"""Redis's protocol, packed and parsed by hiredis.

It imports nothing of redis-py, because the completion of a shell has no time for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import hiredis
from hiredis import Reader as Reader

Argument = str | bytes | int | float

pack_utf8 = cast("Callable[[tuple[Argument, ...]], bytes]", hiredis.pack_command)
"""Packs one command whose text UTF-8 can encode."""


def pack(command: Iterable[Argument]) -> bytes:
    """Pack one command. Text that was decoded with `surrogateescape` is packed as the bytes that it came from."""
    parts = tuple(command)
    try:
        return pack_utf8(parts)
    except UnicodeEncodeError:
        return pack_utf8(tuple(_encoded(part) for part in parts))


def _encoded(part: Argument) -> Argument:
    return part.encode(errors="surrogateescape") if isinstance(part, str) else part
