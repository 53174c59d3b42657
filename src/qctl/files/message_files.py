"""Files that chat messages carry: kept as they arrived in QCTL_MESSAGE_FILES_DIR, within QCTL_MESSAGE_FILES_BYTES.

The name of a stored file is the random id of its message's job; the client's name is told to the receiver and used
for nothing else. The content is not examined, so it is only ever given out to be saved, never to be shown.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from qctl.errors import BudgetError, NotFoundError, RejectedError, SinkUnavailableError
from qctl.files.folder import Folder
from qctl.models import MessageFile
from qctl.settings import Settings

MAX_NAME_CHARS = 120
MAX_ENDING_CHARS = 16
"""Longest name of a file, and longest ending that is kept when a name is cut."""

UNNAMED = "file"
"""Name of a file whose client gave no usable one."""

MIN_FILE_BYTES = 4096
"""Space that the smallest file counts as, about what it takes on disk."""

MEASURE_SECONDS = 60.0
"""Time after which the folder is measured again: other gateways write to it, and the cleanup deletes."""

FILE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Ids of files, which are the names of stored files too."""

_UNSHOWN = ("C", "Zl", "Zp")
"""Beginnings of Unicode's categories of what has no shape: controls, direction marks, surrogates, line separators."""

_SEPARATORS = re.compile(r"[/\\]")
_FORBIDDEN = re.compile(r'[<>:"|?*;%]')


class MessageFiles:
    """The folder of such files, for all threads of a gateway."""

    def __init__(self, settings: Settings) -> None:
        self._folder = Folder(settings.message_files)
        self._max_bytes = settings.message_files_bytes
        self._lock = threading.Lock()
        self._stored = 0
        self._in_writing = 0
        self._measured: float | None = None

    def write(self, file: MessageFile, content: BinaryIO) -> None:
        """Store a file: all of it or nothing. Raises BudgetError if there is no room, SinkError as Folder.writing."""
        space = _space(file.size)
        self._reserve(space)
        written = 0
        try:
            content.seek(0)
            with self._folder.writing(file.id) as out:
                shutil.copyfileobj(content, out)
            written = space
        finally:
            with self._lock:
                self._in_writing -= space
                self._stored += written

    def remove(self, file: MessageFile) -> None:
        """Delete the file of a refused message. Raises SinkError."""
        self._folder.remove(file.id)
        with self._lock:
            self._stored = max(0, self._stored - _space(file.size))

    def open(self, file: MessageFile) -> BinaryIO:
        """Open a file to read it. Raises NotFoundError if it is not there any more, SinkUnavailableError."""
        try:
            return self._folder.open(file.id, file.size)
        except RejectedError:
            raise NotFoundError("the file is not stored here any more") from None

    def _reserve(self, space: int) -> None:
        with self._lock:
            if self._measured is None or time.monotonic() - self._measured > MEASURE_SECONDS:
                self._stored, self._measured = _measure(self._folder.path), time.monotonic()
            if self._stored + self._in_writing + space > self._max_bytes:
                raise BudgetError("files of messages use all of their room; send the message without its file")
            self._in_writing += space


def harmless_name(name: str) -> str:
    """The last part of a client's file name, without characters that a system, a terminal or a reader is misled by."""
    last = _SEPARATORS.split(unicodedata.normalize("NFC", name[:4096]))[-1]
    shown = "".join(c for c in last if not unicodedata.category(c).startswith(_UNSHOWN))
    text = _FORBIDDEN.sub("_", " ".join(shown.split())).strip(". ")
    if len(text) > MAX_NAME_CHARS:
        stem, ending = os.path.splitext(text)
        if len(ending) > MAX_ENDING_CHARS:
            stem, ending = text, ""
        text = stem[: MAX_NAME_CHARS - len(ending)].rstrip(". ") + ending
    return text or UNNAMED


def _measure(folder: Path) -> int:
    """Space of the files of a folder, also of those in writing. Raises SinkUnavailableError."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # it was renamed or deleted meanwhile
                    total += _space(entry.stat(follow_symlinks=False).st_size)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise SinkUnavailableError(f"{folder} cannot be measured: {error.strerror}") from error
    return total


def _space(size: int) -> int:
    return max(size, MIN_FILE_BYTES)
