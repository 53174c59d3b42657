"""A file that may be packed by gzip or zip, unpacked within limits.

What a file is, its first bytes say, not its name. What a packed one claims of itself is not believed: the bytes that
come out are counted. An archive holds one file; it may not be packed again.
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
from qctl.files.folder import Bounded

RATIO = 100
"""How many times larger than the packed file its content may be: some ten times what text is packed to."""

ALWAYS = 1 << 20
"""Bytes that may come out whatever the ratio is: short files of one repeated line are packed well."""

ENTRIES = 1000
"""Names in a zip archive, folders among them."""

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_ENTRY = b"PK\x01\x02"
_BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError)


@contextmanager
def content(file: BinaryIO, most: int) -> Iterator[BinaryIO]:
    """The content of a file, packed or not, as a file that can be sought in. Raises RejectedError."""
    with tempfile.TemporaryFile() as packed, tempfile.TemporaryFile() as out:
        shutil.copyfileobj(file, packed)
        packed.seek(0)
        inner = unpacked(packed, most)
        if inner is packed:
            yield packed
            return
        shutil.copyfileobj(inner, out)
        out.seek(0)
        yield out


def unpacked(file: BinaryIO, most: int) -> BinaryIO:
    """The content of a file that can be sought in, `most` bytes at most: more raises RejectedError when it is read.

    Raises RejectedError where the archive is broken, encrypted, or holds anything but one file.
    """
    head = _head(file)
    if not head.startswith((_GZIP, _ZIP)):
        return file
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    inner = gzip.GzipFile(fileobj=file) if head.startswith(_GZIP) else _only_entry(file)
    bound = min(most, max(ALWAYS, RATIO * size))
    why = "its content is larger than MAX_FILE_SIZE" if bound == most else "it is packed too well (a zip bomb?)"
    content = io.BufferedReader(Bounded(_Translated(inner), bound, why))
    if content.peek(4).startswith((_GZIP, _ZIP)):
        raise RejectedError("it is packed more than once")
    return content


class _Translated(io.RawIOBase):
    """What an unpacker gives, its errors as RejectedError."""

    def __init__(self, inner: io.BufferedIOBase | gzip.GzipFile) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            found = self._inner.read(len(buffer))
        except _BROKEN as error:
            raise RejectedError(f"the archive is broken: {error}") from error
        buffer[: len(found)] = found
        return len(found)


def _only_entry(file: BinaryIO) -> io.BufferedIOBase:
    """The one file of a zip archive."""
    if _count(file, _ENTRY) > ENTRIES:  # before the directory is read, which takes memory for each
        raise RejectedError(f"the archive has more than {ENTRIES} entries")
    try:
        archive = zipfile.ZipFile(file)
        entries = [info for info in archive.infolist() if not info.is_dir()]
        if len(entries) != 1:
            raise RejectedError(f"the archive holds {len(entries)} files, and not one")
        if entries[0].flag_bits & 1:
            raise RejectedError("the archive is encrypted")
        if entries[0].external_attr >> 28 not in (0, 8):  # what Unix says it is: nothing, or a file
            raise RejectedError("the archive holds a link or a device")
        return archive.open(entries[0])  # type: ignore[return-value]  # it is one, and says so at run time
    except _BROKEN as error:
        raise RejectedError(f"the archive is broken: {error}") from error


def _head(file: BinaryIO) -> bytes:
    head = file.read(4)
    file.seek(0)
    return head


def _count(file: BinaryIO, what: bytes) -> int:
    """How often bytes are in a file."""
    found, before = 0, b""
    while block := file.read(1 << 16):
        found += (before + block).count(what)
        before = block[-(len(what) - 1) :]
    file.seek(0)
    return found
