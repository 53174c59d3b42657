"""Stores images, after they were checked by their content, not by their name or a header (`image_decoder.py`).

They are stored in the bucket QCTL_S3_BUCKET if it is set, else in QCTL_IMAGES_DIR. The name of an image is the hash of
its content, so it is stored once however often a job runs. The place where a photograph was taken is removed first.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from qctl.errors import RejectedError
from qctl.files import s3
from qctl.files.folder import Folder
from qctl.files.image_decoder import check_image
from qctl.files.image_location import without_location
from qctl.settings import Settings

MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
"""Media types by extension."""


def store_image(settings: Settings, data: bytes) -> str:
    """Store an image. Returns its name.

    Raises RejectedError if it is not a valid image, SinkUnavailableError if the store is down, and
    SinkMisconfiguredError if the store rejects the request.
    """
    extension = check_image(data)
    if not settings.images_keep_location:
        data = without_location(data)
    name = f"{hashlib.sha256(data).hexdigest()}.{extension}"
    if settings.s3_bucket:
        s3.put_object(settings, name, data, MEDIA_TYPES[extension])
        return name
    with Folder(settings.images).writing(name) as out:
        out.write(data)
    return name


def decode_data_url(url: str, max_bytes: int) -> bytes:
    """The bytes of a `data:` URL. Raises RejectedError if they are not in base64, or more than `max_bytes`."""
    head, _, encoded = url.partition(",")
    if not head.startswith("data:") or not head.endswith(";base64") or len(encoded) > max_bytes * 4 // 3 + 4:
        raise RejectedError("an image in a data: URL must be in base64 and not larger than MAX_FILE_SIZE")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise RejectedError("the image is not in base64") from None
