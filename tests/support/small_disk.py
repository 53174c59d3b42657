"""A small file system of its own, which a test fills and empties. It takes root."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from support.servers import MissingServerError

BLOCK = bytes(1024**2)


class SmallDisk:
    """A tmpfs of so many megabytes at `folder`, which is empty. Used as a context manager."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self._megabytes = megabytes
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no room for a byte."""
        with self._filler.open("ab", buffering=0) as out, suppress(OSError):
            size = len(BLOCK)
            while size:
                try:
                    out.write(BLOCK[:size])
                except OSError:
                    size //= 2

    def free(self) -> None:
        """Remove what `fill` wrote."""
        self._filler.unlink(missing_ok=True)

    def __enter__(self) -> SmallDisk:
        if os.geteuid() != 0:
            raise MissingServerError("a file system of its own takes root")
        command = ["mount", "-t", "tmpfs", "-o", f"size={self._megabytes}m", "qctl-tests", str(self.folder)]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:
            raise MissingServerError(f"a file system cannot be mounted here: {ran.stderr.strip()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
