"""Rows that a job could not take: counted, and kept in a CSV file in EXPORTS_DIR with where they are and why."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import BinaryIO, cast

from qctl.files.folder import Folder
from qctl.safe import escape_cell


class Refusals:
    """Collects refused rows. `where` is what the number of each counts: `line`, `item`."""

    def __init__(self, where: str) -> None:
        self.count = 0
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace", newline="")  # noqa: SIM115
        self._rows = csv.writer(self._file)
        self._rows.writerow([where, "reason", "row"])

    def __enter__(self) -> Refusals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, number: int, reason: str, cells: Sequence[str]) -> None:
        """Note a row."""
        self.count += 1
        self._rows.writerow([number, escape_cell(reason), *map(escape_cell, cells)])

    def keep(self, folder: Folder, name: str) -> str | None:
        """Write them into a folder. Returns the file's name, None where there are none."""
        if not self.count:
            return None
        self._file.flush()
        self._file.seek(0)
        with folder.writing(name) as out:
            shutil.copyfileobj(cast(BinaryIO, self._file.buffer), out)
        return name
