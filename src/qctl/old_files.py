"""Files that are too old, and their removal; those of the folder of exports and reports above all.

Only plain files that lie in the folder itself are looked at, never what a link leads to. A report is told from an
export by how its name begins.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qctl.errors import QctlError

REPORT = "report-"
"""How the names of reports begin."""


@dataclass(frozen=True)
class OldFile:
    """A file that is too old. `size` in bytes; `written` is when, in nanoseconds since 1970."""

    path: Path
    size: int
    written: int

    def remove(self) -> bool:
        """Delete it. Returns False where it has gone, or was written anew, meanwhile. Raises QctlError where that is
        not allowed."""
        try:
            if self.path.lstat().st_mtime_ns != self.written:
                return False
            self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise QctlError(f"{str(self.path)!r} cannot be deleted: {error.strerror}") from error
        return True


def outdated(folder: Path, kind: Literal["reports", "exports"], before: float) -> Iterator[OldFile]:
    """The files of a kind that were last written before a time, in seconds since 1970. None where there is no folder.

    Raises QctlError where it cannot be read.
    """
    return (each for each in old_files(folder, before) if each.path.name.startswith(REPORT) == (kind == "reports"))


def old_files(folder: Path, before: float) -> Iterator[OldFile]:
    """The files of a folder that were last written before a time, in seconds since 1970. None where there is no folder.

    Raises QctlError where it cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            for entry in found:
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(facts.st_mode) and facts.st_mtime < before:
                    yield OldFile(Path(entry.path), facts.st_size, facts.st_mtime_ns)
    except FileNotFoundError:
        return
    except OSError as error:
        raise QctlError(f"{str(folder)!r} cannot be read: {error.strerror}") from error
