"""Finds old files, especially reports and exports, and deletes them.

Only regular files directly in the folder count; links are not followed. The prefix of a name distinguishes reports from
exports.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qctl.errors import QctlError

REPORT_PREFIX = "report-"
"""Prefix of the names of reports."""


@dataclass(frozen=True)
class OldFile:
    """An old file. `size` is in bytes, `written` the time of the last write in ns since 1970."""

    path: Path
    size: int
    written: int

    def remove(self) -> bool:
        """Delete the file. Returns False if it was deleted or written meanwhile. Raises QctlError if not permitted."""
        try:
            if self.path.lstat().st_mtime_ns != self.written:
                return False
            self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise QctlError(f"{str(self.path)!r} cannot be deleted: {error.strerror}") from error
        return True


def find_outdated(folder: Path, kind: Literal["reports", "exports"], before: float) -> Iterator[OldFile]:
    """Reports or exports that were last written before a time (s since 1970). Empty if there is no folder.

    Raises QctlError if the folder cannot be read.
    """
    files = find_old_files(folder, before)
    return (file for file in files if file.path.name.startswith(REPORT_PREFIX) == (kind == "reports"))


def find_old_files(folder: Path, before: float) -> Iterator[OldFile]:
    """Files of a folder that were last written before a time (s since 1970). Empty if there is no folder.

    Raises QctlError if the folder cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and status.st_mtime < before:
                    yield OldFile(Path(entry.path), status.st_size, status.st_mtime_ns)
    except FileNotFoundError:
        return
    except OSError as error:
        raise QctlError(f"{str(folder)!r} cannot be read: {error.strerror}") from error
