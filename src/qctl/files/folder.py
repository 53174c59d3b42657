"""Opens files inside one folder and nothing outside it. Names and files are untrusted.

Each part of a name is opened relative to its parent folder, and no link is followed, so a file cannot be replaced
between check and use. The type is checked before reading: a pipe or a device is rejected without waiting for it.
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

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_TO_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OPEN_TO_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_PARTIAL_SUFFIX = ".part"

MAX_NAME_CHARACTERS = 1024
"""Maximum length of a name."""


class Folder:
    """A folder of the settings. It may itself be a link, because the settings are trusted."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, name: str, max_bytes: int) -> BinaryIO:
        """Open a file inside the folder. Reading more than `max_bytes` raises RejectedError, also if the file grows.

        Raises RejectedError if the name leads out of the folder, the file does not exist, or it is not a regular file
        with one name: a link, a folder, a pipe, a device.
        """
        label = f"{name!r:.200}"
        parts = _parts(name)
        try:
            with self._within(parts[:-1]) as folder:
                descriptor = os.open(parts[-1], _OPEN_TO_READ, dir_fd=folder)
        except OSError as error:
            raise _open_error(label, error) from error
        try:
            _check(os.fstat(descriptor), max_bytes, label)
            return io.BufferedReader(BoundedStream(os.fdopen(descriptor, "rb", buffering=0), max_bytes))
        except BaseException:
            with suppress(OSError):
                os.close(descriptor)
            raise

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """Write a file that appears with all of its content when the block ends, and not at all if it fails.

        `name` is trusted and has no folders; an existing file is replaced. The folder is created if it is missing.
        Raises SinkUnavailableError if the disk is full, SinkMisconfiguredError if the folder cannot be written to.
        """
        partial = f".{name}.{secrets.token_hex(4)}{_PARTIAL_SUFFIX}"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._within([]) as folder:
                try:
                    with os.fdopen(os.open(partial, _OPEN_TO_WRITE, 0o600, dir_fd=folder), "wb") as out:
                        yield out
                        out.flush()
                        os.fsync(out.fileno())
                    os.replace(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
                    os.fsync(folder)
                except BaseException:
                    with suppress(OSError):
                        os.unlink(partial, dir_fd=folder)
                    raise
        except OSError as error:
            raise self._write_error(error) from error

    def remove(self, name: str) -> None:
        """Delete a file that `writing` created, if it exists. Raises as `writing`."""
        try:
            with self._within([]) as folder, suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
        except OSError as error:
            raise self._write_error(error) from error

    @contextmanager
    def _within(self, parts: Sequence[str]) -> Iterator[int]:
        """A descriptor of the folder, or of a folder inside it."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                child = os.open(part, _OPEN_FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = child
            yield descriptor
        finally:
            os.close(descriptor)

    def _write_error(self, error: OSError) -> QctlError:
        text = f"cannot write to {self.path}: {error.strerror}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE):
            return SinkUnavailableError(text)
        return SinkMisconfiguredError(text, hint="set a folder that can be written to")


class BoundedStream(io.RawIOBase):
    """A stream that raises RejectedError after `max_bytes`."""

    def __init__(
        self, inner: io.RawIOBase | BinaryIO, max_bytes: int, reason: str = "it is larger than MAX_FILE_SIZE"
    ) -> None:
        self._inner = inner
        self._bytes_left = max_bytes
        self._reason = f"{reason} ({max_bytes} bytes)"

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into `buffer`. Returns the number of bytes."""
        data = self._inner.read(len(buffer)) or b""
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise RejectedError(self._reason)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the inner stream too."""
        self._inner.close()
        super().close()


def _parts(name: str) -> list[str]:
    """The parts of a name. Raises RejectedError if the name leads, or could lead, out of the folder."""
    label = f"{name!r:.200}"
    try:
        name.encode()
    except UnicodeEncodeError:
        raise RejectedError(f"not a valid file name: {label}") from None
    if not name or len(name) > MAX_NAME_CHARACTERS or any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise RejectedError(f"not a valid file name: {label}")
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise RejectedError(f"it leads out of its folder: {label}")
    return parts


def _check(status: os.stat_result, max_bytes: int, label: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise RejectedError(f"it is not a regular file: {label}")
    if status.st_nlink != 1:
        raise RejectedError(f"it has a second name (a hard link): {label}")
    if status.st_size > max_bytes:
        raise RejectedError(f"it is larger than MAX_FILE_SIZE ({max_bytes} bytes): {label}")


def _open_error(label: str, error: OSError) -> QctlError:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return RejectedError(f"its path contains a link, or a file in place of a folder: {label}")
    if error.errno in (errno.ENOENT, errno.ENAMETOOLONG, errno.EISDIR, errno.ENXIO, errno.ENODEV):
        return RejectedError(f"there is no such file: {label}")
    if error.errno in (errno.EACCES, errno.EPERM):
        return RejectedError(f"permission denied: {label}")
    return SinkUnavailableError(f"it cannot be read now: {label}: {error.strerror}")
