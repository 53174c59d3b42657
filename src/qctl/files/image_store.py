"""Where images of chat messages are kept: in the bucket QCTL_S3_BUCKET where that is set, else in QCTL_IMAGES_DIR.

The name of an image is made of its content, so the same one is there once, however often a job runs.
"""

from __future__ import annotations

import hashlib

from qctl.files import s3
from qctl.files.folder import Folder
from qctl.files.images import MEDIA_TYPES, extension
from qctl.settings import Settings


def keep(settings: Settings, data: bytes) -> str:
    """Keep an image. Returns its name.

    Raises RejectedError where it is none, SinkUnavailableError where it cannot be kept now, and SinkMisconfiguredError
    where it must not be kept there.
    """
    end = extension(data)
    name = f"{hashlib.sha256(data).hexdigest()}.{end}"
    if settings.s3_bucket:
        s3.put(settings, name, data, MEDIA_TYPES[end])
        return name
    with Folder(settings.images).writing(name) as out:
        out.write(data)
    return name
