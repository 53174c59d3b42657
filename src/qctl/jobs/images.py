"""Cleanup of chat images and files that no message uses: processed or abandoned uploads, and those of deleted messages.

The name of an upload holds the id of its message's job, and it is kept while that job waits, runs, is a dead letter or
is in the trash. The name of a stored image is a hash of its content, and it is kept while any message uses it. Images
in a bucket are not touched. A file is kept while its job is unfinished or a message carries it.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from qctl import old_files
from qctl.broker.admin import cleanup
from qctl.files.image_check import FORMATS
from qctl.files.message_files import FILE_ID
from qctl.jobs.batches import settings
from qctl.jobs.follow_up_jobs import redis_connection
from qctl.old_files import OldFile
from qctl.settings import Settings
from qctl.store import chat

log = logging.getLogger(__name__)

BATCH_IMAGES = 500
"""Images looked up in one query."""

UPLOAD_PREFIX = "chat-"
"""Prefix of the names of uploads, followed by the id of the job."""

_EXTENSIONS = "|".join(FORMATS.values())
_UPLOAD = re.compile(rf"{UPLOAD_PREFIX}([A-Za-z0-9_-]+)\.(?:{_EXTENSIONS})")
_PARTIAL = re.compile(rf"\.{UPLOAD_PREFIX}.*\.part")
_PARTIAL_FILE = re.compile(rf"\.{FILE_ID.pattern}\..*\.part")
_STORED = re.compile(rf"[0-9a-f]{{64}}\.(?:{_EXTENSIONS})")


def upload_name(job_id: str, extension: str) -> str:
    """The file name of the uploaded image of a message."""
    return f"{UPLOAD_PREFIX}{job_id}.{extension}"


def cleanup_images(olderThan: float | None = None) -> dict[str, int]:
    """Delete old images and files that no message uses. Returns how many were `deleted`.

    Raises SinkError if the messages cannot be read, QctlError if a folder cannot be used.
    """
    current = settings()
    age = current.keep_images if olderThan is None else max(0.0, olderThan)
    with redis_connection("cannot check which images are needed") as connection:
        deleted = sum(image.remove() for image in unused_images(current, connection, time.time() - age))
    log.info("deleted %d images and files", deleted, extra={"event": "cleaned"})
    return {"deleted": deleted}


def unused_images(settings: Settings, connection: Any, before: float) -> Iterator[OldFile]:
    """Yield images and files last modified before a time (s since 1970) that no message uses. `connection`: to Redis.

    Raises as `cleanup_images` does.
    """
    for batch in _batches(old_files.find_old_files(settings.uploads, before)):
        jobs = {file: match[1] for file in batch if (match := _UPLOAD.fullmatch(file.path.name))}
        needed = cleanup.unfinished_ids(connection, list(jobs.values()))
        yield from (file for file, job in jobs.items() if job not in needed)
        yield from (file for file in batch if _PARTIAL.fullmatch(file.path.name))
    for batch in _batches(old_files.find_old_files(settings.images, before)):
        stored = [file for file in batch if _STORED.fullmatch(file.path.name)]
        used = chat.images_in_use(settings, [file.path.name for file in stored])
        yield from (file for file in stored if file.path.name not in used)
    yield from _unused_files(settings, connection, before)


def _unused_files(settings: Settings, connection: Any, before: float) -> Iterator[OldFile]:
    for batch in _batches(old_files.find_old_files(settings.message_files, before)):
        ids = [file.path.name for file in batch if FILE_ID.fullmatch(file.path.name)]
        # The job first: once it has finished, its message is stored.
        needed = cleanup.unfinished_ids(connection, ids)
        needed |= chat.files_in_use(settings, ids)
        yield from (file for file in batch if file.path.name in set(ids) - needed)
        yield from (file for file in batch if _PARTIAL_FILE.fullmatch(file.path.name))


def _batches(files: Iterator[OldFile]) -> Iterator[Sequence[OldFile]]:
    while batch := list(islice(files, BATCH_IMAGES)):
        yield batch
