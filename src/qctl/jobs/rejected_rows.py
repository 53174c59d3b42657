"""Rejected rows of an import: counted, and written to a CSV file in EXPORTS_DIR with their position and the reason."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import BinaryIO, cast

from qctl.files.folder import Folder
from qctl.safe import escape_cell


class RejectedRows:
    """Collects rejected rows. `unit` names the position column: `line` or `item`."""

    def __init__(self, unit: str) -> None:
        self.count = 0
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace", newline="")  # noqa: SIM115
        self._rows = csv.writer(self._file)
        self._rows.writerow([unit, "reason", "row"])

    def __enter__(self) -> RejectedRows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, position: int, reason: str, cells: Sequence[str]) -> None:
        """Add a row."""
        self.count += 1
        self._rows.writerow([position, escape_cell(reason), *map(escape_cell, cells)])

    def write(self, folder: Folder, name: str) -> str | None:
        """Write the rows to a file in a folder. Returns its name, or None if there are no rows."""
        if not self.count:
            return None
        self._file.flush()
        self._file.seek(0)
        with folder.writing(name) as out:
            shutil.copyfileobj(cast(BinaryIO, self._file.buffer), out)
        return name
