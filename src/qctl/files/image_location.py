"""Removes the place where a photograph was taken from its metadata: GPS data in Exif and XMP.

Bytes are overwritten in place. Nothing is decoded or moved, so the picture, its orientation and the offsets of further
pictures in the file (MPO) stay as they are.
"""

from __future__ import annotations

import re
import struct
import zlib

MAX_DIRECTORIES = 16
"""Exif directories of one block that are read: a hostile one may be a ring."""

_GPS_TAG = 0x8825
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Size of a value by Exif's type."""

_EXIF_BLOCK = re.compile(rb"Exif\0\0(?=II\*\0|MM\0\*)")
_TIFF_HEADERS = (b"II*\0", b"MM\0*")
_XMP_LOCATION = re.compile(rb"(exif:GPS\w{1,40}(?:=[\"']|>))([^\"'<]{1,200})")
_PNG_HEADER = b"\x89PNG\r\n\x1a\n"


def without_location(data: bytes) -> bytes:
    """The image without GPS data, of the same length."""
    image = bytearray(data)
    if data.startswith(_PNG_HEADER):
        _clean_png(image)
    else:
        _clean_range(image, 0, len(image))
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            _clean_webp(image)
    return bytes(image)


def _clean_range(image: bytearray, start: int, end: int) -> None:
    """Overwrite GPS data of each Exif block and of XMP in a part of the image."""
    for block in _EXIF_BLOCK.finditer(bytes(image[start:end])):
        _clean_exif(image, start + block.end(), end)
    for found in _XMP_LOCATION.finditer(bytes(image[start:end])):
        image[start + found.start(2) : start + found.end(2)] = b" " * len(found[2])


def _clean_png(image: bytearray) -> None:
    at = len(_PNG_HEADER)
    while at + 12 <= len(image):
        (length,) = struct.unpack_from(">I", image, at)
        kind, end = bytes(image[at + 4 : at + 8]), at + 8 + length
        if end + 4 > len(image):
            return
        if kind in (b"eXIf", b"iTXt", b"tEXt"):
            if kind == b"eXIf":
                _clean_exif(image, at + 8, end)
            _clean_range(image, at + 8, end)
            struct.pack_into(">I", image, end, zlib.crc32(image[at + 4 : end]))
        at = end + 4


def _clean_webp(image: bytearray) -> None:
    at = 12
    while at + 8 <= len(image):
        (length,) = struct.unpack_from("<I", image, at + 4)
        if image[at : at + 4] == b"EXIF":
            _clean_exif(image, at + 8, min(at + 8 + length, len(image)))
        at += 8 + length + length % 2


def _clean_exif(image: bytearray, start: int, end: int) -> None:
    """Empty the GPS directory of the Exif block that begins at `start`. A block that is broken is left as it is."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(image[start : start + 4]))
    if order is None:
        return
    try:
        (offset,) = struct.unpack_from(f"{order}I", image, start + 4)
        for _ in range(MAX_DIRECTORIES):
            at = start + offset
            (count,) = struct.unpack_from(f"{order}H", image, at)
            for entry in range(at + 2, at + 2 + 12 * count, 12):
                tag, _, _, value = struct.unpack_from(f"{order}HHII", image, entry)
                if tag == _GPS_TAG:
                    _empty_directory(image, start, start + value, end, order)
            (offset,) = struct.unpack_from(f"{order}I", image, at + 2 + 12 * count)
            if offset == 0:
                return
    except struct.error:
        return


def _empty_directory(image: bytearray, start: int, at: int, end: int, order: str) -> None:
    """Overwrite the entries of a directory, and the values that lie elsewhere in the block."""
    (count,) = struct.unpack_from(f"{order}H", image, at)
    for entry in range(at + 2, min(at + 2 + 12 * count, end - 11), 12):
        _, kind, values, offset = struct.unpack_from(f"{order}HHII", image, entry)
        size = _VALUE_BYTES.get(kind, 1) * values
        first, last = start + offset, min(start + offset + size, end)
        if size > 4 and start <= first < last:
            image[first:last] = bytes(last - first)
        image[entry : entry + 12] = bytes(12)
    image[at : at + 2] = bytes(2)
