"""The slot of Redis Cluster in which keys with a hash tag lie."""

from __future__ import annotations

from binascii import crc_hqx

SLOTS = 16_384
"""Number of slots that a cluster has."""


def slot_of(tag: str) -> int:
    """Return the slot of the keys with this hash tag: CRC16 as XMODEM has it, by the number of slots."""
    return crc_hqx(tag.encode(), 0) % SLOTS
