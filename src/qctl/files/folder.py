"""One folder, and nothing outside it: names come from payloads, and what lies in the folder from others.

Every part of a name is opened from the folder above it, and no link is followed on the way, so nobody can put another
thing in its place between a check and the use. What is opened is looked at before it is read: a pipe or a device is
refused without waiting for it.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from qctl.errors import QctlError, RejectedError, SinkMisconfiguredError, SinkUnavailableError

_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_PART = ".part"

LONGEST = 1024
"""Characters of a name."""


class Folder:
    """A folder of the settings. It may be a link itself: whoever made the settings chose it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, name: str, most: int) -> BinaryIO:
        """A file inside, for reading: at most `most` bytes, else RejectedError, also where it grows while it is read.

        Raises RejectedError where the name leads elsewhere, there is no such file, or it is none: a link, with
        another name too, a folder, a pipe, a device.
        """
        shown = f"{name!r:.200}"
        parts = _parts(name)
        try:
            with self._within(parts[:-1]) as folder:
                descriptor = os.open(parts[-1], _READ, dir_fd=folder)
        except OSError as error:
            raise _unreadable(shown, error) from error
        try:
            _check(os.fstat(descriptor), most, shown)
            return io.BufferedReader(Bounded(os.fdopen(descriptor, "rb", buffering=0), most))
        except BaseException:
            with suppress(OSError):
                os.close(descriptor)
            raise

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """A new file inside, there with all of its content when the block ends, and not at all where it fails.

        `name` is of this program, without folders; a file of that name is replaced. The folder is made where it is
        missing. Raises SinkUnavailableError where there is no room, SinkMisconfiguredError where it must not be.
        """
        part = f".{name}.{secrets.token_hex(4)}{_PART}"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._within([]) as folder:
                try:
                    with os.fdopen(os.open(part, _WRITE, 0o600, dir_fd=folder), "wb") as out:
                        yield out
                        out.flush()
                        os.fsync(out.fileno())
                    os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
                    os.fsync(folder)
                except BaseException:
                    with suppress(OSError):
                        os.unlink(part, dir_fd=folder)
                    raise
        except OSError as error:
            raise self._unwritable(error) from error

    def remove(self, name: str) -> None:
        """Delete a file that `writing` made, where it is still there. Raises as that."""
        try:
            with self._within([]) as folder, suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
        except OSError as error:
            raise self._unwritable(error) from error

    @contextmanager
    def _within(self, parts: Sequence[str]) -> Iterator[int]:
        """A descriptor of the folder, or of one inside it."""
        here = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                below = os.open(part, _STEP, dir_fd=here)
                os.close(here)
                here = below
            yield here
        finally:
            os.close(here)

    def _unwritable(self, error: OSError) -> QctlError:
        text = f"cannot write into {self.path}: {error.strerror}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE):
            return SinkUnavailableError(text)
        return SinkMisconfiguredError(text, hint="name a folder that can be written to")


class Bounded(io.RawIOBase):
    """A stream that raises RejectedError where more than `most` bytes come out of it."""

    def __init__(self, inner: io.RawIOBase | BinaryIO, most: int, why: str = "it is larger than MAX_FILE_SIZE") -> None:
        self._inner = inner
        self._left = most
        self._reason = f"{why}, {most} bytes"

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read some."""
        found = self._inner.read(len(buffer)) or b""
        self._left -= len(found)
        if self._left < 0:
            raise RejectedError(self._reason)
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Close what is inside too."""
        self._inner.close()
        super().close()


def _parts(name: str) -> list[str]:
    """The parts of a name inside a folder. Raises RejectedError where it leads, or may lead, out of it."""
    shown = f"{name!r:.200}"
    try:
        name.encode()
    except UnicodeEncodeError:
        raise RejectedError(f"it is no name of a file: {shown}") from None
    if not name or len(name) > LONGEST or any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise RejectedError(f"it is no name of a file: {shown}")
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise RejectedError(f"it does not stay in its folder: {shown}")
    return parts


def _check(found: os.stat_result, most: int, shown: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise RejectedError(f"it is no file: {shown}")
    if found.st_nlink != 1:
        raise RejectedError(f"it has another name elsewhere (a hard link): {shown}")
    if found.st_size > most:
        raise RejectedError(f"it is larger than MAX_FILE_SIZE, {most} bytes: {shown}")


def _unreadable(shown: str, error: OSError) -> QctlError:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return RejectedError(f"there is a link, or no folder, on the way: {shown}")
    if error.errno in (errno.ENOENT, errno.ENAMETOOLONG, errno.EISDIR, errno.ENXIO, errno.ENODEV):
        return RejectedError(f"there is no such file: {shown}")
    if error.errno in (errno.EACCES, errno.EPERM):
        return RejectedError(f"it may not be read: {shown}")
    return SinkUnavailableError(f"it cannot be read now: {shown}: {error.strerror}")
