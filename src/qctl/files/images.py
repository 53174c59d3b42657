"""Checks images by their content, not by their name or a header, and stores them.

They are stored in the bucket QCTL_S3_BUCKET if it is set, else in QCTL_IMAGES_DIR. The name of an image is the hash of
its content, so it is stored once however often a job runs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import struct
import warnings
import zlib

from qctl import extras
from qctl.errors import RejectedError
from qctl.files import s3
from qctl.files.folder import Folder
from qctl.settings import Settings

FORMATS = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "WEBP": "webp"}
"""Image formats that every browser shows, with their file name extensions."""

MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
"""Media types by extension."""

_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
"""Errors of decoders on broken images. RQ's time-out error is not among them."""

MAX_PIXELS = 50_000_000
"""Maximum size of an image, because a few kilobytes may decode to gigabytes."""


def store_image(settings: Settings, data: bytes) -> str:
    """Store an image. Returns its name.

    Raises RejectedError if it is not a valid image, SinkUnavailableError if the store is down, and
    SinkMisconfiguredError if the store rejects the request.
    """
    extension = image_extension(data)
    name = f"{hashlib.sha256(data).hexdigest()}.{extension}"
    if settings.s3_bucket:
        s3.put_object(settings, name, data, MEDIA_TYPES[extension])
        return name
    with Folder(settings.images).writing(name) as out:
        out.write(data)
    return name


def image_extension(data: bytes) -> str:
    """The file name extension for an image: png, jpg, gif or webp.

    Raises RejectedError if it has another format, is broken, or has too many pixels, and UnusableError if Pillow is not
    installed.
    """
    pil = extras.load("PIL.Image", extra="images", needed_by="an image of a message")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pil.open(io.BytesIO(data), formats=tuple(FORMATS)) as image:
                _check_size(*image.size)
                image.load()
                return FORMATS[image.format]
    except pil.UnidentifiedImageError as error:
        raise RejectedError("it is not a PNG, JPEG, GIF or WebP image") from error
    except (*_BROKEN, pil.DecompressionBombError) as error:
        raise RejectedError(f"the image is broken: {error}") from error


def decode_data_url(url: str, max_bytes: int) -> bytes:
    """The bytes of a `data:` URL. Raises RejectedError if they are not in base64, or more than `max_bytes`."""
    head, _, encoded = url.partition(",")
    if not head.startswith("data:") or not head.endswith(";base64") or len(encoded) > max_bytes * 4 // 3 + 4:
        raise RejectedError("an image in a data: URL must be in base64 and not larger than MAX_FILE_SIZE")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise RejectedError("the image is not in base64") from None


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise RejectedError(f"the image has {width} x {height} pixels; the maximum is {MAX_PIXELS}")
