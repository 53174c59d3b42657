"""Images of the chat that no message has any more: uploads that are used up or were abandoned, and kept images whose
message is gone.

An upload is called after the job of its message, and goes with it: while that waits, runs, is a dead letter or in the
trash, the image stays. A kept image is called after its content, and stays while any message has it. Images in a
bucket are left alone.
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
from qctl.files.images import FORMATS
from qctl.jobs import log_context
from qctl.jobs.batches import settings
from qctl.jobs.follow_up_jobs import redis
from qctl.old_files import OldFile
from qctl.settings import Settings
from qctl.store import chat

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Images that are asked about at once."""

UPLOAD = "chat-"
"""How the names of uploads begin; then comes the id of the job."""

_ENDS = "|".join(FORMATS.values())
_UPLOAD = re.compile(rf"{UPLOAD}([A-Za-z0-9_-]+)\.(?:{_ENDS})")
_HALF = re.compile(rf"\.{UPLOAD}.*\.part")
_KEPT = re.compile(rf"[0-9a-f]{{64}}\.(?:{_ENDS})")


def upload_of(job_id: str, end: str) -> str:
    """The name of the image that comes with a message."""
    return f"{UPLOAD}{job_id}.{end}"


def cleanup_images(olderThan: float | None = None) -> dict[str, int]:
    """Delete old images that no message has any more. Returns how many went. Raises SinkError where the messages cannot
    be asked for, QctlError where it is not allowed."""
    given = settings()
    age = given.keep_images if olderThan is None else max(0.0, olderThan)
    with redis("images cannot be told from those that are needed") as connection:
        gone = sum(each.remove() for each in unused(given, connection, time.time() - age))
    log.info("deleted %d images", gone, extra=log_context.of("cleaned"))
    return {"deleted": gone}


def unused(given: Settings, connection: Any, before: float) -> Iterator[OldFile]:
    """The images that were last written before a time, in seconds since 1970, and that no message has. `connection` is
    one to Redis. Raises as `cleanup_images`."""
    for batch in _batches(old_files.old_files(given.uploads, before)):
        jobs = {file: found[1] for file in batch if (found := _UPLOAD.fullmatch(file.path.name))}
        needed = cleanup.unfinished_ids(connection, list(jobs.values()))
        yield from (file for file, job in jobs.items() if job not in needed)
        yield from (file for file in batch if _HALF.fullmatch(file.path.name))
    for batch in _batches(old_files.old_files(given.images, before)):
        kept = [file for file in batch if _KEPT.fullmatch(file.path.name)]
        known = chat.with_images(given, [file.path.name for file in kept])
        yield from (file for file in kept if file.path.name not in known)


def _batches(files: Iterator[OldFile]) -> Iterator[Sequence[OldFile]]:
    while batch := list(islice(files, AT_ONCE)):
        yield batch
