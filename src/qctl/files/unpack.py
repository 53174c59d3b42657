"""Unpacks files that may be compressed by gzip or zip, within limits.

The first bytes of a file determine its format, not its name. The sizes in an archive are not trusted: the bytes that
come out are counted. An archive must contain one file, which must not be compressed again.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from qctl.errors import RejectedError
from qctl.files.folder import BoundedStream

MAX_RATIO = 100
"""Maximum ratio of unpacked to packed size, about ten times that of text."""

MIN_LIMIT_BYTES = 1 << 20
"""Unpacked size that is allowed at any ratio: a short file of repeated lines compresses well."""

MAX_ENTRIES = 1000
"""Maximum entries of a zip archive, folders included."""

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_ENTRY = b"PK\x01\x02"
_BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError)


@contextmanager
def open_content(file: BinaryIO, max_bytes: int) -> Iterator[BinaryIO]:
    """The content of a file, compressed or not, as a seekable file. Raises RejectedError."""
    with tempfile.TemporaryFile() as packed, tempfile.TemporaryFile() as out:
        shutil.copyfileobj(file, packed)
        packed.seek(0)
        inner = unpack_stream(packed, max_bytes)
        if inner is packed:
            yield packed
            return
        shutil.copyfileobj(inner, out)
        out.seek(0)
        yield out


def unpack_stream(file: BinaryIO, max_bytes: int) -> BinaryIO:
    """The content of a seekable file. Reading more than `max_bytes` raises RejectedError.

    Raises RejectedError if the archive is broken or encrypted, or does not contain exactly one file.
    """
    head = _head(file)
    if not head.startswith((_GZIP, _ZIP)):
        return file
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    inner = gzip.GzipFile(fileobj=file) if head.startswith(_GZIP) else _only_entry(file)
    limit = min(max_bytes, max(MIN_LIMIT_BYTES, MAX_RATIO * size))
    reason = (
        "its content is larger than MAX_FILE_SIZE"
        if limit == max_bytes
        else "it may be a zip bomb: its content is too large"
    )
    content = io.BufferedReader(BoundedStream(_ArchiveStream(inner), limit, reason))
    if content.peek(4).startswith((_GZIP, _ZIP)):
        raise RejectedError("it is compressed more than once")
    return content


class _ArchiveStream(io.RawIOBase):
    """The unpacked bytes of an archive. Raises errors of the unpacker as RejectedError."""

    def __init__(self, inner: io.BufferedIOBase | gzip.GzipFile) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._inner.read(len(buffer))
        except _BROKEN as error:
            raise RejectedError(f"the archive is broken: {error}") from error
        buffer[: len(data)] = data
        return len(data)


def _only_entry(file: BinaryIO) -> io.BufferedIOBase:
    """The one file of a zip archive."""
    if _count(file, _ENTRY) > MAX_ENTRIES:  # counted first, because reading the directory takes memory for each entry
        raise RejectedError(f"the archive has more than {MAX_ENTRIES} entries")
    try:
        archive = zipfile.ZipFile(file)
        entries = [info for info in archive.infolist() if not info.is_dir()]
        if len(entries) != 1:
            raise RejectedError(f"the archive contains {len(entries)} files; it must contain one")
        if entries[0].flag_bits & 1:
            raise RejectedError("the archive is encrypted")
        if entries[0].external_attr >> 28 not in (0, 8):  # Unix file type: none, or a regular file
            raise RejectedError("the archive contains a link or a device")
        return archive.open(entries[0])  # type: ignore[return-value]  # ZipExtFile is a BufferedIOBase
    except _BROKEN as error:
        raise RejectedError(f"the archive is broken: {error}") from error


def _head(file: BinaryIO) -> bytes:
    head = file.read(4)
    file.seek(0)
    return head


def _count(file: BinaryIO, pattern: bytes) -> int:
    """The number of occurrences of `pattern` in a file."""
    count, before = 0, b""
    while block := file.read(1 << 16):
        count += (before + block).count(pattern)
        before = block[-(len(pattern) - 1) :]
    file.seek(0)
    return count
